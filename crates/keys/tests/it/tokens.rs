//! Keys in PKCS#11 tokens, with SoftHSM as the token and OpenSSL as the judge.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use keys::certificate::{self, Subject, validity_from};
use keys::pkcs11::{Modules, NewTokenKey, Token, TokenError, TokenSigner};
use keys::{
    Algorithm, Custody, Hash, Intent, KeyError, KeyUri, Message, Nobody, Passphrase, Person, Pin, PinAsk, PinKind,
    PrivateKey, Scheme, Signer, Surroundings, TokenUri, TouchMoment, Unasked, open,
};

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const PIN: &str = "135790";

/// Which folder the process' tokens are in. SoftHSM reads it from the environment, which is the whole process'.
const FOLDER: &str = "PLIMSOLL_TEST_SOFTHSM";

/// Runs `body` in a process of its own, whose SoftHSM has one token called `release`; `name` is the test's own.
fn with_token(name: &str, body: impl FnOnce(&Path)) {
    if let Some(folder) = std::env::var_os(FOLDER) {
        return body(Path::new(&folder));
    }
    if !Path::new(MODULE).exists() {
        assert!(std::env::var_os("PLIMSOLL_REQUIRE").is_none(), "SoftHSM is required");
        eprintln!("skipped: {MODULE} is not there");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let tokens = folder.path().join("tokens");
    std::fs::create_dir(&tokens).unwrap();
    let settings = folder.path().join("softhsm2.conf");
    std::fs::write(&settings, format!("directories.tokendir = {}\nlog.level = ERROR\n", tokens.display())).unwrap();
    let made = Command::new("softhsm2-util")
        .args(["--init-token", "--free", "--label", "release", "--pin", PIN, "--so-pin", "12345678"])
        .env("SOFTHSM2_CONF", &settings)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let done = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env("SOFTHSM2_CONF", &settings)
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success() && said.contains("1 passed"), "{said}");
}

/// Types these PINs, one after the other, and remembers what was asked.
#[derive(Default)]
struct Typist {
    pins: Mutex<Vec<&'static str>>,
    asked: Mutex<Vec<PinAsk>>,
    choice: Option<usize>,
}

