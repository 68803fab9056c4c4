//! Go programs: the modules that they are built of, the standard library, and the functions that are linked in.

pub(super) mod build_info;
mod symbols;
mod version;

use std::collections::BTreeMap;

use super::layout::Layout;
use crate::cataloguers::{Content, Told};
use crate::package::{BuiltFor, Linked, LinkedPackage, Package, PackageKind};
use build_info::{BuildInfo, Module};
use symbols::Packages;

/// The name of the standard library among modules (`vuln.go.dev`).
const STANDARD: &str = "stdlib";
/// The name of the programs that come with Go.
const TOOLCHAIN: &str = "toolchain";
/// What `go` writes where it knows no version.
const DEVEL: &str = "(devel)";

/// Most modules of one program.
const MODULES: usize = 20_000;

/// Reads a program; false where it is none of Go's.
pub(super) fn read(layout: &Layout, content: &mut dyn Content, told: &mut Told) -> bool {
    let Some(info) = BuildInfo::read(layout, content) else { return false };
    if info.modules.len() > MODULES {
        told.warn(format!("it is built of more than {MODULES} modules"));
        return true;
    }
    let mut names: BTreeMap<&str, Named> = BTreeMap::new();
    if let Some(version) = version::of_toolchain(&info.toolchain) {
        if is_of_toolchain(&info) {
            told.package(Package::new(PackageKind::Golang, TOOLCHAIN, &version));
        }
        told.package(Package::new(PackageKind::Golang, STANDARD, version));
    } else {
        let toolchain = &info.toolchain;
        told.warn(format!("which standard library it has cannot be told: {toolchain:?} is no version of Go"));
    }
    let by_path = version::main_by_path(&info);
    for (module, is_main) in
        info.main.iter().chain(&by_path).map(|main| (main, true)).chain(info.modules.iter().map(|dep| (dep, false)))
    {
        if module.path.is_empty() {
            continue;
        }
        let own = Named::of(module);
        let linked = is_main.then(|| version::of_main(&info, module)).flatten();
        let version = linked.unwrap_or_else(|| own.version.clone());
        told.package(Package::new(PackageKind::Golang, &own.name, version));
        names.insert(&module.path, own);
    }
    // Where the functions cannot be read, nothing is said of any, and every advisory counts.
    if let Ok(packages) = symbols::packages(layout, content) {
        for linked in linked(&info, &names, packages).into_values() {
            told.linked(linked);
        }
    }
    true
}

/// Programs that come with Go are of its own module `cmd`, without a version of their own.
fn is_of_toolchain(info: &BuildInfo) -> bool {
    info.main.is_none() && info.path.starts_with("cmd/")
}

/// The name and version under which a module is known.
#[derive(Debug)]
struct Named {
    name: String,
    version: String,
}

impl Named {
    /// What was built is the replacement, not the module before it. A folder has no name that an advisory could
    /// use, and no version.
    fn of(module: &Module) -> Self {
        let version = |module: &Module| Some(&module.version).filter(|version| !version.is_empty()).cloned();
        match module.replaced_by.as_deref() {
            Some(other) if !other.path.starts_with(['.', '/']) && !other.version.is_empty() => {
                Self { name: other.path.clone(), version: other.version.clone() }
            }
            Some(_) => Self { name: module.path.clone(), version: DEVEL.into() },
            None => Self { name: module.path.clone(), version: version(module).unwrap_or_else(|| DEVEL.into()) },
        }
    }
}

/// What is linked, by module: each module of the program, also where nothing of it is.
fn linked(info: &BuildInfo, names: &BTreeMap<&str, Named>, packages: Packages) -> BTreeMap<String, Linked> {
    let mut modules: BTreeMap<String, Linked> = BTreeMap::new();
    let known = names.values().map(|named| named.name.as_str()).chain([STANDARD]);
    for module in known.chain(is_of_toolchain(info).then_some(TOOLCHAIN)) {
        modules.insert(module.to_owned(), nothing_of(module.to_owned(), info));
    }
    for (package, symbols) in packages {
        // The linker calls the main package so, whatever its path.
        let path = if package == "main" && !info.path.is_empty() { info.path.clone() } else { package };
        let Some((module, path)) = module_of(&path, names) else { continue };
        let linked = modules.entry(module.clone()).or_insert_with(|| nothing_of(module, info));
        linked.packages.push(LinkedPackage { path, symbols });
    }
    for module in modules.values_mut() {
        module.packages.sort_by(|one, other| one.path.cmp(&other.path));
        // `main` may have come to the path of a package that is also there under it.
        module.packages.dedup_by(|later, first| {
            let same = later.path == first.path;
            if same {
                first.symbols.append(&mut later.symbols);
                first.symbols.sort_unstable();
                first.symbols.dedup();
            }
            same
        });
    }
    modules
}

