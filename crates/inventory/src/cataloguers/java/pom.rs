//! `pom.xml`, as far as it says what is built from it (Maven POM reference): properties are not resolved, parents are
//! not fetched.

use quick_xml::Reader;
use quick_xml::events::Event;

/// Empty where absent or written with properties (`${revision}`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pom {
    pub(super) group: String,
    pub(super) artifact: String,
    pub(super) version: String,
    pub(super) licences: Vec<String>,
    parent_group: String,
    parent_version: String,
}

impl Pom {
    /// What comes before a mistake in it counts.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let mut pom = Self::default();
        let text = String::from_utf8_lossy(bytes);
        let mut reader = Reader::from_str(&text);
        reader.config_mut().check_end_names = false;
        reader.config_mut().allow_unmatched_ends = true;
        let mut path = Path::default();
        while let Ok(event) = reader.read_event() {
            match event {
                Event::Start(start) => path.enter(start.local_name().as_ref()),
                Event::End(_) => path.leave(),
                Event::Text(text) => pom.text(path.names(), &text),
                Event::Eof => break,
                _ => {}
            }
        }
        // What a project does not say it has from its parent.
        if pom.group.is_empty() {
            pom.group = std::mem::take(&mut pom.parent_group);
        }
        if pom.version.is_empty() {
            pom.version = std::mem::take(&mut pom.parent_version);
        }
        pom
    }

    fn text(&mut self, names: [&str; 4], text: &str) {
        let text = text.trim();
        if text.is_empty() || text.contains("${") {
            return;
        }
        let slot = match names {
            ["project", "groupId", "", ""] => &mut self.group,
            ["project", "artifactId", "", ""] => &mut self.artifact,
            ["project", "version", "", ""] => &mut self.version,
            ["project", "parent", "groupId", ""] => &mut self.parent_group,
            ["project", "parent", "version", ""] => &mut self.parent_version,
            ["project", "licenses", "license", "name"] if self.licences.len() < 10 && text.len() <= 100 => {
                return self.licences.push(text.split_whitespace().collect::<Vec<_>>().join(" "));
            }
            _ => return,
        };
        if slot.is_empty() {
            text.clone_into(slot);
        }
    }
}

/// The names of the elements around a text, the outermost four; deeper ones are only counted.
#[derive(Default)]
struct Path {
    names: Vec<String>,
    deeper: usize,
}

impl Path {
    fn enter(&mut self, name: &str) {
        if self.names.len() < 4 && self.deeper == 0 {
            self.names.push(name[..name.floor_char_boundary(100)].to_owned());
        } else {
            self.deeper += 1;
        }
    }

    fn leave(&mut self) {
        if self.deeper > 0 {
            self.deeper -= 1;
        } else {
            self.names.pop();
        }
    }

    fn names(&self) -> [&str; 4] {
        if self.deeper > 0 {
            return [""; 4];
        }
        std::array::from_fn(|index| self.names.get(index).map_or("", String::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_has_from_its_parent_what_it_does_not_say() {
        let pom = Pom::read(
            br#"<?xml version="1.0"?><!-- x --><project xmlns="http://maven.apache.org/POM/4.0.0">
                <parent><groupId>org.example</groupId><artifactId>parent</artifactId><version>7</version></parent>
                <artifactId> thing </artifactId><version>${revision}</version>
                <licenses><license><name>Apache License,
                   Version 2.0</name><url>u</url></license><license><name>MIT</name></license></licenses>
                <dependencies><dependency><groupId>other</groupId><version>9</version>
                <exclusions><exclusion><groupId>z</groupId></exclusion></exclusions></dependency></dependencies>
                <build><plugins><plugin><version>3</version></plugin></plugins></build></project>"#,
        );
        assert_eq!((pom.group.as_str(), pom.artifact.as_str(), pom.version.as_str()), ("org.example", "thing", "7"));
        assert_eq!(pom.licences, ["Apache License, Version 2.0", "MIT"]);
    }

    #[test]
    fn a_pom_that_is_none_says_nothing() {
        assert_eq!(Pom::read(b"\xff<a><b"), Pom::default());
        assert_eq!(Pom::read(&b"<a>".repeat(100_000)), Pom::default());
        assert_eq!(Pom::read(b"</a></b><project><version>1</version>").version, "1");
    }
}
