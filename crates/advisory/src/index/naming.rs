//! Records by any of their ids, and what one says of a package whatever its version: for explaining why something is
//! not found.

use super::details::{self, Details};
use super::format::RecordRow;
use super::mapping::Damage;
use super::segment::Segment;
use super::{Index, IndexError};
use crate::evaluate::Event;

/// What a record says of one package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Its ranges, a sentence each: `from 1.0 to before 1.2`.
    pub ranges: Vec<String>,
    /// The versions that it lists.
    pub versions: Vec<String>,
}

/// So many records are told of one id; more are copies of one another.
const MOST_RECORDS: usize = 64;

impl Index {
    /// The records that have this id or name it among their aliases, `upstream` or `related` ids, in whatever case;
    /// their own id first. Looks at every record: for a person's question, not for matching.
    pub fn records_naming(&self, id: &str) -> Result<Vec<Details>, IndexError> {
        let mut found: Vec<Details> = Vec::new();
        for (info, segment) in self.readers() {
            let mut read = || {
                for row in segment.records()? {
                    // A withdrawn one only says that older copies of it say nothing any more.
                    let counts = row.withdrawn.get() == 0 && found.len() < MOST_RECORDS;
                    if counts && names(segment, row, id)? {
                        found.push(details::unpack(segment, &info.name, row)?);
                    }
                }
                Ok(())
            };
            read().map_err(|damage: Damage| self.damaged(info, &damage))?;
        }
        // Two imports may hold one record: the newer one counts, as for matching.
        found.sort_by(|one, other| one.id.cmp(&other.id).then_with(|| other.modified.cmp(&one.modified)));
        found.dedup_by(|later, kept| later.id == kept.id);
        let mut newest = Vec::new();
        for record in found {
            if !self.has_newer(&record.id, &record.modified)? {
                newest.push(record);
            }
        }
        let mut found = newest;
        found.sort_by_key(|record| !record.id.eq_ignore_ascii_case(id));
        Ok(found)
    }

    /// What a record says of a package, by the package's name in the ecosystem.
    pub fn said(&self, record: &str, ecosystem: &str, name: &str) -> Result<Said, IndexError> {
        let mut said = Said::default();
        for (info, segment) in self.readers() {
            let mut read = || {
                let Some(place) = segment.ecosystem(ecosystem)? else { return Ok(()) };
                let Some(package) = segment.package(place, name)? else { return Ok(()) };
                for row in segment.affected(package)? {
                    if segment.text(segment.record(row.record.get())?.id)? != record {
                        continue;
                    }
                    for range in segment.ranges(row)? {
                        said.ranges.push(sentence(segment.events(range)?));
                    }
                    said.versions.extend(segment.owned_list(row.versions)?);
                }
                Ok(())
            };
            read().map_err(|damage: Damage| self.damaged(info, &damage))?;
            if said != Said::default() {
                break;
            }
        }
        Ok(said)
    }
}

fn names(segment: Segment<'_>, row: &RecordRow, id: &str) -> Result<bool, Damage> {
    if segment.text(row.id)?.eq_ignore_ascii_case(id) {
        return Ok(true);
    }
    for list in [row.aliases, row.upstream, row.related] {
        for text in segment.list(list)? {
            if segment.text(*text)?.eq_ignore_ascii_case(id) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// A range's events as people say them, in the order in which they stand in the record.
fn sentence<'a>(events: impl Iterator<Item = Event<'a>>) -> String {
    let mut parts = Vec::new();
    for event in events {
        parts.push(match event {
            Event::Introduced("0") => "from the first version".to_owned(),
            Event::Introduced(version) => format!("from {version}"),
            Event::Fixed(version) => format!("to before {version}"),
            Event::LastAffected(version) => format!("through {version}"),
            Event::Limit(version) => format!("not beyond {version}"),
        });
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use Event::{Fixed, Introduced, LastAffected};

    use super::*;

    #[test]
    fn a_range_is_told_in_words() {
        assert_eq!(sentence([Introduced("0"), Fixed("1.2")].into_iter()), "from the first version to before 1.2");
        assert_eq!(sentence([Introduced("1.0"), LastAffected("1.4")].into_iter()), "from 1.0 through 1.4");
    }
}
