//! Unsafe code stands in two rooms only.

use crate::workspace;

/// The rooms that may: system calls, and the memory map of the index.
const MAY: [&str; 2] = ["sandbox", "advisory"];

#[test]
fn only_two_rooms_may_hold_unsafe_code() {
    let forbids =
        workspace::manifest("Cargo.toml")["workspace"]["lints"]["rust"]["unsafe_code"].as_str() == Some("forbid");
    assert!(forbids, "the workspace's lints must forbid unsafe code");
    for folder in workspace::folders() {
        let manifest = workspace::manifest(&format!("{folder}/Cargo.toml"));
        let lints = &manifest["lints"];
        let inherits = lints.get("workspace").and_then(toml::Value::as_bool) == Some(true);
        let denies =
            lints.get("rust").and_then(|rust| rust.get("unsafe_code")).and_then(toml::Value::as_str) == Some("deny");
        let room = folder.rsplit('/').next().unwrap_or_default();
        assert!(inherits || (MAY.contains(&room) && denies), "{folder}: its lints allow unsafe code");
    }
}

#[test]
fn each_unsafe_block_says_why_it_is_sound() {
    let mut silent = Vec::new();
    for file in MAY.iter().flat_map(|room| workspace::sources(room)) {
        let text = std::fs::read_to_string(&file).expect("a source file");
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            let opens = code.contains("unsafe {") || code.contains("unsafe impl");
            let before = &lines[at.saturating_sub(12)..=at];
            if opens && !before.iter().any(|line| line.contains("SAFETY:") || line.contains("Safety:")) {
                silent.push(format!("{}:{}", file.display(), at + 1));
            }
        }
    }
    assert!(silent.is_empty(), "no `SAFETY:` comment above: {silent:#?}");
}
