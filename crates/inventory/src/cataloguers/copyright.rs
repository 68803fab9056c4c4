//! The licences of Debian's packages, which dpkg's database does not have: `/usr/share/doc/PACKAGE/copyright` (Debian
//! Policy 12.5), machine-readable (DEP-5) or free text that names a file under `/usr/share/common-licenses`.

use super::lines::Lines;
use super::{Cataloguer, Member, Told, Wanted};
use crate::package::PackageKind;
use crate::record::Licences;

/// Reads the licences of Debian's packages.
pub(super) struct Copyright;

/// Longest part of such a file that is read; Linux's has some 100 KiB.
const LONGEST: u64 = 4 << 20;

const COMMON: &str = "/usr/share/common-licenses/";

impl Cataloguer for Copyright {
    fn id(&self) -> &'static str {
        "copyright"
    }

    fn wanted(&self) -> &'static [Wanted] {
        &[Wanted::Anywhere("usr/share/doc/*/copyright")]
    }

    fn catalogue(&self, member: &mut Member<'_>, told: &mut Told) {
        let Some(package) = member.path.rsplit('/').nth(1).map(str::to_owned) else { return };
        let mut found = Found::default();
        let mut lines = Lines::new(std::io::Read::take(member.lines(), LONGEST));
        loop {
            match lines.next() {
                Ok(Some(line)) => found.line(&String::from_utf8_lossy(line.bytes)),
                Ok(None) => break,
                Err(error) => return told.warn(format!("reading stopped: {error}")),
            }
        }
        told.licences(Licences { kind: PackageKind::Deb, name: package, licences: found.licences() });
    }
}

#[derive(Default)]
struct Found {
    is_machine_readable: bool,
    /// From `License:` fields.
    fields: Vec<String>,
    /// From mentions of common licences.
    mentioned: Vec<String>,
}

impl Found {
    fn line(&mut self, line: &str) {
        if let Some((field, value)) = line.split_once(':') {
            match field {
                "Format" | "Format-Specification" => self.is_machine_readable |= value.contains("copyright"),
                // `GPL-2+ or Artistic, and Expat`: who wants single ones finds them in it.
                "License" => keep(&mut self.fields, value.trim()),
                _ => {}
            }
        }
        for (at, _) in line.match_indices(COMMON) {
            let rest = &line[at + COMMON.len()..];
            let end = rest.find(|end: char| !(end.is_ascii_alphanumeric() || matches!(end, '.' | '-' | '+')));
            keep(&mut self.mentioned, rest[..end.unwrap_or(rest.len())].trim_end_matches(['.', '-']));
        }
    }

    fn licences(self) -> Vec<String> {
        let is_known = self.is_machine_readable && !self.fields.is_empty();
        let mut licences = if is_known { self.fields } else { self.mentioned };
        licences.sort_unstable();
        licences
    }
}

fn keep(licences: &mut Vec<String>, licence: &str) {
    let is_one = !licence.is_empty() && licence.len() <= 100 && !licence.contains(char::is_control);
    if is_one && licences.len() < Licences::MOST && !licences.iter().any(|known| known == licence) {
        licences.push(licence.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;
    use crate::record::Fact;

    fn read(text: &[u8]) -> Vec<String> {
        let mut told = Told::default();
        let mut content = Cursor::new(text);
        Copyright.catalogue(&mut Member::new("usr/share/doc/x/copyright", text.len() as u64, &mut content), &mut told);
        match &told.into_parts().0[..] {
            [] => vec![],
            [Fact::Licences(licences)] => {
                assert_eq!((licences.kind, licences.name.as_str()), (PackageKind::Deb, "x"));
                licences.licences.clone()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn fields_count_where_the_file_is_machine_readable() {
        let text = b"Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: x\n\n\
                     Files: *\nCopyright: a\nLicense: GPL-2+ or Artistic\n\nFiles: y\nLicense: Expat\n\n\
                     License: Expat\n Permission is hereby granted: see\n /usr/share/common-licenses/GPL-3\n";
        assert_eq!(read(text), ["Expat", "GPL-2+ or Artistic"]);
    }

    #[test]
    fn free_text_names_common_licences() {
        let text = b"License: see below\nThe text is in `/usr/share/common-licenses/GPL-2', or in\n\
                     /usr/share/common-licenses/LGPL-2.1. Also /usr/share/common-licenses/Apache-2.0 and\n\
                     /usr/share/common-licenses/GPL-2.\n";
        assert_eq!(read(text), ["Apache-2.0", "GPL-2", "LGPL-2.1"]);
        assert!(read(b"All rights reserved.\n").is_empty());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
            read(&bytes);
            read(&[b"License: ", &bytes[..], b"\n/usr/share/common-licenses/", &bytes].concat());
        }
    }
}