impl Typist {
    fn of(pins: &[&'static str]) -> Self {
        let pins = pins.iter().rev().copied().collect();
        Self { pins: Mutex::new(pins), ..Self::default() }
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl Person for Typist {
    fn show(&self, _: &Intent) {}

    fn passphrase(&self, name: &str) -> Result<Passphrase, KeyError> {
        Err(KeyError::NobodyToAsk(Unasked::new(name)))
    }

    fn pin(&self, ask: &PinAsk) -> Result<Pin, KeyError> {
        assert_eq!(ask.kind, PinKind::Token);
        self.asked.lock().unwrap().push(ask.clone());
        let pin = self.pins.lock().unwrap().pop();
        pin.map(Pin::new).ok_or(KeyError::Cancelled)
    }

    fn choose(&self, question: &str, _: &[String]) -> Result<usize, KeyError> {
        self.choice.ok_or_else(|| KeyError::NobodyToAsk(Unasked::new(question)))
    }

    fn touch(&self, moment: TouchMoment) {
        panic!("nobody needs to touch SoftHSM: {moment:?}");
    }
}

fn modules() -> Modules {
    Modules(vec![MODULE.into()])
}

fn uri(text: &str) -> TokenUri {
    match format!("pkcs11:{text}").parse().unwrap() {
        KeyUri::Pkcs11(uri) => *uri,
        other => panic!("{other}"),
    }
}

fn token() -> Token {
    modules().token(&uri("token=release"), &Nobody).unwrap()
}

fn new(label: &str, algorithm: Algorithm) -> NewTokenKey {
    NewTokenKey { label: label.to_owned(), id: None, algorithm }
}

#[test]
fn a_key_is_made_in_a_token_and_signs_a_batch_under_one_pin() {
    with_token("tokens::a_key_is_made_in_a_token_and_signs_a_batch_under_one_pin", |folder| {
        for (label, algorithm) in [("narrow", Algorithm::EcdsaP256), ("wide", Algorithm::EcdsaP384)] {
            let typist = Typist::of(&[PIN, PIN]);
            let made = token().generate(&new(label, algorithm), &typist).unwrap();
            assert_eq!(made.public.algorithm(), algorithm);
            let name = format!("pkcs11:token=release;object={label}").parse().unwrap();
            let surroundings = Surroundings { modules: modules(), ..Surroundings::default() };
            let signer = open(&name, &surroundings, &Nobody).unwrap();
            assert_eq!(signer.public_key(), made.public, "it is known without the PIN");
            assert!(matches!(signer.custody(), Custody::Token { label, .. } if label == "release"));
            let batch =
                [Message::new(b"one"), Message { bytes: b"two", hash: Some(Hash::Sha256) }, Message::new(b"three")];
            let signatures = signer.sign(&batch, &typist).unwrap();
            assert_eq!(typist.asked(), 2, "once to make it and once for the batch, by another opening of the token");
            made.public.verify(b"one", signatures[0].as_bytes()).unwrap();
            made.public.verify_with(Scheme::Ecdsa(Hash::Sha256), b"two", signatures[1].as_bytes()).unwrap();
            made.public.verify(b"three", signatures[2].as_bytes()).unwrap();
            // Its own name leads to it, too.
            let own: KeyUri = signer.uri().to_string().parse().unwrap();
            assert_eq!(open(&own, &Surroundings::default(), &Nobody).unwrap().public_key(), made.public);

            let (message, signature, public) =
                (folder.join("message"), folder.join("signature"), folder.join("public"));
            std::fs::write(&message, "three").unwrap();
            std::fs::write(&signature, signatures[2].as_bytes()).unwrap();
            std::fs::write(&public, made.public.to_pem()).unwrap();
            let hash = if label == "wide" { "-sha384" } else { "-sha256" };
            let judged = Command::new("openssl")
                .args(["dgst", hash, "-verify"])
                .args([&public, Path::new("-signature"), &signature, &message])
                .output()
                .unwrap();
            assert!(judged.status.success(), "{judged:?}");
        }
    });
}

#[test]
fn the_pin_is_asked_for_once_until_the_key_is_locked() {
    with_token("tokens::the_pin_is_asked_for_once_until_the_key_is_locked", |_| {
        token().generate(&new("k", Algorithm::EcdsaP256), &Typist::of(&[PIN])).unwrap();
        let signer = TokenSigner::open(&modules(), &uri("object=k"), &Nobody).unwrap();
        signer.sign_one(b"x", &Typist::of(&[PIN])).unwrap();
        signer.sign_one(b"x", &Nobody).unwrap();
        signer.lock();
        assert!(matches!(signer.sign_one(b"x", &Nobody), Err(KeyError::NobodyToAsk(_))));
        assert!(matches!(signer.sign_one(b"x", &Typist::of(&[])), Err(KeyError::Cancelled)));
    });
}

#[test]
fn a_wrong_pin_is_asked_for_again_and_one_from_the_surroundings_is_not_tried_twice() {
    let name = "tokens::a_wrong_pin_is_asked_for_again_and_one_from_the_surroundings_is_not_tried_twice";
    with_token(name, |folder| {
        token().generate(&new("k", Algorithm::EcdsaP256), &Typist::of(&["111111", "222222", PIN])).unwrap();
        let stubborn = Typist::of(&["1111", "2222", "3333", "4444"]);
        let signer = TokenSigner::open(&modules(), &uri("object=k"), &Nobody).unwrap();
        let error = signer.sign_one(b"x", &stubborn).unwrap_err();
        assert!(matches!(error, KeyError::Token(TokenError::WrongPin { .. })), "{error}");
        assert_eq!(stubborn.asked(), 3);

        let key: KeyUri = "pkcs11:object=k".parse().unwrap();
        let with = |pin| Surroundings { pin: Some(Pin::new(pin)), modules: modules(), ..Surroundings::default() };
        open(&key, &with(PIN), &Nobody).unwrap().sign_one(b"x", &Nobody).unwrap();
        let signer = open(&key, &with("999999"), &Nobody).unwrap();
        let error = signer.sign_one(b"x", &Nobody).unwrap_err();
        assert!(matches!(error, KeyError::PinRefused(_)), "{error}");
        assert!(matches!(signer.sign_one(b"x", &Nobody), Err(KeyError::NobodyToAsk(_))), "it was forgotten");

        let file = folder.join("pin");
        std::fs::write(&file, format!("{PIN}\n")).unwrap();
        let key: KeyUri = format!("pkcs11:object=k?pin-source=file:{}", file.display()).parse().unwrap();
        open(&key, &with("999999"), &Nobody).unwrap().sign_one(b"x", &Nobody).unwrap();
    });
}

#[test]
fn what_fits_no_token_or_key_or_several_is_said() {
    with_token("tokens::what_fits_no_token_or_key_or_several_is_said", |_| {
        let fail = |text: &str| TokenSigner::open(&modules(), &uri(text), &Typist::of(&[PIN])).unwrap_err().to_string();
        let error = fail("token=other");
        assert!(error.contains("there are: release"), "{error}");
        let error = fail("object=missing");
        assert!(error.contains("shows no key at all") && error.contains("plimsoll key generate"), "{error}");
        for label in ["one", "two"] {
            token().generate(&new(label, Algorithm::EcdsaP256), &Typist::of(&[PIN])).unwrap();
        }
        let error = fail("object=missing");
        assert!(error.contains("one (id") && error.contains("two (id"), "{error}");
        let error = fail("token=release");
        assert!(error.contains("which key in release"), "{error}");
        let second = Typist { choice: Some(1), ..Typist::default() };
        TokenSigner::open(&modules(), &uri("token=release"), &second).unwrap();
        let error = token().generate(&new("one", Algorithm::EcdsaP256), &Typist::of(&[PIN])).unwrap_err();
        assert!(matches!(error, KeyError::Token(TokenError::Occupied { .. })), "{error}");
    });
}

#[test]
fn a_key_is_imported_certified_and_deleted() {
    with_token("tokens::a_key_is_imported_certified_and_deleted", |_| {
        let key = PrivateKey::generate(Algorithm::EcdsaP384).unwrap();
        let typist = || Typist::of(&[PIN]);
        let there = token().import(&new("moved", key.algorithm()), &key, &typist()).unwrap();
        assert_eq!(there.public, key.public_key().unwrap());
        let signer = TokenSigner::of(token(), there.clone());
        let valid = validity_from(std::time::SystemTime::now());
        let made = certificate::self_issued(&signer, &Subject::named("moved"), valid, &typist()).unwrap();
        token().certify(&there, &made, &typist()).unwrap();
        let found = token().keys().unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].certificate.as_deref(), Some(&made[..]));
        token().delete(&found[0], &typist()).unwrap();
        assert_eq!(token().keys().unwrap(), []);
    });
}

#[test]
fn a_bare_digest_is_signed_as_its_message_would_be() {
    with_token("tokens::a_bare_digest_is_signed_as_its_message_would_be", |_| {
        let key = token().generate(&new("digests", Algorithm::EcdsaP384), &Typist::of(&[PIN])).unwrap();
        let signer = TokenSigner::of(token(), key);
        for hash in [Hash::Sha256, Hash::Sha384] {
            let signature = signer.sign_digest(&hash.of(b"a message"), hash, &Typist::of(&[PIN])).unwrap();
            let scheme = Scheme::Ecdsa(hash);
            signer.public_key().verify_with(scheme, b"a message", signature.as_bytes()).unwrap();
        }
        let narrow = token().generate(&new("narrow", Algorithm::EcdsaP256), &Typist::of(&[PIN])).unwrap();
        let narrow = TokenSigner::of(token(), narrow);
        for hash in [Hash::Sha256, Hash::Sha384, Hash::Sha512] {
            let signature = narrow.sign_digest(&hash.of(b"a message"), hash, &Typist::of(&[PIN])).unwrap();
            // What is checked here is the leftmost 32 bytes, whichever hash they are of.
            if hash != Hash::Sha512 {
                narrow.public_key().verify_with(Scheme::Ecdsa(hash), b"a message", signature.as_bytes()).unwrap();
            }
        }
        let person = Typist::of(&[PIN]);
        let error = signer.sign_digest(&[7; 20], Hash::Sha256, &person).unwrap_err();
        assert!(error.to_string().contains("has 32 bytes, and this one has 20"), "{error}");
        assert_eq!(person.asked(), 0);
    });
}

/// SoftHSM since 2.6, as distributions build it, has `CKM_EDDSA`.
#[test]
fn a_key_for_ed25519_is_made_imported_certified_and_signs() {
    with_token("tokens::a_key_for_ed25519_is_made_imported_certified_and_signs", |_| {
        let typist = || Typist::of(&[PIN]);
        let made = token().generate(&new("made", Algorithm::Ed25519), &typist()).unwrap();
        let private = PrivateKey::generate(Algorithm::Ed25519).unwrap();
        let imported = token().import(&new("imported", Algorithm::Ed25519), &private, &typist()).unwrap();
        assert_eq!(imported.public, private.public_key().unwrap());
        for key in [made, imported] {
            let signer = TokenSigner::of(token(), key.clone());
            assert_eq!(signer.public_key().algorithm(), Algorithm::Ed25519);
            let signatures = signer.sign(&[Message::new(b"one"), Message::new(b"two")], &typist()).unwrap();
            for (message, signature) in [b"one", b"two"].iter().zip(&signatures) {
                signer.public_key().verify_with(Scheme::Ed25519, *message, signature.as_bytes()).unwrap();
            }
            let valid = validity_from(std::time::SystemTime::now());
            let certificate = certificate::self_issued(&signer, &Subject::named("ed"), valid, &typist()).unwrap();
            token().certify(&key, &certificate, &typist()).unwrap();
            let asked = typist();
            let error = signer.sign_digest(&[7; 32], Hash::Sha256, &asked).unwrap_err();
            assert!(error.to_string().contains("sign no digest"), "{error}");
            assert_eq!(asked.asked(), 0);
        }
        assert!(token().keys().unwrap().iter().all(|key| key.certificate.is_some()));
    });
}

#[test]
fn a_module_that_is_none_is_named() {
    let missing = Modules(vec![PathBuf::from("/nonexistent/module.so")]);
    let error = missing.tokens(&TokenUri::default()).unwrap_err().to_string();
    assert!(error.contains("/nonexistent/module.so"), "{error}");
    let text = tempfile::NamedTempFile::new().unwrap();
    let error = Modules(vec![text.path().to_owned()]).tokens(&TokenUri::default()).unwrap_err().to_string();
    assert!(error.contains("cannot load"), "{error}");
    let error = Modules::default().tokens(&TokenUri::default()).unwrap_err().to_string();
    assert!(error.contains("module-path") && error.contains("pkcs11-modules"), "{error}");
    let error = Modules::default().tokens(&uri("?module-name=nosuchmodule")).unwrap_err().to_string();
    assert!(error.contains("nosuchmodule"), "{error}");
}
