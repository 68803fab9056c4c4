//! `key`: keys in files, in tokens, on cards.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use image::Reference;
use image::client::{Client, Credentials, Settings};
use keys::PublicKey;

use crate::plimsoll::{Ended, Home};
use crate::registry::{Kind, Registry};
use crate::sample::push_image;

const SECRET: (&str, &str) = ("PLIMSOLL_PASSPHRASE", "correct horse battery");

/// Keys of other programs, kept with the room of keys.
fn foreign(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../keys/tests/it/foreign");
    folder.join(name).display().to_string()
}

/// What differs between runs, made the same.
fn told(home: &Home, text: &str) -> String {
    let mut told = text.replace(&home.path("").display().to_string(), "~/");
    for word in text.split_whitespace().filter(|word| word.len() == 64) {
        told = told.replace(word, "FINGERPRINT");
    }
    told
}

#[test]
fn the_help_says_how_keys_are_named() {
    let home = Home::new();
    insta::assert_snapshot!("help", home.run(&["key", "--help"]).with(0).stdout);
    insta::assert_snapshot!("help_generate", home.run(&["key", "generate", "--help"]).with(0).stdout);
    insta::assert_snapshot!("help_import", home.run(&["key", "import", "-h"]).with(0).stdout);
}

#[test]
fn who_has_no_key_is_told_where_no_card_was_looked_for() {
    let home = Home::new();
    let nowhere = home.path("pcscd.comm");
    let listed = home.run_with(&["key", "list"], &[("PCSCLITE_CSOCK_NAME", nowhere.to_str().unwrap())]).with(0);
    assert!(listed.stderr.contains("no card was looked for"), "{}", listed.stderr);
}

#[test]
fn a_key_of_each_algorithm_is_made_listed_and_shown() {
    let home = Home::new();
    home.run_with(&["key", "generate"], &[SECRET]).with(0);
    for algorithm in ["p384", "ed25519"] {
        home.run_with(&["key", "generate", algorithm, "--algorithm", algorithm], &[SECRET]).with(0);
        let shown = home.run(&["key", "show", &format!("{algorithm}.key")]).with(0).stdout;
        let word = if algorithm == "p384" { "ECDSA on P-384" } else { "Ed25519" };
        assert!(shown.contains(word), "{shown}");
        PublicKey::from_pem(&shown).unwrap();
    }
    fs::rename(home.path("work/p384.key"), home.path(".config/plimsoll/keys/wide.key")).unwrap();
    fs::write(home.path(".config/plimsoll/keys/broken.key"), "hello").unwrap();
    let listed = home.run(&["key", "list"]).with(0);
    insta::assert_snapshot!("list", told(&home, &format!("{}---\n{}", listed.stdout, listed.stderr)));
    let json = home.run(&["key", "list", "--format", "json"]).with(0).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["keys"].as_array().unwrap().len(), 2);
    assert_eq!(json["keys"][0]["algorithm"], "ECDSA on P-256");
    assert!(json["failures"][0].as_str().unwrap().contains("broken.key"));
}

#[test]
fn nothing_is_listed_where_nothing_is() {
    let home = Home::new();
    let listed = home.run(&["key", "list"]).with(0);
    assert!(listed.stdout.contains("plimsoll key generate piv:9c"), "{}", listed.stdout);
}

#[test]
fn keys_of_cosigns_and_dockers_are_imported() {
    let home = Home::new();
    let old = home.path("old");
    for (name, passphrase, public, origin) in [
        ("cosign-p256.key", "cosign pass", "cosign-p256.pub", "a key of cosign's"),
        ("docker-root-old.key", "docker pass", "docker-root.pub", "docker's key for the role root"),
    ] {
        fs::write(&old, passphrase).unwrap();
        let from = format!("exec 3<{}; exec \"$0\" key import --from-passphrase-fd 3 {}", old.display(), foreign(name));
        let imported = home.run_by_shell(&from, &[SECRET]).with(0);
        assert!(
            imported.stderr.contains(origin) && imported.stderr.contains("never counts as attested"),
            "{}",
            imported.stderr
        );
        let shown = home.run(&["key", "show", &format!("../.config/plimsoll/keys/{name}")]).with(0).stdout;
        assert_eq!(PublicKey::from_pem(&shown).unwrap(), PublicKey::read(Path::new(&foreign(public))).unwrap());
    }
    let typed = [("Passphrase for", "cosign pass"), ("New passphrase", "new"), ("The same again", "new")];
    home.type_into(&["key", "import", &foreign("cosign-ed25519.key"), "--to", "typed"], &typed).with(0);
    let wrong = [("Passphrase for", "no"), ("2 more tries", "no"), ("1 more try", "no")];
    let refused = home.type_into(&["key", "import", &foreign("cosign-p384.key")], &wrong).with(2).stdout;
    assert!(refused.contains("the passphrase does not open"), "{refused}");
    // One under an empty passphrase asks for none.
    home.run_with(&["key", "import", &foreign("cosign-empty.key")], &[SECRET]).with(0);
    let again = home.run_with(&["key", "import", &foreign("cosign-empty.key")], &[SECRET]).with(2).stderr;
    assert!(again.contains("never overwritten"), "{again}");
}

