//! Logins as docker and podman keep them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use image::client::credentials::Places;
use image::client::{Credentials, Login};
use zeroize::Zeroizing;

use super::reference;

fn places(folder: &Path, docker: &str, podman: &str) -> Places {
    let write = |name: &str, text: &str| -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        path
    };
    Places {
        docker: Some(write("config.json", docker)),
        podman: vec![write("auth.json", podman)],
        helpers: vec![folder.to_owned()],
    }
}

fn helper(folder: &Path, name: &str, script: &str) {
    let path = folder.join(format!("docker-credential-{name}"));
    // Written by another program: a child that some other test forks at this moment would hold the script open for
    // writing, and then it cannot be executed.
    let mut writer = Command::new("sh");
    writer.args(["-c", "printf '#!/bin/sh\\n%s\\n' \"$1\" > \"$0\" && chmod 755 \"$0\""]);
    assert!(writer.args([path.as_os_str(), script.as_ref()]).status().unwrap().success());
}

fn login(docker: &str, podman: &str, registry: &str) -> Option<Login> {
    let folder = tempfile::tempdir().unwrap();
    Credentials::read(&places(folder.path(), docker, podman), [&reference(registry, "team/image", "v1")])
        .of(registry)
        .cloned()
}

fn basic(user: &str, password: &str) -> Login {
    Login::Basic { user: user.into(), password: Zeroizing::new(password.into()) }
}

#[test]
fn a_login_in_dockers_file_is_found_under_all_of_its_names() {
    // user:pass:word, with and without padding
    let auth = r#"{"auths":{"https://index.docker.io/v1/":{"auth":"dXNlcjpwYXNzOndvcmQ="},
        "quay.io":{"auth":"dXNlcjpwYXNzOndvcmQ"},"https://old.example.com/v1/":{"username":"u","password":"p"},
        "localhost:5000":{"identitytoken":"id"},"empty.example.com":{}},"credsStore":""}"#;
    assert_eq!(login(auth, "{}", "docker.io"), Some(basic("user", "pass:word")));
    assert_eq!(login(auth, "{}", "quay.io"), Some(basic("user", "pass:word")));
    assert_eq!(login(auth, "{}", "old.example.com"), Some(basic("u", "p")));
    assert_eq!(login(auth, "{}", "localhost:5000"), Some(Login::IdentityToken(Zeroizing::new("id".into()))));
    assert_eq!(login(auth, "{}", "empty.example.com"), None);
    assert_eq!(login(auth, "{}", "other.example.com"), None);
}

#[test]
fn podmans_file_comes_second_and_knows_repositories() {
    let podman =
        r#"{"auths":{"quay.io":{"auth":"YTpi"},"quay.io/team":{"auth":"Yzpk"},"quay.io/team/imag":{"auth":"ZTpm"}}}"#;
    assert_eq!(login("{}", podman, "quay.io"), Some(basic("c", "d")));
    assert_eq!(login(r#"{"auths":{"quay.io":{"auth":"eDp5"}}}"#, podman, "quay.io"), Some(basic("x", "y")));
}

#[test]
fn a_helper_is_asked_for_the_server_by_the_name_that_docker_uses() {
    let folder = tempfile::tempdir().unwrap();
    helper(
        folder.path(),
        "store",
        r#"read -r server; test "$1" = get || exit 9
case "$server" in
  https://index.docker.io/v1/) echo '{"ServerURL":"x","Username":"hub","Secret":"s1"}' ;;
  token.example.com) echo '{"Username":"<token>","Secret":"s2"}' ;;
  *) echo "credentials not found in native keychain"; exit 1 ;;
esac"#,
    );
    helper(folder.path(), "own", r#"cat > /dev/null; echo '{"Username":"own","Secret":"s3"}'"#);
    let docker = r#"{"credsStore":"store","credHelpers":{"own.example.com":"own"},"auths":{"file.example.com":{"auth":"YTpi"}}}"#;
    let places = places(folder.path(), docker, "{}");
    let of = |registry: &str| {
        let credentials = Credentials::read(&places, [&reference(registry, "image", "v1")]);
        assert_eq!(credentials.problem(registry), None);
        credentials.of(registry).cloned()
    };
    assert_eq!(of("docker.io"), Some(basic("hub", "s1")));
    assert_eq!(of("token.example.com"), Some(Login::IdentityToken(Zeroizing::new("s2".into()))));
    assert_eq!(of("own.example.com"), Some(basic("own", "s3")));
    assert_eq!(of("none.example.com"), None);
    assert_eq!(of("file.example.com"), Some(basic("a", "b")));
}

#[test]
fn a_helper_that_fails_is_remembered_for_when_a_login_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    helper(folder.path(), "broken", "echo 'the keychain is locked'; exit 1");
    helper(folder.path(), "garbage", "head -c 1000 /dev/zero");
    helper(folder.path(), "endless", "yes");
    for (name, word) in [
        ("broken", "the keychain is locked"),
        ("garbage", "did not answer as one"),
        ("endless", "docker-credential-endless"),
        ("missing", "not on the PATH"),
        ("../../bin/sh", "no name of a credential helper"),
    ] {
        let places = places(folder.path(), &format!(r#"{{"credsStore":"{name}"}}"#), "{}");
        let credentials = Credentials::read(&places, [&reference("example.com", "image", "v1")]);
        assert_eq!(credentials.of("example.com"), None);
        let problem = credentials.problem("example.com").unwrap();
        assert!(problem.contains(word), "{problem}");
    }
}

#[test]
fn a_damaged_file_is_told_without_what_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    for damaged in
        [r#"{"auths":{"example.com":{"auth":"!hunter2!"}}}"#, r#"{"auths":{"example.com":{"auth":hunter2}}}"#]
    {
        let places = places(folder.path(), damaged, "{}");
        let credentials = Credentials::read(&places, [&reference("example.com", "image", "v1")]);
        let problem = credentials.problem("example.com").unwrap();
        assert!(problem.contains("config.json") && !problem.contains("hunter2"), "{problem}");
    }
}
