//! `policy check` and `policy test`.

use std::fs;

use image::Reference;
use image::client::{Client, Credentials, Settings};

use crate::plimsoll::Home;
use crate::registry::{Kind, Registry};
use crate::sample::push_image;

const SECRET: (&str, &str) = ("PLIMSOLL_PASSPHRASE", "correct horse battery");

fn write(home: &Home, text: &str) {
    fs::create_dir_all(home.path("work")).unwrap();
    fs::write(home.path("work/policy.toml"), text).unwrap();
}

#[test]
fn a_sound_policy_is_told_and_a_wrong_one_is_named_by_line() {
    let home = Home::new();
    write(&home, "[[rule]]\nimages = \"**\"\nmode = \"enforce\"\nfindings = { at-most = \"low\" }\n");
    let sound = home.run(&["policy", "check", "policy.toml"]).with(0);
    assert!(sound.stdout.contains("line 1: **, mode enforce"), "{}", sound.stdout);

    write(&home, "[[rule]]\nimages = \"debian\"\nmode = \"enforced\"\nfindings = { at-most = \"low\" }\n");
    let wrong = home.run(&["policy", "check", "policy.toml"]).with(2);
    assert!(wrong.stdout.is_empty(), "{}", wrong.stdout);
    for words in ["policy.toml:2: ", "write \"docker.io/debian\"", "policy.toml:3: ", "did you mean \"enforce\""] {
        assert!(wrong.stderr.contains(words), "{words}: {}", wrong.stderr);
    }
    let missing = home.run(&["policy", "check", "none.toml"]).with(2);
    assert!(missing.stderr.contains("none.toml: no such file"), "{}", missing.stderr);
}

#[test]
fn an_image_is_refused_until_a_key_of_the_policy_has_signed_it() {
    let Some(registry) = Registry::start(Kind::Open) else { return };
    let home = Home::new();
    let client = Client::new(Credentials::none(), Settings::default());
    let place: Reference = format!("{}/team/app:v1", registry.host()).parse().unwrap();
    push_image(&client, &place, &[vec![1; 100], vec![2; 10]]);
    let image = place.to_string();
    home.run_with(&["key", "generate", "release"], &[SECRET]).with(0);
    let rule =
        format!("[[rule]]\nimages = \"{}/team/**\"\nsigners = {{ keys = [\"release.pub\"] }}\n", registry.host());
    write(&home, &format!("{rule}mode = \"enforce\"\n"));
    let test = ["policy", "test", &image, "--policy", "policy.toml"];

    let refused = home.run(&test).with(1).stdout;
    for words in ["✗ not met   a signature by release.pub", "`plimsoll sign ", "refused: 1 of 1 demands not met"] {
        assert!(refused.contains(words), "{words}: {refused}");
    }
    assert!(!refused.contains('\u{1b}'), "colour where there is no terminal: {refused}");

    write(&home, &format!("{rule}mode = \"warn\"\n"));
    let warned = home.run(&test).with(0).stdout;
    assert!(warned.contains("allowed with a warning: 1 of 1 demands not met"), "{warned}");

    write(&home, &format!("{rule}mode = \"enforce\"\n"));
    home.run_with(&["sign", "--key", "release.key", &image], &[SECRET]).with(0);
    let allowed = home.run(&test).with(0).stdout;
    assert!(allowed.contains("✓ met       a signature by release.pub: signed by release.pub"), "{allowed}");
}

#[test]
fn an_image_that_cannot_be_scanned_is_refused_by_a_rule_about_findings() {
    let Some(registry) = Registry::start(Kind::Open) else { return };
    let home = Home::new();
    let client = Client::new(Credentials::none(), Settings::default());
    let place: Reference = format!("{}/team/app:v1", registry.host()).parse().unwrap();
    // What is no tar.
    push_image(&client, &place, &[vec![1; 100], vec![2; 10]]);
    write(&home, "[[rule]]\nimages = \"**\"\nmode = \"enforce\"\nfindings = { at-most = \"critical\" }\n");
    let refused = home.run(&["policy", "test", &place.to_string(), "--policy", "policy.toml"]).with(1).stdout;
    assert!(refused.contains("✗ not met   no finding above critical: its findings are not known: "), "{refused}");
}

#[test]
fn what_cannot_be_found_out_is_neither_yes_nor_no() {
    let Some(registry) = Registry::start(Kind::Open) else { return };
    let home = Home::new();
    write(&home, "[[rule]]\nimages = \"**\"\nmode = \"off\"\n");
    let image = format!("{}/team/none:v1", registry.host());
    let unknown = home.run(&["policy", "test", &image, "--policy", "policy.toml"]).with(2);
    assert!(unknown.stdout.is_empty() && unknown.stderr.contains("team/none"), "{}", unknown.stderr);
    home.run(&["policy", "test", &image, "--policy", "none.toml"]).with(2);
}
