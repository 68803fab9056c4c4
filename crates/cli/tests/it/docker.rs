//! `docker-plugin`, and the program under the name by which docker calls it.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::plimsoll::Home;

/// As `docker login` and another plugin left it.
const CONFIG: &str = "{\n\t\"auths\": {\n\t\t\"registry.example.com\": {\n\t\t\t\"auth\": \"dXNlcjpwdw==\"\n\t\t}\n\t},\n\t\"plugins\": \
                      {\n\t\t\"debug\": {\n\t\t\t\"hooks\": \"exec\"\n\t\t}\n\t}\n}";

fn config(home: &Home, text: &str) -> PathBuf {
    fs::create_dir_all(home.path(".docker")).unwrap();
    let path = home.path(".docker/config.json");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

fn plugin(home: &Home) -> PathBuf {
    home.path(".docker/cli-plugins/docker-plimsoll")
}

/// As docker calls it.
fn called(home: &Home, arguments: &[&str]) -> Output {
    let mut command = Command::new(plugin(home));
    command.args(arguments).env_clear().env("HOME", home.path("")).env("PLIMSOLL_DATA", home.path("data"));
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).stdin(Stdio::null()).output().unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn what_install_did_remove_undoes() {
    let home = Home::new();
    let path = config(&home, CONFIG);
    let said = home.run(&["docker-plugin", "install"]).with(0).stdout;
    for told in ["docker-plimsoll ->", "image push", "before ", "docker-plugin remove"] {
        assert!(said.contains(told), "no {told:?} in {said}");
    }
    assert!(fs::symlink_metadata(plugin(&home)).unwrap().is_symlink());
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("\"push,image push,pull,image pull,run,container run\""), "{text}");
    assert!(text.contains("dXNlcjpwdw==") && text.contains("\"hooks\": \"exec\""), "{text}");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    let again = home.run(&["docker-plugin", "install"]).with(0).stdout;
    assert!(!again.contains("before "), "there was nothing to change: {again}");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);

    // The other plugin's hooks count on the switch by now.
    home.run(&["docker-plugin", "remove"]).with(0);
    let left = fs::read_to_string(&path).unwrap();
    assert!(!left.contains("plimsoll") && left.contains("\"features\""), "{left}");
    assert_eq!(names(&home.path(".docker/cli-plugins")), Vec::<String>::new());
    let nothing = home.run(&["docker-plugin", "remove"]).with(0).stdout;
    assert!(nothing.contains("nothing to remove"), "{nothing}");

    fs::write(&path, "{}").unwrap();
    home.run(&["docker-plugin", "install"]).with(0);
    home.run(&["docker-plugin", "remove"]).with(0);
    assert_eq!(fs::read_to_string(&path).unwrap(), "{}");
}

#[test]
fn a_configuration_that_cannot_be_read_is_left_as_it_is_and_nothing_is_installed() {
    for text in ["{", "{\"plugins\": 1}", "{\"features\": []}"] {
        let home = Home::new();
        let path = config(&home, text);
        let refused = home.run(&["docker-plugin", "install"]).with(2).stderr;
        assert!(refused.contains("left as it is"), "{refused}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        assert_eq!(names(&home.path(".docker")), ["config.json"]);
    }
}

#[test]
fn somebody_else_s_file_and_switch_stay() {
    let home = Home::new();
    config(&home, "{\"features\": {\"hooks\": \"false\"}}");
    fs::create_dir_all(home.path(".docker/cli-plugins")).unwrap();
    fs::write(plugin(&home), "somebody else's").unwrap();
    let refused = home.run(&["docker-plugin", "install"]).with(2).stderr;
    assert!(refused.contains("is there already"), "{refused}");
    assert_eq!(fs::read_to_string(plugin(&home)).unwrap(), "somebody else's");
    let text = fs::read_to_string(home.path(".docker/config.json")).unwrap();
    assert!(!text.contains("plimsoll"), "{text}");

    fs::remove_file(plugin(&home)).unwrap();
    let said = home.run(&["docker-plugin", "install"]).with(0).stdout;
    assert!(said.contains("--turn-hooks-on"), "{said}");
    let status = home.run(&["docker-plugin", "status"]).with(1).stdout;
    assert!(status.contains("off by features.hooks"), "{status}");
    home.run(&["docker-plugin", "install", "--turn-hooks-on"]).with(0);
    let status = home.run(&["docker-plugin", "status"]).stdout;
    assert!(status.contains("on by features.hooks"), "{status}");
    let off = home.run_with(&["docker-plugin", "status"], &[("DOCKER_CLI_HOOKS", "0")]).with(1).stdout;
    assert!(off.contains("off by DOCKER_CLI_HOOKS"), "{off}");
}

#[test]
fn a_copy_does_what_the_link_does() {
    let home = Home::new();
    home.run(&["docker-plugin", "install", "--copy"]).with(0);
    assert!(fs::symlink_metadata(plugin(&home)).unwrap().is_file());
    home.run(&["docker-plugin", "install", "--copy"]).with(0);
    let shown = called(&home, &["plimsoll", "version", "compare", "Debian", "1", "2"]);
    let own = home.run(&["version", "compare", "Debian", "1", "2"]);
    assert_eq!(String::from_utf8_lossy(&shown.stdout), own.stdout);
    assert_eq!(shown.status.code(), own.code);
    home.run(&["docker-plugin", "remove"]).with(0);
    assert!(!plugin(&home).exists());
}

#[test]
fn docker_is_told_what_the_plugin_is_and_gets_an_answer_to_every_hook() {
    let home = Home::new();
    home.run(&["docker-plugin", "install"]).with(0);
    let metadata: serde_json::Value =
        serde_json::from_slice(&called(&home, &["docker-cli-plugin-metadata"]).stdout).unwrap();
    assert_eq!(metadata["SchemaVersion"], "0.1.0");
    assert!(metadata["Vendor"].as_str().is_some_and(|vendor| !vendor.is_empty()));

    for request in ["{", "{\"RootCmd\":\"push\",\"CommandError\":\"denied\"}", "{\"RootCmd\":\"run\"}", "\u{fffd}"] {
        let ended = called(&home, &["plimsoll", "docker-cli-plugin-hooks", request]);
        assert_eq!(ended.status.code(), Some(0));
        let answer: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
        assert_eq!(answer, serde_json::json!({ "Type": 0, "Template": "" }), "{request}");
    }
    // Whoever calls is no docker, so that the image's name is docker's to put in.
    let push = called(&home, &["plimsoll", "docker-cli-plugin-hooks", "{\"RootCmd\":\"push\"}"]);
    let answer: serde_json::Value = serde_json::from_slice(&push.stdout).unwrap();
    assert_eq!(answer["Template"], "this image is not signed; sign it with: plimsoll sign {{arg . 0}}");
}

#[test]
fn the_plugin_asks_the_engine_that_docker_was_told_of() {
    let home = Home::new();
    home.run(&["docker-plugin", "install"]).with(0);
    let socket = home.path("no.sock").display().to_string();
    let options = ["-H", &format!("unix://{socket}"), "plimsoll", "scan", "--offline", "docker:debian:12"];
    let refused = called(&home, &options);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains(&socket), "{said}");
}
