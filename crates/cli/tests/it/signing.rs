//! `key`, `sign` and `verify`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use image::Reference;
use image::client::{Client, Credentials, Settings};
use keys::PublicKey;

use crate::plimsoll::Home;
use crate::registry::{Kind, Registry};
use crate::sample::push_image;
use crate::script::script;

const SECRET: (&str, &str) = ("PLIMSOLL_PASSPHRASE", "correct horse battery");

fn key(home: &Home, name: &str) -> PublicKey {
    home.run_with(&["key", "generate", name], &[SECRET]).with(0);
    PublicKey::read(&home.path("work").join(format!("{name}.pub"))).unwrap()
}

fn pushed(registry: &Registry) -> (Client, Reference, image::Digest) {
    let client = Client::new(Credentials::none(), Settings::default());
    let place: Reference = format!("{}/team/app:v1", registry.host()).parse().unwrap();
    let digest = push_image(&client, &place, &[vec![1; 100], vec![2; 10]]);
    (client, place, digest)
}

#[test]
fn a_key_is_made_once_and_shown_from_either_half() {
    let home = Home::new();
    let public = key(&home, "release");
    let file = home.path("work/release.key");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let again = home.run_with(&["key", "generate", "release.key"], &[SECRET]).with(2);
    assert!(again.stderr.contains("never overwritten"), "{}", again.stderr);
    for name in ["release.key", "release.pub", "file:release.key"] {
        let shown = home.run(&["key", "show", name]).with(0).stdout;
        assert!(shown.contains(&public.fingerprint()), "{shown}");
        assert_eq!(PublicKey::from_pem(&shown).unwrap(), public, "what is shown can be used as a key's file");
    }
    fs::remove_file(home.path("work/release.pub")).unwrap();
    let unlocked = home.run_with(&["key", "show", "release.key"], &[SECRET]).with(0).stdout;
    assert_eq!(PublicKey::from_pem(&unlocked).unwrap(), public);
}

#[test]
fn a_passphrase_is_typed_twice_and_not_shown() {
    let home = Home::new();
    let differ = [("New passphrase", "one thing"), ("The same again", "another")].repeat(3);
    let refused = home.type_into(&["key", "generate", "release"], &differ).with(2).stdout;
    assert!(refused.contains("differ; nothing was written"), "{refused}");
    assert_eq!(fs::read_dir(home.path("work")).unwrap().count(), 0);

    let same = [
        ("New passphrase", "one thing"),
        ("The same again", "another"),
        ("the two differ\r\nNew passphrase", "one thing"),
        ("The same again", "one thing"),
    ];
    let made = home.type_into(&["key", "generate", "release"], &same).with(0).stdout;
    assert!(made.contains("fingerprint") && !made.contains("one thing"), "{made}");
    fs::remove_file(home.path("work/release.pub")).unwrap();
    home.type_into(&["key", "show", "release.key"], &[("Passphrase for", "one thing")]).with(0);
    // Mistyped twice is no reason to begin anew, three times is.
    let fumbled = [("Passphrase for", "wrong"), ("2 more tries", ""), ("1 more try", "one thing")];
    home.type_into(&["key", "show", "release.key"], &fumbled).with(0);
    let wrong = [("Passphrase for", "wrong"), ("2 more tries", "wrong"), ("1 more try", "wrong")];
    let ended = home.type_into(&["key", "show", "release.key"], &wrong).with(2).stdout;
    assert!(ended.contains("the passphrase does not open"), "{ended}");
}

#[test]
fn what_was_done_and_could_not_be_told_is_told_as_done() {
    let Some(registry) = Registry::start(Kind::Open) else { return };
    let home = Home::new();
    key(&home, "release");
    let client = Client::new(Credentials::none(), Settings::default());
    let place: Reference = format!("{}/team/app:v1", registry.host()).parse().unwrap();
    push_image(&client, &place, &[vec![1; 100], vec![2; 10]]);
    let line = format!("\"$0\" sign --key release.key {place} > /dev/full");
    let told = home.run_by_shell(&line, &[SECRET]).with(2).stderr;
    assert!(told.contains("is signed, and that could not be told"), "{told}");
    home.run(&["verify", "--key", "release.pub", &place.to_string()]).with(0);
    let told = home.run_by_shell("\"$0\" key generate other > /dev/full", &[SECRET]).with(2).stderr;
    assert!(told.contains("the key is in file:other.key") || told.contains("the key is in other.key"), "{told}");
}

