//! What the two programs link, read from the built files.

use std::path::PathBuf;
use std::process::Command;

/// A binary that was built with these tests (`cargo test --workspace` builds all).
fn built(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    let folder = test.parent().and_then(|deps| deps.parent()).expect("the build folder");
    let path = folder.join(name);
    assert!(path.is_file(), "{} is not built; `cargo build --workspace --all-targets` makes it", path.display());
    path
}

/// The shared libraries that the loader fetches for it.
fn needed(name: &str) -> Vec<String> {
    let output = Command::new("readelf").arg("-d").arg(built(name)).output().expect("readelf, of binutils");
    assert!(output.status.success(), "readelf of {name}");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter(|line| line.contains("(NEEDED)"))
        .filter_map(|line| line.split('[').nth(1)?.split(']').next().map(ToOwned::to_owned))
        .collect()
}

#[test]
fn only_the_sandbox_links_libseccomp() {
    let plimsoll = needed("plimsoll");
    assert!(plimsoll.iter().any(|library| library.starts_with("libc.so")), "readelf told nothing: {plimsoll:?}");
    assert!(!plimsoll.iter().any(|library| library.contains("seccomp")), "plimsoll links {plimsoll:?}");
    let sandbox = needed("plimsoll-sandbox");
    assert!(sandbox.iter().any(|library| library.contains("seccomp")), "plimsoll-sandbox links {sandbox:?}");
}

#[test]
fn neither_program_links_openssl() {
    for program in ["plimsoll", "plimsoll-sandbox"] {
        let libraries = needed(program);
        let wrong = libraries.iter().any(|library| library.starts_with("libssl") || library.starts_with("libcrypto"));
        assert!(!wrong, "{program} links {libraries:?}");
    }
}
