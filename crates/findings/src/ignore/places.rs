//! Which packages an entry is about: by name, by package URL, by the file that tells of them.

use advisory::ecosystem::normalise;
use inventory::{Package, PackageKind};

/// Whether a package, or the source package that it was built from, is called so.
pub(super) fn is_package(name: &str, package: &Package) -> bool {
    let source = package.source.as_ref().is_some_and(|source| source.name == name);
    let same = match package.kind {
        PackageKind::Pypi => normalise("PyPI", name) == normalise("PyPI", &package.name),
        _ => package.name == name,
    };
    same || source
}

/// A package URL of which the version and qualifiers may be left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Purl {
    /// Type, namespace and name, as they are written.
    name: String,
    version: Option<String>,
    qualifiers: Vec<String>,
}

impl Purl {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if !text.starts_with("pkg:") || !text.contains('/') {
            return Err(format!("`purl` is {text:?}; write one such as \"pkg:deb/debian/curl\""));
        }
        Ok(Self::split(text))
    }

    fn split(text: &str) -> Self {
        let text = text.split_once('#').map_or(text, |(purl, _)| purl);
        let (text, qualifiers) = text.split_once('?').unwrap_or((text, ""));
        // A scope's `@` is written `%40`, and a version stands behind the last slash.
        let begin = text.rfind('/').map_or(0, |slash| slash + 1);
        let at = text[begin..].find('@').map(|at| begin + at);
        Self {
            name: text[..at.unwrap_or(text.len())].to_owned(),
            version: at.map(|at| text[at + 1..].to_owned()),
            qualifiers: qualifiers.split('&').filter(|part| !part.is_empty()).map(str::to_owned).collect(),
        }
    }

    pub(super) fn holds(&self, purl: &str) -> bool {
        let other = Self::split(purl);
        self.name == other.name
            && (self.version.is_none() || self.version == other.version)
            && self.qualifiers.iter().all(|qualifier| other.qualifiers.contains(qualifier))
    }
}

/// A path in which `*` stands for any characters but `/` and `**`, as a whole part, for any number of parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path(Vec<String>);

/// Parts of a pattern; each makes matching slower.
const MOST_PARTS: usize = 64;

impl Path {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if !text.starts_with('/') {
            return Err(format!("`path` is {text:?}; write one from the image's root, such as \"/opt/tools/**\""));
        }
        let parts: Vec<String> = text.split('/').skip(1).map(str::to_owned).collect();
        if parts.len() > MOST_PARTS {
            return Err(format!("`path` has more than {MOST_PARTS} parts"));
        }
        Ok(Self(parts))
    }

    pub(super) fn holds(&self, path: &str) -> bool {
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        // Which of the path's parts may follow what the pattern's parts so far have taken.
        let mut reached = vec![false; parts.len() + 1];
        reached[0] = true;
        for pattern in &self.0 {
            let mut next = vec![false; parts.len() + 1];
            if pattern == "**" {
                let first = reached.iter().position(|reached| *reached).unwrap_or(parts.len() + 1);
                next.iter_mut().skip(first).for_each(|next| *next = true);
            } else {
                for (number, part) in parts.iter().enumerate() {
                    next[number + 1] = reached[number] && is_like(pattern.as_bytes(), part.as_bytes());
                }
            }
            reached = next;
        }
        reached[parts.len()]
    }
}

/// Whether a part is like a pattern with `*`: greedy, and back to the last star where that fails.
fn is_like(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut in_pattern) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at < text.len() {
        if pattern.get(in_pattern) == Some(&b'*') {
            star = Some((in_pattern, at));
            in_pattern += 1;
        } else if pattern.get(in_pattern) == text.get(at) {
            at += 1;
            in_pattern += 1;
        } else if let Some((of_star, from)) = star {
            star = Some((of_star, from + 1));
            at = from + 1;
            in_pattern = of_star + 1;
        } else {
            return false;
        }
    }
    pattern[in_pattern..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purl_without_version_means_every_version() {
        let holds = |wanted: &str, purl| Purl::parse(wanted).unwrap().holds(purl);
        let curl = "pkg:deb/debian/curl@7.88.1-10?arch=amd64&distro=debian-12";
        assert!(holds("pkg:deb/debian/curl", curl));
        assert!(holds("pkg:deb/debian/curl@7.88.1-10", curl));
        assert!(holds("pkg:deb/debian/curl?arch=amd64", curl));
        assert!(!holds("pkg:deb/debian/curl@7.88.1-11", curl));
        assert!(!holds("pkg:deb/debian/curl?arch=arm64", curl));
        assert!(!holds("pkg:deb/debian/cur", curl));
        assert!(holds("pkg:npm/%40babel/core", "pkg:npm/%40babel/core@7.0.0"));
        assert!(Purl::parse("curl").is_err());
    }

    #[test]
    fn stars_stand_for_parts_of_a_path() {
        let holds = |pattern: &str, path| Path::parse(pattern).unwrap().holds(path);
        assert!(holds("/opt/tools/**", "/opt/tools/a/package.json"));
        assert!(holds("/opt/tools/**", "/opt/tools"));
        assert!(holds("/**/node_modules/*/package.json", "/a/b/node_modules/c/package.json"));
        assert!(holds("/usr/lib/python3*/*.dist-info/METADATA", "/usr/lib/python3.11/a-1.dist-info/METADATA"));
        assert!(!holds("/opt/tools/*", "/opt/tools/a/package.json"));
        assert!(!holds("/opt/tools", "/opt/tools2"));
        assert!(holds("/a*b*c", "/axxbyybzc"));
        assert!(Path::parse("opt").is_err());
    }
}