#[test]
fn whoever_trusts_nobody_and_names_no_key_that_is_there_is_told_which_there_are() {
    let home = Home::new();
    home.run_with(&["key", "generate"], &[SECRET]).with(0);
    let nobody = home.run(&["verify", "registry.example.com/team/app:1.0"]).with(2).stderr;
    assert!(nobody.contains("team/app:1.0") && nobody.contains("keys/default.pub"), "{nobody}");
    let missing = home.run(&["sign", "--key", "gone.key", "registry.example.com/team/app:1.0"]).with(2).stderr;
    assert!(missing.contains("gone.key") && missing.contains("plimsoll key list"), "{missing}");
}

/// A signature with a certificate that nobody can have is of no use to whoever trusts by certificates.
#[test]
fn what_is_no_certificate_where_one_is_kept_is_told_before_anything_is_signed() {
    let Some(registry) = Registry::start(Kind::Open) else { return };
    let home = Home::new();
    key(&home, "release");
    let (_, place, _) = pushed(&registry);
    let place = place.to_string();
    fs::write(home.path("work/release.crt"), "junk").unwrap();
    let sign = ["sign", "--format", "notation", "--key", "release.key", &place];
    let refused = home.run_with(&sign, &[SECRET]).with(2).stderr;
    assert!(refused.contains("release.crt holds no certificate") && refused.contains("move it away"), "{refused}");
    home.run(&["verify", "--key", "release.pub", &place]).with(1);
    fs::remove_file(home.path("work/release.crt")).unwrap();
    home.run_with(&sign, &[SECRET]).with(0);
    assert!(fs::read_to_string(home.path("work/release.crt")).unwrap().contains("BEGIN CERTIFICATE"));
}

#[test]
fn a_descriptor_with_the_secret_of_another_kind_of_key_is_not_left_unread() {
    let home = Home::new();
    key(&home, "release");
    let image = "registry.example.com/team/app:1.0";
    let file = home.run(&["sign", "--key", "release.key", "--pin-fd", "0", image]).with(2).stderr;
    assert!(file.contains("is given with --passphrase-fd"), "{file}");
    let card = home.run(&["sign", "--key", "piv:9c", "--passphrase-fd", "0", image]).with(2).stderr;
    assert!(card.contains("is given with --pin-fd"), "{card}");
}

#[test]
fn a_touch_is_not_promised_where_no_card_gives_it() {
    let home = Home::new();
    for option in [["--touch", "always"], ["--pin-policy", "always"]] {
        let asked = [&["key", "generate", "release"][..], &option].concat();
        let refused = home.run_with(&asked, &[SECRET]).with(2).stderr;
        assert!(refused.contains(option[0]) && refused.contains("keys on a card"), "{refused}");
    }
    assert!(!home.path("work/release.key").exists());
}

#[test]
fn without_a_terminal_the_other_ways_are_named() {
    let home = Home::new();
    let refused = home.run(&["key", "generate", "release"]).with(2).stderr;
    for way in ["--passphrase-fd", "plimsoll-passphrase", "PLIMSOLL_PASSPHRASE"] {
        assert!(refused.contains(way), "{refused}");
    }
}

