//! The package managers' own lists of what they installed.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::Listed;
use super::made::Corpus;
use crate::command::{command, run, succeed};

/// Each judge with what it lists.
pub(crate) fn lists(corpus: &Corpus) -> Vec<(&'static str, BTreeSet<Listed>)> {
    vec![
        ("dpkg-query", dpkg(&corpus.base)),
        ("pip", pip(&corpus.site_packages())),
        ("npm", npm(&corpus.web())),
        ("gem", gem(&corpus.gems())),
    ]
}

fn dpkg(root: &Path) -> BTreeSet<Listed> {
    let mut query = command("dpkg-query", ["--show", "--showformat=${Package}\t${Version}\t${db:Status-Status}\n"]);
    query.arg(format!("--admindir={}", root.join("var/lib/dpkg").display()));
    let told = succeed(query);
    let installed = told.lines().filter_map(|line| match line.split('\t').collect::<Vec<_>>()[..] {
        [name, version, "installed"] => Some(Listed::new("deb", name, version)),
        _ => None,
    });
    installed.collect()
}

fn pip(folder: &Path) -> BTreeSet<Listed> {
    let mut list = command("python3", ["-m", "pip", "list", "--format=json", "--disable-pip-version-check", "--path"]);
    list.arg(folder);
    let told: Value = serde_json::from_str(&succeed(list)).expect("pip's JSON");
    let one = |package: &Value| Some(Listed::new("pypi", package["name"].as_str()?, package["version"].as_str()?));
    told.as_array().expect("a list").iter().filter_map(one).collect()
}

fn npm(folder: &Path) -> BTreeSet<Listed> {
    let mut list = command("npm", ["ls", "--all", "--json", "--prefix"]);
    list.arg(folder);
    // It ends with 1 where peer dependencies are amiss, and lists all the same.
    let told: Value = serde_json::from_str(&run(list).stdout).expect("npm's JSON");
    let mut found = BTreeSet::new();
    let mut waiting = vec![&told];
    while let Some(node) = waiting.pop() {
        for (name, package) in node["dependencies"].as_object().into_iter().flatten() {
            if let Some(version) = package["version"].as_str() {
                found.insert(Listed::new("npm", name, version));
            }
            waiting.push(package);
        }
    }
    found
}

fn gem(folder: &Path) -> BTreeSet<Listed> {
    let mut list = command("gem", ["list", "--local"]);
    list.env("GEM_HOME", folder).env("GEM_PATH", folder);
    let told = succeed(list);
    let installed = told.lines().filter_map(|line| {
        let (name, versions) = line.split_once(" (")?;
        Some(
            versions
                .trim_end_matches(')')
                .split(", ")
                .map(|version| Listed::new("gem", name, version))
                .collect::<Vec<_>>(),
        )
    });
    installed.flatten().filter(|listed| !listed.version.starts_with("default")).collect()
}
