//! A key on a card, from the factory's PIN to a policy that wants hardware: over a real PC/SC daemon and a virtual card.

use std::fs;

use image::client::{Client, Credentials, Referrer, Settings};
use image::{Digest, Reference, Verified};
use virtual_card::pcscd::Pcscd;
use virtual_card::{Card, Firmware, vendor};

use crate::plimsoll::Home;
use crate::registry::{Kind, Registry};
use crate::sample::push_image;

const PIN: &str = "246810";
const PUK: &str = "13579135";
const SECRET: &str = "correct horse battery";

/// Puts the first certificate of an image's attestation alone beside another image that is about to be pushed.
fn precede(client: &Client, from: &Reference, to: &Reference) {
    let digest = client.resolve(from).unwrap().bytes.digest().clone();
    let whole = client.referrers(from, &digest, Some(trust::attested::MEDIA_TYPE)).unwrap().remove(0);
    let manifest = client.manifest(from, &whole.digest).unwrap().bytes;
    let mut manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let layer = manifest["layers"][0]["digest"].as_str().unwrap().parse().unwrap();
    let text = String::from_utf8(client.small_blob(from, &layer, 1 << 20).unwrap().into_bytes()).unwrap();
    let alone = text.split_inclusive("-----END CERTIFICATE-----\n").next().unwrap().as_bytes();
    let subject = push_image(client, to, &[b"inside".repeat(20), vec![2; 10]]);
    let blob = Digest::sha256(alone);
    client.push_blob(to, &blob, alone.len() as u64, &mut &alone[..]).unwrap();
    manifest["layers"][0]["digest"] = blob.to_string().into();
    manifest["layers"][0]["size"] = alone.len().into();
    manifest["subject"]["digest"] = subject.to_string().into();
    manifest["subject"]["size"] = client.resolve(to).unwrap().bytes.len().into();
    let bytes = Verified::name(manifest.to_string().into_bytes());
    let referrer = Referrer { digest: bytes.digest().clone(), size: bytes.len() as u64, ..whole };
    client.push_referrer(to, &subject, &referrer, &bytes).unwrap();
}

/// The digests differ, so that nothing but the batch can be why one touch serves them.
#[test]
fn several_images_are_signed_by_one_touch_and_one_that_is_not_there_costs_none() {
    let Some(registry) = Registry::start(Kind::Open) else { return };
    let Some(pcscd) = Pcscd::start_for_test() else { return };
    let card = Card::new(Firmware::V5_4, 4711);
    let finger = card.finger();
    finger.down();
    let mut slot = pcscd.slot(0);
    slot.insert(card).unwrap();
    let socket = pcscd.socket();
    let reader = ("PCSCLITE_CSOCK_NAME", socket.to_str().unwrap());
    let with_pin = [reader, ("PLIMSOLL_PIN", PIN)];
    let home = Home::new();
    let typed = [("(1-2)", "1"), ("New PIN", PIN), ("again", PIN), ("New PUK", PUK), ("again", PUK)];
    home.type_into_with(&["key", "generate", "piv:9c"], &typed, &[reader]).with(0);
    fs::write(home.path("work/card.pub"), home.run_with(&["key", "show", "piv:9c"], &[reader]).with(0).stdout).unwrap();
    let client = Client::new(Credentials::none(), Settings::default());
    let names: Vec<String> = ["one", "two", "three"]
        .into_iter()
        .map(|tag| {
            let place: Reference = format!("{}/team/app:{tag}", registry.host()).parse().unwrap();
            push_image(&client, &place, &[tag.as_bytes().repeat(20), vec![2; 10]]);
            place.to_string()
        })
        .collect();
    let sign = |more: &[&str]| {
        let mut arguments = vec!["sign", "--key", "piv:9c"];
        arguments.extend(names.iter().map(String::as_str));
        arguments.extend(more);
        home.run_with(&arguments, &with_pin)
    };
    finger.let_window_pass();
    let before = finger.touches();
    let missing = format!("{}/team/app:missing", registry.host());
    sign(&[&missing]).with(2);
    assert_eq!(finger.touches(), before);
    let said = sign(&[]).with(0);
    assert_eq!(finger.touches() - before, 1, "{}", said.stderr);
    for name in &names {
        assert!(said.stderr.contains(name.rsplit(':').next().unwrap()), "{}", said.stderr);
        home.run(&["verify", "--key", "card.pub", name]).with(0);
    }
    finger.let_window_pass();
    let again = sign(&["--unless-signed"]).with(0).stdout;
    assert_eq!((finger.touches() - before, again.matches("signed already").count()), (1, 3), "{again}");
}

