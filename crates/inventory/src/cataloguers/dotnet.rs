//! .NET: the `NAME.deps.json` beside each application and in each shared framework (dotnet/sdk,
//! `documentation/specs/runtime-configuration-file.md`), which names the NuGet packages whose assemblies are there.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::{Cataloguer, Member, Told, Wanted};
use crate::package::{Package, PackageKind};

/// Reads the dependencies of .NET applications.
pub(super) struct Dotnet;

/// Longest file that is read. That of an application with 500 packages has some 2 MiB.
const LONGEST: u64 = 32 << 20;

/// How libraries that bring the runtime of a self-contained application begin; the rest is the package's name.
const RUNTIME_PACK: &str = "runtimepack.";

impl Cataloguer for Dotnet {
    fn id(&self) -> &'static str {
        "dotnet"
    }

    fn wanted(&self) -> &'static [Wanted] {
        &[Wanted::Anywhere("**/*.deps.json")]
    }

    fn catalogue(&self, member: &mut Member<'_>, told: &mut Told) {
        let path = member.path;
        match member.bytes(LONGEST) {
            Ok(bytes) => read(&bytes, shared_framework(path), told),
            Err(error) => told.warn(error),
        }
    }
}

/// Reads a `deps.json` that stands somewhere else than in a file of its own: a single-file application holds one.
pub(super) fn deps_json(bytes: &[u8], told: &mut Told) {
    read(bytes, None, told);
}

fn read(bytes: &[u8], framework: Option<(&str, &str)>, told: &mut Told) {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let dependencies: Dependencies = match serde_json::from_slice(text) {
        Ok(dependencies) => dependencies,
        Err(error) => return told.warn(format!("it is not JSON as the .NET SDK writes it: {error}")),
    };
    let mut is_named = false;
    for (library, what) in &dependencies.libraries {
        let Some((name, version)) = library.split_once('/') else {
            told.warn(format!("the library {library:?} has no version"));
            continue;
        };
        // Others are the application itself, other projects of its solution, and assemblies without a package.
        let is_package = ["package", "runtimepack"].iter().any(|kind| what.kind.eq_ignore_ascii_case(kind));
        if is_package && dependencies.is_there(library) {
            let name = name.strip_prefix(RUNTIME_PACK).unwrap_or(name);
            is_named |= framework.is_some_and(|(framework, _)| name.starts_with(framework));
            told.package(Package::new(PackageKind::Nuget, name, version));
        }
    }
    // Old frameworks name the packages that they were put together from, and not themselves.
    if let Some((name, version)) = framework.filter(|_| !is_named) {
        told.package(Package::new(PackageKind::Nuget, name, version));
    }
}

/// Name and version where the path is that of a shared framework's own file:
/// `/usr/share/dotnet/shared/Microsoft.NETCore.App/8.0.11/Microsoft.NETCore.App.deps.json`.
fn shared_framework(path: &str) -> Option<(&str, &str)> {
    let mut parts = path.rsplit('/');
    let (file, version, name, shared) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    (shared == "shared" && file.strip_suffix(".deps.json") == Some(name)).then_some((name, version))
}

#[derive(Deserialize)]
struct Dependencies {
    #[serde(rename = "runtimeTarget", default)]
    runtime_target: RuntimeTarget,
    #[serde(default)]
    targets: BTreeMap<String, BTreeMap<String, Assets>>,
    #[serde(default)]
    libraries: BTreeMap<String, Library>,
}