#[test]
fn an_image_is_signed_with_the_users_single_key_and_verified() {
    let Some(registry) = Registry::start(Kind::Open) else { return };
    let home = Home::new();
    let (client, place, digest) = pushed(&registry);
    let image = place.to_string();
    home.run_with(&["key", "generate"], &[SECRET]).with(0);
    let public = home.path(".config/plimsoll/keys/default.pub");
    let public = public.to_str().unwrap();
    let fingerprint = PublicKey::read(public.as_ref()).unwrap().fingerprint();

    let unsigned = home.run(&["verify", "--key", public, &image]).with(1);
    assert!(unsigned.stderr.contains("no signature at all") && unsigned.stdout.is_empty(), "{}", unsigned.stderr);

    let signed = home.run_with(&["sign", &image], &[SECRET]).with(0);
    assert!(signed.stdout.contains(digest.as_str()) && signed.stdout.contains(&fingerprint), "{}", signed.stdout);
    let verified = home.run(&["verify", "--key", public, &image]).with(0).stdout;
    assert!(verified.contains(&fingerprint) && verified.contains(&format!("signed as  {image}")), "{verified}");
    assert!(!verified.contains("not the name"), "{verified}");
    home.run(&["verify", "--key", public, "--platform", "linux/arm64", &image]).with(0);
    let elsewhere = format!("{}/team/app:latest", registry.host());
    let same = client.resolve(&place).unwrap();
    client.push_manifest(&place, Some("latest"), same.media_type.as_deref().unwrap(), &same.bytes).unwrap();
    let renamed = home.run(&["verify", "--key", public, &elsewhere]).with(0).stdout;
    assert!(renamed.contains("v1  <- not the name that was asked for"), "{renamed}");

    key(&home, "other");
    let refused = home.run(&["verify", "--key", "other.pub", &image]).with(1).stderr;
    assert!(refused.contains("another key") && refused.contains(&fingerprint), "{refused}");
}

#[test]
fn what_will_be_signed_is_said_before_the_passphrase_is_asked_for() {
    let Some(registry) = Registry::start(Kind::Open) else { return };
    let home = Home::new();
    let (_, place, digest) = pushed(&registry);
    key(&home, "release");
    let image = place.to_string();
    let shown =
        home.type_into(&["sign", "--key", "release.key", &image], &[("Passphrase for", SECRET.1)]).with(0).stdout;
    let asked = shown.find("Passphrase for").unwrap();
    // A digest goes on below itself where the terminal is narrow.
    let (front, rest) = digest.as_str().split_at("sha256:".len() + 32);
    for said in [&place.repository_name(), "v1", front, rest] {
        assert!(shown.find(said).is_some_and(|place| place < asked), "{said}: {shown}");
    }
}

#[test]
fn an_image_that_was_changed_after_it_was_signed_is_not_signed() {
    let Some(registry) = Registry::start(Kind::Open) else { return };
    let home = Home::new();
    let (client, place, _) = pushed(&registry);
    let image = place.to_string();
    key(&home, "release");
    home.run_with(&["sign", "--key", "release.key", &image], &[SECRET]).with(0);
    let old = push_image(&client, &place, &[vec![1; 100], vec![3; 10]]);
    let refused = home.run(&["verify", "--key", "release.pub", &image]).with(1).stderr;
    assert!(refused.contains(old.as_str()), "{refused}");
}

#[test]
fn a_tag_and_a_digest_that_do_not_belong_together_are_not_signed() {
    let Some(registry) = Registry::start(Kind::Open) else { return };
    let home = Home::new();
    let (client, place, first) = pushed(&registry);
    push_image(&client, &place, &[vec![1; 100], vec![3; 10]]);
    key(&home, "release");
    let stale = format!("{place}@{first}");
    let refused = home.run_with(&["sign", "--key", "release.key", &stale], &[SECRET]).with(2).stderr;
    assert!(refused.contains("the tag v1 points to"), "{refused}");
}