#[test]
fn a_copy_is_made_and_brought_back() {
    let home = Home::new();
    home.run_with(&["key", "generate", "release"], &[SECRET]).with(0);
    fs::write(home.path("new"), "another").unwrap();
    let call = "exec 3<../new; exec \"$0\" key backup release.key copy --copy-passphrase-fd 3";
    let copied = home.run_by_shell(call, &[SECRET]).with(0);
    insta::assert_snapshot!("backup", told(&home, &format!("{}---\n{}", copied.stdout, copied.stderr)));
    let call = "exec 3<../new; exec \"$0\" key restore copy.key restored --from-passphrase-fd 3";
    home.run_by_shell(call, &[SECRET]).with(0);
    let public = |name: &str| PublicKey::read(&home.path("work").join(name)).unwrap();
    assert_eq!(public("restored.pub"), public("release.pub"));
    for (key, says) in [("piv:9c", "second card"), ("pkcs11:token=x", "second token")] {
        let refused = home.run(&["key", "backup", key, "copy2"]).with(2).stderr;
        assert!(refused.contains(says), "{refused}");
    }
}

#[test]
fn what_has_no_attestation_is_told_why() {
    let home = Home::new();
    for (key, says) in [("release.key", "of which copies may be anywhere"), ("pkcs11:token=x", "no such statement")] {
        let refused = home.run(&["key", "attest", key]).with(2).stderr;
        assert!(refused.contains(says) && refused.contains("piv:9c"), "{says}: {refused}");
    }
}

#[test]
fn a_key_is_deleted_only_when_its_name_was_typed_again() {
    let home = Home::new();
    home.run_with(&["key", "generate", "release"], &[SECRET]).with(0);
    let there = || home.path("work/release.key").exists();
    let asked = home.run(&["key", "delete", "release.key"]).with(2).stderr;
    assert!(asked.contains("--yes") && there(), "{asked}");
    fs::write(home.path("work/precious.txt"), "precious").unwrap();
    home.run(&["key", "delete", "precious.txt", "--yes"]).with(2);
    assert!(home.path("work/precious.txt").exists(), "it is no key");
    home.run(&["key", "delete", "release.key", "--yes"]).with(0);
    assert!(!there() && !home.path("work/release.pub").exists());
}

#[test]
fn a_process_with_secrets_leaves_no_core_and_shows_nothing_to_its_siblings() {
    let home = Home::new();
    home.run_with(&["key", "generate", "release"], &[SECRET]).with(0);
    fs::remove_file(home.path("work/release.pub")).unwrap();
    // It waits for the passphrase, which never comes, and is looked at meanwhile.
    let script = "mkfifo wait; \"$0\" key show release.key --passphrase-fd 3 3<>wait & pid=$!; \
                  until grep -q plimsoll /proc/$pid/comm; do sleep 0.01; done; \
                  until grep -q 'core file size *0 *0' /proc/$pid/limits; do sleep 0.01; kill -0 $pid || exit 9; done; \
                  for try in 1 2 3 4 5 6 7 8 9 10; do stat -c %U:%a /proc/$pid/environ; sleep 0.01; done; kill $pid";
    let ended = home.run_by_shell(script, &[]).with(0);
    // What is not dumpable belongs to root in /proc (proc(5)).
    assert!(ended.stdout.lines().last().unwrap().starts_with("root:"), "{}", ended.stdout);
}

/// A token of SoftHSM's in the home, `None` where it is not installed.
struct Token {
    home: Home,
    settings: String,
}

const PIN: &str = "135790";