#[derive(Default, Deserialize)]
struct RuntimeTarget {
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Library {
    #[serde(rename = "type", default)]
    kind: String,
}

/// What of a library is put beside the application.
#[derive(Deserialize)]
#[expect(clippy::zero_sized_map_values, reason = "an object of JSON is read into a map, not into a set")]
struct Assets {
    #[serde(default)]
    runtime: BTreeMap<String, IgnoredAny>,
    #[serde(rename = "runtimeTargets", default)]
    runtime_targets: BTreeMap<String, IgnoredAny>,
    #[serde(default)]
    native: BTreeMap<String, IgnoredAny>,
    #[serde(default)]
    resources: BTreeMap<String, IgnoredAny>,
}

impl Dependencies {
    /// Whether any file of a library is deployed: some only bring others, or are of use to the compiler alone.
    /// Of which nothing is said for the target that the application runs on, that counts.
    fn is_there(&self, library: &str) -> bool {
        let target = self.targets.get(&self.runtime_target.name);
        target.and_then(|target| target.get(library)).is_none_or(|assets| {
            let groups = [&assets.runtime, &assets.runtime_targets, &assets.native, &assets.resources];
            groups.iter().any(|group| !group.is_empty())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::record::Fact;

    fn read_at(path: &str, text: &[u8]) -> (Vec<String>, Vec<String>) {
        let mut told = Told::default();
        let mut content = Cursor::new(text);
        Dotnet.catalogue(&mut Member::new(path, text.len() as u64, &mut content), &mut told);
        let (facts, warnings) = told.into_parts();
        let named = |fact| match fact {
            Fact::Package(package) => format!("{}@{}", package.name, package.version),
            other => panic!("{other:?}"),
        };
        (facts.into_iter().map(named).collect(), warnings)
    }

    /// As `dotnet publish --self-contained` writes it, shortened.
    const SELF_CONTAINED: &str = r#"{
        "runtimeTarget": { "name": ".NETCoreApp,Version=v8.0/linux-x64", "signature": "" },
        "compilationOptions": {},
        "targets": {
            ".NETCoreApp,Version=v8.0": {},
            ".NETCoreApp,Version=v8.0/linux-x64": {
                "app/1.0.0": {
                    "dependencies": { "Newtonsoft.Json": "12.0.3", "SQLitePCLRaw.lib.e_sqlite3": "2.1.4" },
                    "runtime": { "app.dll": {} }
                },
                "runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/8.0.11": {
                    "runtime": { "System.dll": { "assemblyVersion": "4.0.0.0", "fileVersion": "8.0.1124.51707" } },
                    "native": { "libclrjit.so": { "fileVersion": "0.0.0.0" } }
                },
                "Newtonsoft.Json/12.0.3": {
                    "runtime": { "lib/netstandard2.0/Newtonsoft.Json.dll": { "assemblyVersion": "12.0.0.0" } }
                },
                "SQLitePCLRaw.lib.e_sqlite3/2.1.4": { "native": { "runtimes/linux-x64/native/libe_sqlite3.so": {} } },
                "Humanizer.Core.fr/2.14.1": { "resources": { "lib/fr/Humanizer.resources.dll": { "locale": "fr" } } },
                "Microsoft.NETCore.Platforms/1.1.0": {},
                "Shared.Project/1.0.0": { "runtime": { "Shared.Project.dll": {} } }
            }
        },
        "libraries": {
            "app/1.0.0": { "type": "project", "serviceable": false, "sha512": "" },
            "runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/8.0.11": { "type": "runtimepack", "serviceable": false },
            "Newtonsoft.Json/12.0.3": { "type": "package", "serviceable": true, "sha512": "sha512-x", "path": "p" },
            "SQLitePCLRaw.lib.e_sqlite3/2.1.4": { "type": "package" },
            "Humanizer.Core.fr/2.14.1": { "type": "package" },
            "Microsoft.NETCore.Platforms/1.1.0": { "type": "package" },
            "Shared.Project/1.0.0": { "type": "project" },
            "runtimepack.Custom.Pack/4.5.6": { "type": "Package" },
            "Vendor.Assembly/4.0.0.0": { "type": "reference" }
        }
    }"#;

    #[test]
    fn packages_with_files_and_the_runtime_are_there_and_the_projects_are_none() {
        let (packages, warnings) = read_at("app/app.deps.json", SELF_CONTAINED.as_bytes());
        assert_eq!(warnings, [""; 0]);
        insta::assert_snapshot!(packages.join("\n"), @r"
        Humanizer.Core.fr@2.14.1
        Newtonsoft.Json@12.0.3
        SQLitePCLRaw.lib.e_sqlite3@2.1.4
        Custom.Pack@4.5.6
        Microsoft.NETCore.App.Runtime.linux-x64@8.0.11
        ");
    }

    #[test]
    fn a_shared_framework_is_named_once() {
        let new = r#"{"runtimeTarget": {"name": "t"}, "targets": {"t": {"Microsoft.NETCore.App.Runtime.linux-x64/8.0.11":
            {"runtime": {"System.dll": {}}}}}, "libraries": {"Microsoft.NETCore.App.Runtime.linux-x64/8.0.11":
            {"type": "package"}}}"#;
        let path = "usr/share/dotnet/shared/Microsoft.NETCore.App/8.0.11/Microsoft.NETCore.App.deps.json";
        assert_eq!(read_at(path, new.as_bytes()).0, ["Microsoft.NETCore.App.Runtime.linux-x64@8.0.11"]);
        let old = br#"{"libraries": {"System.Runtime/4.3.0": {"type": "package"}}}"#;
        assert_eq!(read_at(path, old).0, ["System.Runtime@4.3.0", "Microsoft.NETCore.App@8.0.11"]);
        assert_eq!(read_at("app/shared/8.0.11/x.deps.json", old).0, ["System.Runtime@4.3.0"]);
    }

    #[test]
    fn a_package_of_which_the_target_says_nothing_counts() {
        let text =
            br#"{"targets": {"other": {}}, "libraries": {"A/1": {"type": "package"}, "B": {"type": "package"}}}"#;
        let (packages, warnings) = read_at("a.deps.json", text);
        assert_eq!(packages, ["A@1"]);
        assert_eq!(warnings, [r#"the library "B" has no version"#]);
    }

    #[test]
    fn what_is_no_such_json_is_a_warning() {
        for text in [&b"{"[..], b"", b"[7]", br#"{"libraries": []}"#, &b"{\"a\":".repeat(100_000)] {
            let (packages, warnings) = read_at("a.deps.json", text);
            assert!(packages.is_empty());
            assert_eq!(warnings.len(), 1, "{warnings:?}");
        }
    }
}
