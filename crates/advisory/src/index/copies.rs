//! Records by their own id, of which several segments may have a copy: the newest counts.

use super::details::{self, Details};
use super::mapping::Damage;
use super::{Index, IndexError, is_before};

impl Index {
    /// A record whole. One that was withdrawn is none.
    pub fn record(&self, id: &str) -> Result<Option<Details>, IndexError> {
        let mut newest: Option<(&str, Option<Details>)> = None;
        for (info, reader) in self.readers() {
            let read = || {
                let Some(row) = reader.record_by_id(id)? else { return Ok(None) };
                let modified = reader.text(row.modified)?;
                let is_withdrawn = row.withdrawn.get() != 0;
                let details = if is_withdrawn { None } else { Some(details::unpack(reader, &info.name, row)?) };
                Ok(Some((modified, details)))
            };
            let found = read().map_err(|damage| self.damaged(info, &damage))?;
            if let Some(found) = found.filter(|found| newest.as_ref().is_none_or(|newest| is_before(newest.0, found.0)))
            {
                newest = Some(found);
            }
        }
        Ok(newest.and_then(|(_, details)| details))
    }

    /// When the copy of a record that a segment has was last changed.
    pub(crate) fn modified(&self, segment: &str, id: &str) -> Result<Option<&str>, IndexError> {
        let Some((info, reader)) = self.readers().find(|(info, _)| info.name == segment) else { return Ok(None) };
        let read = || reader.record_by_id(id)?.map(|row| reader.text(row.modified)).transpose();
        read().map_err(|damage| self.damaged(info, &damage))
    }

    /// Whether some segment has a newer copy of a record than the one changed at that time.
    pub(crate) fn has_newer(&self, id: &str, modified: &str) -> Result<bool, IndexError> {
        for (info, reader) in self.readers() {
            let read = || match reader.record_by_id(id)? {
                Some(row) => Ok(is_before(modified, reader.text(row.modified)?)),
                None => Ok(false),
            };
            if read().map_err(|damage: Damage| self.damaged(info, &damage))? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
