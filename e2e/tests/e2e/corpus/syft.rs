//! What Syft finds in the same image.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Listed;
use super::made::Corpus;
use crate::command::{command, succeed};
use crate::machine;

/// The pinned Syft, which `scripts/install.sh test` brings.
pub(crate) fn program() -> Option<PathBuf> {
    let path = machine::tools()?.join(format!("syft-{}/bin/syft", machine::setting("SYFT_VERSION")));
    if path.is_file() {
        return Some(path);
    }
    assert!(std::env::var("PLIMSOLL_REQUIRE").as_deref() != Ok("1"), "no {}", path.display());
    println!("skipped: no {}; scripts/install.sh test installs it", path.display());
    None
}

pub(crate) fn found(program: &Path, corpus: &Corpus) -> BTreeSet<Listed> {
    let target = format!("oci-dir:{}", corpus.work.join("image").display());
    let mut scan = command(program, ["scan", &target, "--output", "json", "--quiet"]);
    scan.env("SYFT_CHECK_FOR_APP_UPDATE", "false");
    let told: Value = serde_json::from_str(&succeed(scan)).expect("Syft's JSON");
    told["artifacts"].as_array().expect("artifacts").iter().filter_map(listed).collect()
}

/// An artifact by its package URL's type, and names as Plimsoll writes them.
fn listed(artifact: &Value) -> Option<Listed> {
    let kind = artifact["purl"].as_str()?.strip_prefix("pkg:")?.split_once('/')?.0;
    let (name, version) = (artifact["name"].as_str()?, artifact["version"].as_str()?);
    let metadata = &artifact["metadata"];
    let name = match kind {
        "maven" => {
            let group = metadata["pomProperties"]["groupId"].as_str().or_else(|| group(artifact["purl"].as_str()?));
            group.map_or_else(|| name.to_owned(), |group| format!("{group}:{name}"))
        }
        _ => name.to_owned(),
    };
    let version = if kind == "golang" { version.trim_start_matches(['v']).trim_start_matches("go") } else { version };
    Some(Listed::new(kind, &name, version))
}

fn group(purl: &str) -> Option<&str> {
    let (path, _) = purl.strip_prefix("pkg:maven/")?.split_once('@')?;
    path.rsplit_once('/').map(|(group, _)| group)
}
