//! Package URLs (purl-spec, with the rules of its types).
//!
//! A Debian epoch is part of the version (`@1:2.38-5`), as the `deb` type has it; only rpm makes it a qualifier.
//! `arch`, `distro` and `upstream` are the qualifiers that Syft and Trivy write and Grype and Trivy read.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::package::{Package, PackageKind, Release};

/// Everything is encoded but letters, digits, `-._~` and the colon (purl-spec, "Character encoding").
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':');

pub(crate) fn purl(package: &Package, release: Option<&Release>) -> String {
    match package.kind {
        PackageKind::Deb => of_distribution("deb", package, release),
        PackageKind::Apk => of_distribution("apk", package, release),
        PackageKind::Rpm => rpm(package, release),
        PackageKind::Alpm => of_distribution("alpm", package, release),
        PackageKind::Conda => {
            let qualifiers = [("channel", &package.vendor), ("subdir", &package.architecture)];
            plain("conda", &package.name.to_lowercase(), &package.version) + &qualified(&qualifiers)
        }
        PackageKind::Gem => {
            plain("gem", &package.name, &package.version) + &qualified(&[("platform", &package.architecture)])
        }
        PackageKind::Maven => plain("maven", &package.name.replace(':', "/"), &package.version),
        // The type's definition wants lower case, and would make two modules one: Go tells `Azure` from `azure`, so do
        // its advisories, and the other scanners write the case as it is.
        PackageKind::Golang => plain("golang", &package.name, &package.version),
        PackageKind::Cargo => plain("cargo", &package.name, &package.version),
        PackageKind::Composer => plain("composer", &package.name.to_lowercase(), &package.version),
        PackageKind::Nuget => plain("nuget", &package.name, &package.version),
        PackageKind::Pypi => {
            format!(
                "pkg:pypi/{}@{}",
                encoded(&package.name.to_lowercase().replace('_', "-")),
                encoded(&package.version)
            )
        }
        PackageKind::Npm => {
            let name = package.name.to_lowercase();
            let version = encoded(&package.version);
            match name.split_once('/') {
                Some((scope, name)) => format!("pkg:npm/{}/{}@{version}", encoded(scope), encoded(name)),
                None => format!("pkg:npm/{}@{version}", encoded(&name)),
            }
        }
    }
}

fn of_distribution(kind: &str, package: &Package, release: Option<&Release>) -> String {
    let namespace = release.map(|release| release.id.to_lowercase());
    let upstream = package.source.as_ref().and_then(|source| {
        let same_version = source.version == package.version;
        match (source.name == package.name, same_version) {
            (true, true) => None,
            (false, true) => Some(source.name.clone()),
            (_, false) => Some(format!("{}@{}", source.name, source.version)),
        }
    });
    let qualifiers = [("arch", &package.architecture), ("distro", &distribution(release)), ("upstream", &upstream)];
    let name = package.name.to_lowercase();
    with_qualifiers(kind, namespace.as_deref(), &name, &package.version, &qualifiers)
}

/// rpm's names keep their case, its epoch is a qualifier, the namespace is the vendor, and `upstream` is the source
/// package's file name, as Syft writes it.
fn rpm(package: &Package, release: Option<&Release>) -> String {
    let namespace = release.map(|release| match release.id.to_lowercase().as_str() {
        "rhel" => "redhat".to_owned(),
        id if id.starts_with("opensuse") => "opensuse".to_owned(),
        id if id.starts_with("sle") || id.starts_with("sl-") => "suse".to_owned(),
        id => id.to_owned(),
    });
    let parts = |version: &str| match version.split_once(':') {
        Some((epoch, version)) => (Some(epoch.to_owned()), version.to_owned()),
        None => (None, version.to_owned()),
    };
    let (epoch, version) = parts(&package.version);
    let source =
        package.source.as_ref().filter(|source| source.name != package.name || source.version != package.version);
    let upstream = source.map(|source| format!("{}-{}.src.rpm", source.name, parts(&source.version).1));
    let qualifiers = [
        ("arch", &package.architecture),
        ("distro", &distribution(release)),
        ("epoch", &epoch),
        ("upstream", &upstream),
    ];
    with_qualifiers("rpm", namespace.as_deref(), &package.name, &version, &qualifiers)
}

fn distribution(release: Option<&Release>) -> Option<String> {
    release.map(|release| match release.version_id.as_str() {
        "" => release.id.clone(),
        version => format!("{}-{version}", release.id),
    })
}

/// Qualifiers are in the order of their keys, as the canonical form wants.
fn with_qualifiers(
    kind: &str,
    namespace: Option<&str>,
    name: &str,
    version: &str,
    qualifiers: &[(&str, &Option<String>)],
) -> String {
    let mut purl = format!("pkg:{kind}/");
    if let Some(namespace) = namespace {
        purl.push_str(&encoded(namespace));
        purl.push('/');
    }
    purl.push_str(&encoded(name));
    purl.push('@');
    purl.push_str(&encoded(version));
    purl.push_str(&qualified(qualifiers));
    purl
}

/// `?key=value&…` of those that are known, or nothing.
fn qualified(qualifiers: &[(&str, &Option<String>)]) -> String {
    let known = qualifiers.iter().filter_map(|(key, value)| Some((key, value.as_deref()?)));
    let mut text = String::new();
    for (key, value) in known {
        text.push(if text.is_empty() { '?' } else { '&' });
        text.push_str(key);
        text.push('=');
        text.push_str(&encoded(value));
    }
    text
}