/// A module of which nothing is linked.
fn nothing_of(module: String, info: &BuildInfo) -> Linked {
    let setting = |name| info.setting(name).filter(|value| !value.is_empty()).map(str::to_owned);
    // Since Go 1.18; before, nothing says so.
    let built_for = setting("GOOS").zip(setting("GOARCH"));
    let built_for = built_for.map(|(os, architecture)| BuiltFor { os, architecture });
    Linked { module, built_for, packages: vec![] }
}

/// The module that a package is of, by the longest of their paths, and the package's path as the module's advisories
/// write it: the code of a replacement says its own name nowhere.
fn module_of(path: &str, names: &BTreeMap<&str, Named>) -> Option<(String, String)> {
    let mut prefix = path;
    loop {
        if let Some(named) = names.get(prefix) {
            return Some((named.name.clone(), format!("{}{}", named.name, &path[prefix.len()..])));
        }
        match prefix.rsplit_once('/') {
            Some((shorter, _)) => prefix = shorter,
            None => break,
        }
    }
    let first = path.split('/').next().unwrap_or_default();
    let module = match first {
        "cmd" => TOOLCHAIN,
        _ if !first.contains('.') => STANDARD,
        _ => return None,
    };
    Some((module.to_owned(), path.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(path: &str, version: &str, replaced_by: Option<(&str, &str)>) -> Module {
        let replaced_by = replaced_by.map(|(path, version)| Box::new(module(path, version, None)));
        Module { path: path.into(), version: version.into(), replaced_by }
    }

    #[test]
    fn a_replacement_counts_by_its_own_name_and_version() {
        let named = |module: Module| {
            let named = Named::of(&module);
            (named.name, named.version)
        };
        let pair = |name: &str, version: &str| (name.to_owned(), version.to_owned());
        assert_eq!(named(module("a", "v1.0.0", Some(("b/v2", "v2.0.0")))), pair("b/v2", "v2.0.0"));
        assert_eq!(named(module("a", "v1.0.0", Some(("./a", "")))), pair("a", "(devel)"));
        assert_eq!(named(module("a", "v1.0.0", Some(("/src/a", "(devel)")))), pair("a", "(devel)"));
        assert_eq!(named(module("a", "", None)), pair("a", "(devel)"));
    }

    #[test]
    fn packages_go_to_the_module_with_the_longest_path() {
        let modules =
            [module("a.b/c", "v1", None), module("a.b/c/d", "v1", Some(("x.y/d", "v2"))), module("app", "", None)];
        let names: BTreeMap<&str, Named> =
            modules.iter().map(|module| (module.path.as_str(), Named::of(module))).collect();
        let info = BuildInfo { path: "app/cmd/run".into(), ..BuildInfo::default() };
        let paths =
            ["a.b/c/d/e", "a.b/c/de", "a.b/cd", "app/x", "cmd/go", "main", "net/http", "vendor/golang.org/x/net/idna"];
        let packages = paths.into_iter().map(|path| (path.to_owned(), vec![1])).collect();
        let told = linked(&info, &names, packages);
        let told: Vec<_> = told
            .values()
            .map(|linked| {
                (linked.module.as_str(), linked.packages.iter().map(|package| package.path.as_str()).collect())
            })
            .collect();
        let expected: Vec<(&str, Vec<&str>)> = vec![
            ("a.b/c", vec!["a.b/c/de"]),
            ("app", vec!["app/cmd/run", "app/x"]),
            ("stdlib", vec!["net/http", "vendor/golang.org/x/net/idna"]),
            ("toolchain", vec!["cmd/go"]),
            ("x.y/d", vec!["x.y/d/e"]),
        ];
        assert_eq!(told, expected);
    }
}
