//! What this machine has for these tests.

use std::path::{Path, PathBuf};

use crate::command::{command, run, succeed};

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("e2e lies in the workspace")
}

/// Whether the test can run here: root, and these programs. Says why not, or fails where everything should be there.
pub(crate) fn able(programs: &[&str]) -> bool {
    let missing = if succeed(command("id", ["-u"])).trim() == "0" {
        let absent = programs.iter().find(|program| run(command("which", [program])).code != Some(0));
        absent.map(|program| format!("{program} is not installed; scripts/install.sh test installs it"))
    } else {
        Some("these tests need root".to_owned())
    };
    let Some(reason) = missing else { return true };
    assert!(std::env::var("PLIMSOLL_REQUIRE").as_deref() != Ok("1"), "{reason}");
    println!("skipped: {reason}");
    false
}

/// `plimsoll`, built with these tests. `plimsoll-sandbox` lies beside it.
pub(crate) fn plimsoll() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let folder = test.parent().and_then(Path::parent).expect("the build folder");
    for program in ["plimsoll", "plimsoll-sandbox"] {
        let path = folder.join(program);
        assert!(path.is_file(), "no {}; `cargo build --workspace --all-targets` makes it", path.display());
    }
    folder.join("plimsoll")
}

/// Where `scripts/install.sh` puts programs that no distribution has.
pub(crate) fn tools() -> Option<PathBuf> {
    let tools = std::env::var_os("PLIMSOLL_TOOLS").map(PathBuf::from);
    let cache = || std::env::var_os("PLIMSOLL_CACHE").map(|cache| PathBuf::from(cache).join("tools"));
    let home = || std::env::home_dir().map(|home| home.join(".cache/plimsoll/tools"));
    tools.or_else(cache).or_else(home)
}

/// What `scripts/settings.sh` sets a name to.
pub(crate) fn setting(name: &str) -> String {
    let text = std::fs::read_to_string(root().join("scripts/settings.sh")).expect("the settings");
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    value.unwrap_or_else(|| panic!("scripts/settings.sh does not set {name}")).to_owned()
}

/// The real cosign. `scripts/install.sh test` builds it once.
pub(crate) fn cosign() -> Option<PathBuf> {
    let path = tools()?.join("bin/cosign");
    if path.is_file() {
        return Some(path);
    }
    assert!(std::env::var("PLIMSOLL_REQUIRE").as_deref() != Ok("1"), "no {}", path.display());
    println!("skipped: no {}; scripts/install.sh test builds it", path.display());
    None
}

/// Docker's clients that have hooks, with their versions. `scripts/install.sh test` builds them where the module proxy gives
/// their source out; one that is missing is named.
pub(crate) fn docker_clients() -> Vec<(String, PathBuf)> {
    let mut clients = Vec::new();
    for name in ["DOCKER_28_VERSION", "DOCKER_29_VERSION"] {
        let version = setting(name);
        let client = tools().map(|tools| tools.join(format!("docker-{version}/docker"))).filter(|path| path.is_file());
        match client {
            Some(client) => clients.push((version, client)),
            None => println!("skipped: no docker client {version}; scripts/install.sh test builds it"),
        }
    }
    let must = std::env::var("PLIMSOLL_REQUIRE").as_deref() == Ok("1");
    assert!(!clients.is_empty() || !must, "neither of docker's clients with hooks is here");
    clients
}