impl Token {
    fn new() -> Option<Self> {
        const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
        if !Path::new(MODULE).exists() {
            assert!(std::env::var_os("PLIMSOLL_REQUIRE").is_none(), "SoftHSM is required");
            eprintln!("skipped: {MODULE} is not there");
            return None;
        }
        let home = Home::new();
        let tokens = home.path("tokens");
        fs::create_dir_all(&tokens).unwrap();
        let settings = home.path("softhsm2.conf");
        fs::write(&settings, format!("directories.tokendir = {}\n", tokens.display())).unwrap();
        fs::create_dir_all(home.path(".config/plimsoll")).unwrap();
        let config: PathBuf = home.path("config.toml");
        fs::write(config, format!("pkcs11-modules = [{MODULE:?}]\n")).unwrap();
        let made = Command::new("softhsm2-util")
            .args(["--init-token", "--free", "--label", "hsm", "--pin", PIN, "--so-pin", "12345678"])
            .env("SOFTHSM2_CONF", &settings)
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        let settings = settings.display().to_string();
        Some(Self { home, settings })
    }

    fn run(&self, arguments: &[&str], pin: &str) -> Ended {
        let config = self.home.path("config.toml").display().to_string();
        let mut variables = vec![("SOFTHSM2_CONF", self.settings.as_str()), ("PLIMSOLL_CONFIG", config.as_str())];
        if !pin.is_empty() {
            variables.push(("PLIMSOLL_PIN", pin));
        }
        self.home.run_with(arguments, &variables)
    }
}

#[test]
fn a_token_gets_a_key_with_a_certificate_lists_shows_and_loses_it() {
    let Some(token) = Token::new() else { return };
    let made = token.run(&["key", "generate", "pkcs11:token=hsm;object=release"], PIN).with(0);
    assert!(made.stdout.contains("attested     no") && made.stderr.contains("no policy can ask"), "{}", made.stdout);
    let listed = token.run(&["key", "list"], "").with(0).stdout;
    assert!(listed.contains("object=release") && listed.contains("ECDSA on P-256"), "{listed}");
    let shown = token.run(&["key", "show", "pkcs11:object=release"], "").with(0).stdout;
    assert!(shown.contains("token        hsm (SoftHSM project)") && shown.contains("certificate  yes"), "{shown}");
    let again = token.run(&["key", "generate", "pkcs11:token=hsm;object=release"], PIN).with(2).stderr;
    assert!(again.contains("not overwritten"), "{again}");
    let wrong = token.run(&["key", "delete", "pkcs11:object=release", "--yes"], "000000").with(2).stderr;
    assert!(wrong.contains("tried once"), "{wrong}");
    let import = ["key", "import", &foreign("cosign-empty.key"), "--to", "pkcs11:token=hsm;object=moved"];
    token.run(&import, PIN).with(0);
    token.run(&["key", "delete", "pkcs11:object=release", "--yes"], PIN).with(0);
    let left = token.run(&["key", "list"], "").with(0).stdout;
    assert!(left.contains("object=moved") && !left.contains("object=release"), "{left}");
}

/// As root the command becomes another user before it reads what a registry says, who may not even see the token.
#[test]
fn root_signs_with_a_token_that_nobody_else_may_read() {
    let (Some(registry), Some(token)) = (Registry::start(Kind::Open), Token::new()) else { return };
    fs::set_permissions(token.home.path("tokens"), fs::Permissions::from_mode(0o700)).unwrap();
    token.run(&["key", "generate", "pkcs11:token=hsm;object=release"], PIN).with(0);
    let shown = token.run(&["key", "show", "pkcs11:object=release"], "").with(0).stdout;
    fs::write(token.home.path("work/release.pub"), shown).unwrap();
    let client = Client::new(Credentials::none(), Settings::default());
    let place: Reference = format!("{}/team/app:v1", registry.host()).parse().unwrap();
    push_image(&client, &place, &[vec![1; 100], vec![2; 10]]);
    let sign = ["sign", "--key", "pkcs11:token=hsm;object=release", "--format", "bundle,notation", &place.to_string()];
    let wrong = token.run(&sign, "000000").with(2).stderr;
    assert!(wrong.contains("tried once"), "{wrong}");
    token.run(&sign, PIN).with(0);
    // What the command line says of configuration and registries, the agent is told: here modules are named by the option.
    let config = token.home.path("config.toml").display().to_string();
    let option = [&["--config", &config], &sign[..]].concat();
    let (settings, pin) = (("SOFTHSM2_CONF", token.settings.as_str()), ("PLIMSOLL_PIN", PIN));
    token.home.run_with(&option, &[settings, pin]).with(0);
    token.run(&["verify", "--key", "release.pub", &place.to_string()], "").with(0);
    let missing =
        token.run(&["sign", "--key", "pkcs11:token=hsm;object=other", &place.to_string()], PIN).with(2).stderr;
    assert!(missing.contains("other"), "{missing}");
}