/// A new card gets secrets of its own and a key; another key is made in a file and put beside it.
#[test]
fn a_policy_that_wants_hardware_takes_the_key_that_was_made_inside_and_no_other() {
    let Some(registry) = Registry::start(Kind::Open) else { return };
    let Some(pcscd) = Pcscd::start_for_test() else { return };
    let card = Card::new(Firmware::V5_4, 4711);
    card.finger().down();
    let mut slot = pcscd.slot(0);
    slot.insert(card).unwrap();
    let socket = pcscd.socket();
    let reader = ("PCSCLITE_CSOCK_NAME", socket.to_str().unwrap());
    let with_pin = [reader, ("PLIMSOLL_PIN", PIN)];
    let home = Home::new();

    let typed = [("(1-2)", "1"), ("New PIN", PIN), ("again", PIN), ("New PUK", PUK), ("again", PUK)];
    let made = home.type_into_with(&["key", "generate", "piv:9c"], &typed, &[reader]).with(0).stdout;
    assert!(made.contains("attested     yes") && !made.contains(PIN) && !made.contains(PUK), "{made}");
    let occupied = home.run_with(&["key", "generate", "piv:9c"], &with_pin).with(2).stderr;
    assert!(occupied.contains("9c"), "{occupied}");
    home.run_with(&["key", "generate", "soft"], &[("PLIMSOLL_PASSPHRASE", SECRET)]).with(0);
    let import = ["key", "import", "soft.key", "--to", "piv:slot=82"];
    home.type_into_with(&import, &[("Passphrase for", SECRET)], &with_pin).with(0);

    let client = Client::new(Credentials::none(), Settings::default());
    let sign = |tag: &str, key: &str| {
        let place: Reference = format!("{}/team/app:{tag}", registry.host()).parse().unwrap();
        push_image(&client, &place, &[tag.as_bytes().repeat(20), vec![2; 10]]);
        home.run_with(&["sign", "--key", key, &place.to_string()], &with_pin).with(0);
        place.to_string()
    };
    // Whoever may push puts a statement about the key first that leads to no root.
    let first = sign("first", "piv:9c");
    precede(&client, &first.parse().unwrap(), &format!("{}/team/app:inside", registry.host()).parse().unwrap());
    let (inside, imported) = (sign("inside", "piv:9c"), sign("imported", "piv:82"));
    let key = |uri: &str| home.run_with(&["key", "show", uri], &[reader]).with(0).stdout;
    let work = home.path("work");
    fs::write(work.join("inside.pub"), key("piv:9c")).unwrap();
    fs::write(work.join("roots.pem"), vendor::roots_pem()).unwrap();
    let policy = |rest: &str| {
        let rule = format!(
            "[[rule]]\nimages = \"**\"\nmode = \"enforce\"\nsigners = {{ keys = [\"inside.pub\", \"soft.pub\"], \
             hardware = true, roots = [\"roots.pem\"], {rest} }}\n"
        );
        fs::write(work.join("policy.toml"), rule).unwrap();
    };
    let verify = |image: &str| home.run(&["verify", "--policy", "policy.toml", image]);
    policy("touch = \"cached\", firmware = \"5.4\"");
    let proved = verify(&inside).with(0).stdout;
    assert!(proved.contains("made inside of device 4711") && proved.contains("firmware 5.4"), "{proved}");
    let refused = verify(&imported).with(1).stderr;
    assert!(refused.contains("nothing attests"), "{refused}");
    policy("touch = \"always\"");
    assert!(verify(&inside).with(1).stderr.contains("cached"), "the key asks for less than each time");
    policy("touch = \"cached\", firmware = \"5.7\"");
    assert!(verify(&inside).with(1).stderr.contains("below 5.7"), "the firmware is older");

    let proof = home.run_with(&["key", "attest", "piv:9c", "--roots", "roots.pem"], &[reader]).with(0).stdout;
    assert!(proof.contains("made inside the device"), "{proof}");
    let none = home.run_with(&["key", "attest", "piv:82", "--roots", "roots.pem"], &[reader]);
    assert!(matches!(none.code, Some(1 | 2)), "an imported key is attested: {}", none.stdout);
}
