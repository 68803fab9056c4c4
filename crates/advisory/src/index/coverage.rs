//! Of what the index knows anything at all.

use inventory::Inventory;

use super::mapping::Damage;
use super::{Index, IndexError, SegmentInfo};
use crate::ecosystem;
use crate::places::Places;

impl SegmentInfo {
    /// Whether no match in it means that nothing is known: an ecosystem's archive also has those records of others that
    /// name a package of it, and these are not all.
    pub(crate) fn answers_for(&self, ecosystem: &str) -> bool {
        let fetched = self.ecosystem.as_ref().or(self.changes_of.as_ref());
        fetched.is_none_or(|fetched| ecosystem::base(fetched) == ecosystem::base(ecosystem))
    }
}

impl Index {
    /// Whether a segment covers an ecosystem: that very release of it (`Debian:12`), or, where none is named
    /// (`Debian`), any.
    pub fn covers(&self, ecosystem: &str) -> Result<bool, IndexError> {
        for (info, reader) in self.readers().filter(|(info, _)| info.answers_for(ecosystem)) {
            let read = || {
                if reader.ecosystem(ecosystem)?.is_some() || ecosystem.contains(':') {
                    return Ok(reader.ecosystem(ecosystem)?.is_some());
                }
                for row in reader.ecosystems()? {
                    if ecosystem::base(reader.text(row.name)?) == ecosystem {
                        return Ok(true);
                    }
                }
                Ok(false)
            };
            if read().map_err(|damage: Damage| self.damaged(info, &damage))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The ecosystems (without release) to fetch before an image can be judged: those of its packages that no segment
    /// covers.
    pub fn missing(&self, inventory: &Inventory) -> Result<Vec<String>, IndexError> {
        let mut missing = Vec::new();
        for home in ecosystem::homes(inventory) {
            let base = ecosystem::base(&home.ecosystem);
            if home.in_osv && !missing.iter().any(|known| known == base) && !self.covers_package_of(&home.ecosystem)? {
                missing.push(base.to_owned());
            }
        }
        Ok(missing)
    }

    /// Whether records of that release, or of every release, are there.
    fn covers_package_of(&self, ecosystem: &str) -> Result<bool, IndexError> {
        for (info, reader) in self.readers().filter(|(info, _)| info.answers_for(ecosystem)) {
            let read = || Ok(Places::of(reader, ecosystem)?.is_covered());
            if read().map_err(|damage: Damage| self.damaged(info, &damage))? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