/// A type without rules of its own beyond the slashes of its names.
fn plain(kind: &str, name: &str, version: &str) -> String {
    let segments: Vec<String> = name.split('/').map(encoded).collect();
    format!("pkg:{kind}/{}@{}", segments.join("/"), encoded(version))
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::SourcePackage;

    fn package(kind: PackageKind, name: &str, version: &str, source: Option<(&str, &str)>) -> Package {
        let is_distribution = kind.is_of_distribution();
        Package {
            architecture: is_distribution.then(|| "amd64".to_owned()),
            source: source.map(|(name, version)| SourcePackage { name: name.into(), version: version.into() }),
            ..Package::new(kind, name, version)
        }
    }

    #[test]
    fn package_urls_are_in_canonical_form() {
        let debian = Release { id: "debian".into(), version_id: "12".into(), ..Release::default() };
        let sid = Release { id: "debian".into(), ..Release::default() };
        let alpine = Release { id: "alpine".into(), version_id: "3.10.4".into(), ..Release::default() };
        let rhel = Release { id: "rhel".into(), version_id: "9.4".into(), ..Release::default() };
        let leap = Release { id: "opensuse-leap".into(), version_id: "15.6".into(), ..Release::default() };
        let arch = Release { id: "arch".into(), ..Release::default() };
        let purls = [
            package(PackageKind::Deb, "bsdutils", "1:2.38.1-5+b1", Some(("util-linux", "2.38.1-5")))
                .purl(Some(&debian)),
            package(PackageKind::Deb, "curl", "7.88.1-10", Some(("curl", "7.88.1-10"))).purl(Some(&debian)),
            package(PackageKind::Deb, "g++", "4:12.2.0-3~x", None).purl(Some(&sid)),
            package(PackageKind::Deb, "curl", "7", None).purl(None),
            package(PackageKind::Apk, "libssl1.1", "1.1.1d-r2", Some(("openssl", "1.1.1d-r2"))).purl(Some(&alpine)),
            package(PackageKind::Rpm, "PyYAML-libs", "1:6.0-1.el9", Some(("PyYAML", "1:6.0-1.el9"))).purl(Some(&rhel)),
            package(PackageKind::Rpm, "curl", "8.0.1-1", Some(("curl", "8.0.1-1"))).purl(Some(&leap)),
            package(PackageKind::Rpm, "curl", "8.0.1-1", None).purl(None),
            package(PackageKind::Alpm, "containers-common", "1:0.47.4-4", None).purl(Some(&arch)),
            package(PackageKind::Pypi, "Zope.Interface_X", "1.0+local.1", None).purl(Some(&debian)),
            package(PackageKind::Npm, "@Angular/cli", "17.0.0-rc.1+build", None).purl(None),
            package(PackageKind::Npm, "left-pad", "1.3.0", None).purl(None),
            package(PackageKind::Npm, "a?b#c%/ü", "1 2", None).purl(None),
            package(PackageKind::Maven, "org.apache.commons:commons-lang3", "3.12.0", None).purl(Some(&debian)),
            package(PackageKind::Maven, "no-group", "1", None).purl(None),
            package(PackageKind::Nuget, "Newtonsoft.Json", "13.0.1", None).purl(None),
            package(PackageKind::Composer, "Symfony/Console", "v5.4.21", None).purl(None),
            package(PackageKind::Golang, "github.com/Azure/go-autorest", "v14.2.0+incompatible", None).purl(None),
            package(PackageKind::Cargo, "serde_json", "1.0.0", None).purl(None),
            package(PackageKind::Conda, "absl-py", "0.4.1", None).purl(None),
            Package {
                architecture: Some("x86_64-linux".into()),
                ..package(PackageKind::Gem, "nokogiri", "1.15.0", None)
            }
            .purl(None),
        ];
        insta::assert_snapshot!(purls.join("\n"), @r"
        pkg:deb/debian/bsdutils@1:2.38.1-5%2Bb1?arch=amd64&distro=debian-12&upstream=util-linux%402.38.1-5
        pkg:deb/debian/curl@7.88.1-10?arch=amd64&distro=debian-12
        pkg:deb/debian/g%2B%2B@4:12.2.0-3~x?arch=amd64&distro=debian
        pkg:deb/curl@7?arch=amd64
        pkg:apk/alpine/libssl1.1@1.1.1d-r2?arch=amd64&distro=alpine-3.10.4&upstream=openssl
        pkg:rpm/redhat/PyYAML-libs@6.0-1.el9?arch=amd64&distro=rhel-9.4&epoch=1&upstream=PyYAML-6.0-1.el9.src.rpm
        pkg:rpm/opensuse/curl@8.0.1-1?arch=amd64&distro=opensuse-leap-15.6
        pkg:rpm/curl@8.0.1-1?arch=amd64
        pkg:alpm/arch/containers-common@1:0.47.4-4?arch=amd64&distro=arch
        pkg:pypi/zope.interface-x@1.0%2Blocal.1
        pkg:npm/%40angular/cli@17.0.0-rc.1%2Bbuild
        pkg:npm/left-pad@1.3.0
        pkg:npm/a%3Fb%23c%25/%C3%BC@1%202
        pkg:maven/org.apache.commons/commons-lang3@3.12.0
        pkg:maven/no-group@1
        pkg:nuget/Newtonsoft.Json@13.0.1
        pkg:composer/symfony/console@v5.4.21
        pkg:golang/github.com/Azure/go-autorest@v14.2.0%2Bincompatible
        pkg:cargo/serde_json@1.0.0
        pkg:conda/absl-py@0.4.1
        pkg:gem/nokogiri@1.15.0?platform=x86_64-linux
        ");
    }
}
