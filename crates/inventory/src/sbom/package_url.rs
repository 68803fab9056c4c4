//! Reading package URLs (purl-spec, "How to parse a purl string in its components").

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::PackageKind;

/// A package URL in its parts, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PackageUrl<'a> {
    /// In lower case.
    pub(super) kind: Cow<'a, str>,
    /// Segments joined by `/`; empty where there is none.
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) version: Option<String>,
    qualifiers: Vec<(&'a str, String)>,
}

impl<'a> PackageUrl<'a> {
    /// None where it is none.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let rest = text.trim().strip_prefix("pkg:")?.trim_start_matches('/');
        let (rest, _subpath) = rest.rsplit_once('#').unwrap_or((rest, ""));
        let (rest, qualifiers) = rest.split_once('?').unwrap_or((rest, ""));
        let (kind, rest) = rest.split_once('/')?;
        // An npm scope that nobody encoded is no version: it stands behind a slash or at the start.
        let (path, version) = match rest.rsplit_once('@') {
            Some((path, version)) if !path.is_empty() && !path.ends_with('/') => (path, Some(decoded(version))),
            _ => (rest, None),
        };
        let (namespace, name) = path.trim_matches('/').rsplit_once('/').unwrap_or(("", path.trim_matches('/')));
        let segments: Vec<_> = namespace.split('/').filter(|part| !part.is_empty()).map(decoded).collect();
        let qualifiers = qualifiers.split('&').filter_map(|part| part.split_once('='));
        if kind.is_empty() || name.is_empty() {
            return None;
        }
        let has_upper = kind.bytes().any(|byte| byte.is_ascii_uppercase());
        Some(Self {
            kind: if has_upper { kind.to_ascii_lowercase().into() } else { kind.into() },
            namespace: segments.join("/"),
            name: decoded(name),
            version: version.filter(|version| !version.is_empty()),
            qualifiers: qualifiers.map(|(key, value)| (key, decoded(value))).collect(),
        })
    }

    /// The format that the type stands for, where it is one that is known here.
    pub(super) fn package_kind(&self) -> Option<PackageKind> {
        kind_of(&self.kind)
    }

    /// The value of a qualifier; none where it is empty, as the specification has it.
    pub(super) fn qualifier(&self, key: &str) -> Option<&str> {
        let found = self.qualifiers.iter().find(|(known, _)| known.eq_ignore_ascii_case(key));
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The whole name as its format writes it.
    pub(super) fn full_name(&self, kind: PackageKind) -> String {
        match kind {
            _ if self.namespace.is_empty() || kind.is_of_distribution() => self.name.clone(),
            PackageKind::Maven => format!("{}:{}", self.namespace.replace('/', "."), self.name),
            _ => format!("{}/{}", self.namespace, self.name),
        }
    }
}

/// The format of that name; package URL types and [`PackageKind::name`] agree.
pub(super) fn kind_of(name: &str) -> Option<PackageKind> {
    Some(match name {
        "deb" => PackageKind::Deb,
        "apk" => PackageKind::Apk,
        "rpm" => PackageKind::Rpm,
        "alpm" => PackageKind::Alpm,
        "pypi" => PackageKind::Pypi,
        "npm" => PackageKind::Npm,
        "conda" => PackageKind::Conda,
        "gem" => PackageKind::Gem,
        "maven" => PackageKind::Maven,
        "golang" => PackageKind::Golang,
        "cargo" => PackageKind::Cargo,
        "composer" => PackageKind::Composer,
        "nuget" => PackageKind::Nuget,
        _ => return None,
    })
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(text: &str) -> (String, String, String, String) {
        let purl = PackageUrl::parse(text).unwrap();
        (purl.kind.into_owned(), purl.namespace, purl.name, purl.version.unwrap_or_default())
    }

    #[test]
    fn parts_are_found_as_the_specification_says() {
        let text = |parts: [&str; 4]| parts.map(str::to_owned).into();
        for (purl, expected) in [
            ("pkg:deb/debian/bsdutils@1%3A2.38.1-5%2Bb1?arch=amd64", ["deb", "debian", "bsdutils", "1:2.38.1-5+b1"]),
            ("pkg:npm/%40angular/cli@17.0.0", ["npm", "@angular", "cli", "17.0.0"]),
            ("pkg:npm/@angular/cli", ["npm", "@angular", "cli", ""]),
            ("pkg:npm/@angular/cli@1", ["npm", "@angular", "cli", "1"]),
            ("pkg:npm/@cli", ["npm", "", "@cli", ""]),
            ("PKG:x", ["", "", "", ""]),
            ("pkg://GOLANG/github.com/Azure/x/v2@v2.0.0#sub/dir", ["golang", "github.com/Azure/x", "v2", "v2.0.0"]),
            ("pkg:maven/org.apache/log4j@1?type=jar&classifier=", ["maven", "org.apache", "log4j", "1"]),
        ] {
            if purl.starts_with("pkg:") {
                assert_eq!(parts(purl), text(expected), "{purl}");
            } else {
                assert_eq!(PackageUrl::parse(purl), None);
            }
        }
        let purl = PackageUrl::parse("pkg:rpm/rhel/bash@5?epoch=0&Arch=x86_64&distro=").unwrap();
        assert_eq!(purl.qualifier("arch"), Some("x86_64"));
        assert_eq!(purl.qualifier("distro"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_one_or_is_none(text in "(pkg:)?[a-z@/?#%&=:.0-9]{0,40}") {
            if let Some(purl) = PackageUrl::parse(&text) {
                prop_assert!(!purl.name.is_empty() || text.contains('%'));
            }
        }
    }
}
