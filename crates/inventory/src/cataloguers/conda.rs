//! Conda: `conda-meta/NAME-VERSION-BUILD.json` of each environment, by conda, mamba and pixi alike.
//!
//! A conda package that holds a Python distribution has that one's metadata, too: both are in the inventory. Advisories
//! are written about the distribution; conda's own packages have no source of them.

use serde::Deserialize;

use super::{Cataloguer, Member, Told, Wanted};
use crate::package::{Package, PackageKind};

/// Reads the packages of conda's environments.
pub(super) struct Conda;

impl Cataloguer for Conda {
    fn id(&self) -> &'static str {
        "conda"
    }

    fn wanted(&self) -> &'static [Wanted] {
        &[Wanted::Anywhere("**/conda-meta/*.json")]
    }

    fn catalogue(&self, member: &mut Member<'_>, told: &mut Told) {
        // Read as a stream: most of it is a list of files.
        match serde_json::from_reader::<_, Installed>(member.lines()) {
            Ok(installed) => installed.tell(told),
            Err(error) => told.warn(format!("it is not JSON as conda writes it: {error}")),
        }
    }
}

#[derive(Deserialize)]
struct Installed {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    license: Option<String>,
    #[serde(default)]
    channel: Option<String>,
    #[serde(default)]
    subdir: Option<String>,
}

impl Installed {
    fn tell(self, told: &mut Told) {
        // Other files lie there, such as pixi's note of what an environment was made from.
        let (Some(name), Some(version)) = (self.name, self.version) else { return };
        let some = |text: &String| !text.is_empty();
        let subdir = self.subdir.filter(some);
        told.package(Package {
            vendor: self.channel.and_then(|channel| channel_name(&channel, subdir.as_deref())).filter(some),
            architecture: subdir,
            licences: self.license.filter(|licence| some(licence) && licence.len() <= 100).into_iter().collect(),
            ..Package::new(PackageKind::Conda, name, version)
        });
    }
}

/// `conda-forge` of `https://conda.anaconda.org/conda-forge/linux-64`; older files have the name alone.
fn channel_name(channel: &str, subdir: Option<&str>) -> Option<String> {
    let mut parts = channel.trim_end_matches('/').rsplit('/').filter(|part| Some(*part) != subdir);
    parts.next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::record::Fact;

    fn read(text: &[u8]) -> (Vec<Fact>, Vec<String>) {
        let mut told = Told::default();
        let mut content = Cursor::new(text);
        Conda.catalogue(&mut Member::new("opt/conda/conda-meta/x.json", text.len() as u64, &mut content), &mut told);
        told.into_parts()
    }

    #[test]
    fn a_package_says_its_channel_and_platform() {
        let text = br#"{"build": "h5eee18b_0", "build_number": 0, "name": "openssl", "version": "3.0.10",
            "channel": "https://conda.anaconda.org/conda-forge/linux-64", "subdir": "linux-64", "depends": ["a >=1"],
            "files": ["bin/openssl", "lib/libssl.so"], "license": "Apache-2.0", "paths_data": {"paths": []}}"#;
        let (facts, warnings) = read(text);
        assert!(warnings.is_empty());
        let [Fact::Package(package)] = &facts[..] else { panic!("{facts:?}") };
        assert_eq!((package.name.as_str(), package.version.as_str()), ("openssl", "3.0.10"));
        assert_eq!(package.vendor.as_deref(), Some("conda-forge"));
        assert_eq!(package.purl(None), "pkg:conda/openssl@3.0.10?channel=conda-forge&subdir=linux-64");
        assert_eq!(package.licences, ["Apache-2.0"]);
    }

    #[test]
    fn what_is_no_package_is_none_and_what_is_no_json_a_warning() {
        assert_eq!(read(br#"{"manifest_path": "/x/pixi.toml", "environment_name": "default"}"#), (vec![], vec![]));
        for text in [&b"{"[..], b"", br#"{"name": 1}"#, &b"[".repeat(100_000)] {
            assert_eq!(read(text).1.len(), 1);
        }
    }
}