#[test]
fn without_keys_the_policy_says_whom_to_trust() {
    let Some(registry) = Registry::start(Kind::Open) else { return };
    let home = Home::new();
    let (_, place, _) = pushed(&registry);
    let image = place.to_string();
    key(&home, "one");
    key(&home, "two");
    let nobody = home.run(&["verify", &image, "--policy", "none.toml"]).with(2).stderr;
    assert!(nobody.contains("none.toml"), "{nobody}");
    let policy = |pattern: &str, signers: &str| {
        let text = format!("[[rule]]\nimages = \"{pattern}\"\nmode = \"enforce\"\nsigners = {{ {signers} }}\n");
        fs::write(home.path("work/policy.toml"), text).unwrap();
    };
    let pattern = format!("{}/**", registry.host());
    policy(&pattern, r#"keys = ["one.pub", "two.pub"], threshold = 2"#);
    let by_policy = ["verify", "--policy", "policy.toml", &image];
    home.run(&by_policy).with(1);
    home.run_with(&["sign", "--key", "one.key", &image], &[SECRET]).with(0);
    let one = home.run(&by_policy).with(1).stderr;
    assert!(one.contains("one.pub"), "{one}");
    home.run_with(&["sign", "--key", "two.key", &image], &[SECRET]).with(0);
    let both = home.run(&by_policy).with(0).stdout;
    assert!(both.contains("one.pub") && both.contains("two.pub"), "{both}");
    policy("elsewhere.example.com/**", r#"keys = ["one.pub"]"#);
    let none = home.run(&by_policy).with(2).stderr;
    assert!(none.contains("wants no signature"), "{none}");
}

#[test]
fn no_log_holds_a_passphrase_or_a_login() {
    let Some(registry) = Registry::start(Kind::WithLogin) else { return };
    let home = Home::new();
    key(&home, "release");
    fs::create_dir(home.path(".docker")).unwrap();
    // user:swordfish
    let login = format!(r#"{{"auths":{{"{}":{{"auth":"dXNlcjpzd29yZGZpc2g="}}}}}}"#, registry.host());
    fs::write(home.path(".docker/config.json"), login).unwrap();
    let client = Client::new(
        Credentials::none().with(
            registry.host(),
            image::client::Login::Basic { user: "user".into(), password: "swordfish".to_owned().into() },
        ),
        Settings::default(),
    );
    let place: Reference = format!("{}/team/app:v1", registry.host()).parse().unwrap();
    push_image(&client, &place, &[vec![1; 100], vec![2; 10]]);
    let signed =
        home.run_with(&["--log", "trace", "sign", "--key", "release.key", &place.to_string()], &[SECRET]).with(0);
    assert!(signed.stderr.contains("asking"), "it does log: {}", signed.stderr);
    for secret in [SECRET.1, "swordfish", "dXNlcjpzd29yZGZpc2g="] {
        assert!(!signed.stderr.contains(secret) && !signed.stdout.contains(secret), "{}", signed.stderr);
    }
}

/// What a child has in its environment every program of the same user can read, which this one keeps them from.
#[test]
fn a_credential_helper_is_told_no_secret_of_a_key() {
    let home = Home::new();
    let helper = home.path("docker-credential-spy");
    let seen = home.path("seen");
    script(&helper, &format!("env > {}\necho 'credentials not found'\nexit 1", seen.display()));
    fs::create_dir_all(home.path(".docker")).unwrap();
    fs::write(home.path(".docker/config.json"), r#"{"credsStore":"spy"}"#).unwrap();
    key(&home, "release");
    let path = format!("{}:{}", home.path("").display(), std::env::var("PATH").unwrap());
    let variables = [SECRET, ("PLIMSOLL_PIN", "246810"), ("PATH", path.as_str())];
    // Nothing listens there; the helper was asked before.
    home.run_with(&["sign", "--key", "release.key", "127.0.0.1:1/team/app:v1"], &variables).with(2);
    let seen = fs::read_to_string(seen).unwrap();
    assert!(seen.contains("PATH=") && !seen.contains("horse") && !seen.contains("246810"), "{seen}");
}

#[test]
fn a_refusal_names_a_command_that_works_as_it_is_written() {
    let home = Home::new();
    key(&home, "release");
    let image = "127.0.0.1:1/app:v1";
    let stamped = home.run(&["sign", "--key", "release.key", "--timestamp", "http://127.0.0.1:1/", image]).with(2);
    assert!(stamped.stderr.contains("add --format notation"), "{}", stamped.stderr);
    let device = home.run(&["verify", "--key", "piv:serial=1;slot=9c", image]).with(2);
    assert!(device.stderr.contains("plimsoll key show 'piv:serial=1;slot=9c' > key.pub"), "{}", device.stderr);
}
