//! Keys in encrypted files, with OpenSSL as the judge.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use keys::{
    Algorithm, FileSigner, Hash, Intent, KeyError, KeyFile, Message, Nobody, Passphrase, Person, Pin, PinAsk,
    PrivateKey, PublicKey, Scheme, Signer, Surroundings, TouchMoment, Unasked,
};

fn passphrase(text: &str) -> Passphrase {
    Passphrase::read(&mut text.as_bytes(), "the test").unwrap()
}

fn openssl(arguments: &[&str]) -> String {
    let output = Command::new("openssl").args(arguments).output().expect("openssl is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_new_key_is_private_opens_again_and_signs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("release.key");
    let (signer, public) = FileSigner::generate(&path, &passphrase("correct horse")).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(public, folder.path().join("release.pub"));
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "nothing else is left behind: {names:?}");

    let file = KeyFile::read(&path).unwrap();
    assert!(!file.is_exposed());
    let unlocked = file.unlock(&passphrase("correct horse")).unwrap();
    let signature = unlocked.sign_one(b"a message", &Nobody).unwrap();
    let key = PublicKey::read(&public).unwrap();
    assert_eq!(key, signer.public_key());
    key.verify(b"a message", signature.as_bytes()).unwrap();
    assert!(matches!(key.verify(b"another message", signature.as_bytes()), Err(KeyError::BadSignature(_))));
}

#[test]
fn openssl_opens_our_keys_and_verifies_their_signatures() {
    for algorithm in [Algorithm::EcdsaP256, Algorithm::EcdsaP384, Algorithm::Ed25519] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("release.key");
        let key = PrivateKey::generate(algorithm).unwrap();
        let (signer, public) = FileSigner::write(&path, key, &passphrase("correct horse")).unwrap();
        assert_eq!(signer.public_key().algorithm(), algorithm);
        let name = path.to_str().unwrap();
        let derived = openssl(&["pkey", "-in", name, "-passin", "pass:correct horse", "-pubout"]);
        assert_eq!(derived, fs::read_to_string(&public).unwrap());

        let message = folder.path().join("message");
        let signature = folder.path().join("signature");
        fs::write(&message, "a message").unwrap();
        fs::write(&signature, signer.sign_one(b"a message", &Nobody).unwrap().as_bytes()).unwrap();
        let (message, signature) = (message.to_str().unwrap(), signature.to_str().unwrap());
        let public = public.to_str().unwrap();
        let hash = format!("-{}", algorithm.hash().to_string().replace('-', "").to_lowercase());
        if algorithm == Algorithm::Ed25519 {
            let key = ["-pubin", "-inkey", public, "-rawin", "-in", message, "-sigfile", signature];
            openssl(&[&["pkeyutl", "-verify"], &key[..]].concat());
        } else {
            openssl(&["dgst", &hash, "-verify", public, "-signature", signature, message]);
        }
    }
}

#[test]
fn a_batch_is_signed_in_order_with_the_hash_that_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let key = PrivateKey::generate(Algorithm::EcdsaP384).unwrap();
    let (signer, _) = FileSigner::write(&folder.path().join("wide.key"), key, &passphrase("pw")).unwrap();
    let batch = [Message::new(b"one"), Message { bytes: b"two", hash: Some(Hash::Sha256) }];
    let signatures = signer.sign(&batch, &Nobody).unwrap();
    let key = signer.public_key();
    key.verify(b"one", signatures[0].as_bytes()).unwrap();
    key.verify_with(Scheme::Ecdsa(Hash::Sha256), b"two", signatures[1].as_bytes()).unwrap();
    let absurd = [Message { bytes: b"three", hash: Some(Hash::Sha512) }];
    let error = signer.sign(&absurd, &Nobody).unwrap_err().to_string();
    assert!(error.contains("SHA-512") && error.contains("P-384"), "{error}");
}

/// Answers with its one passphrase and counts.
struct Typist(&'static str, AtomicU32);

impl Person for Typist {
    fn show(&self, _: &Intent) {}

    fn passphrase(&self, _: &str) -> Result<Passphrase, KeyError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        Ok(passphrase(self.0))
    }

    fn pin(&self, ask: &PinAsk) -> Result<Pin, KeyError> {
        Err(KeyError::NobodyToAsk(Unasked::new(&*ask.device)))
    }

    fn choose(&self, question: &str, _: &[String]) -> Result<usize, KeyError> {
        Err(KeyError::NobodyToAsk(Unasked::new(question)))
    }

    fn touch(&self, _: TouchMoment) {}
}

#[test]
fn a_key_is_unlocked_when_it_signs_and_again_after_it_was_locked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("release.key");
    let (made, public) = FileSigner::generate(&path, &passphrase("right")).unwrap();
    let typist = Typist("right", AtomicU32::new(0));
    let asked = || typist.1.load(Ordering::Relaxed);
    let signer = KeyFile::read(&path).unwrap().open(None, &typist).unwrap();
    assert_eq!((signer.public_key(), asked()), (made.public_key(), 0));
    for _ in 0..2 {
        signer.sign_one(b"a message", &typist).unwrap();
    }
    assert_eq!(asked(), 1);
    signer.lock();
    signer.sign_one(b"a message", &typist).unwrap();
    assert_eq!(asked(), 2);
    signer.lock();
    assert!(matches!(signer.sign_one(b"a message", &Nobody), Err(KeyError::NobodyToAsk(_))));
    // Nothing is kept of a passphrase from the surroundings either.
    let signer = KeyFile::read(&path).unwrap().open(Some(passphrase("right")), &Nobody).unwrap();
    signer.sign_one(b"a message", &Nobody).unwrap();
    signer.lock();
    signer.sign_one(b"a message", &Nobody).expect_err("it was locked");
    fs::remove_file(public).unwrap();
    KeyFile::read(&path).unwrap().open(None, &typist).unwrap();
    assert_eq!(asked(), 3, "without its public half it is unlocked to be known");
}

/// Types one after the other, and hears what was wrong.
struct Fumbler(Mutex<Vec<&'static str>>, AtomicU32);

impl Person for Fumbler {
    fn show(&self, _: &Intent) {}

    fn passphrase(&self, _: &str) -> Result<Passphrase, KeyError> {
        let typed = self.0.lock().unwrap().remove(0);
        Passphrase::new(typed, "the test")
    }

    fn mistyped(&self, name: &str, left: u32) -> bool {
        assert!(name.ends_with("release.key"), "{name}");
        self.1.store(left, Ordering::Relaxed);
        true
    }

    fn pin(&self, ask: &PinAsk) -> Result<Pin, KeyError> {
        Nobody.pin(ask)
    }

    fn choose(&self, question: &str, choices: &[String]) -> Result<usize, KeyError> {
        Nobody.choose(question, choices)
    }

    fn touch(&self, _: TouchMoment) {}
}

#[test]
fn a_mistyped_passphrase_is_asked_for_again_and_one_that_was_given_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("release.key");
    FileSigner::generate(&path, &passphrase("right")).unwrap();
    let signer = || KeyFile::read(&path).unwrap().open(None, &Nobody).unwrap();
    let fumbler = |typed: &[&'static str]| Fumbler(Mutex::new(typed.to_vec()), AtomicU32::new(99));
    let second = fumbler(&["rihgt", "", "right", "never typed"]);
    signer().sign_one(b"x", &second).unwrap();
    assert_eq!(second.1.load(Ordering::Relaxed), 1);
    let never = fumbler(&["a", "b", "c", "right"]);
    assert!(matches!(signer().sign_one(b"x", &never), Err(KeyError::WrongPassphrase(_))));
    assert_eq!(never.0.lock().unwrap().len(), 1, "three tries");
    // The surroundings would only say the same again.
    let given = Surroundings { passphrase: Some(passphrase("wrong")), ..Surroundings::default() };
    let nothing = fumbler(&[]);
    assert!(matches!(signer().sign_one(b"x", &given.before(&nothing)), Err(KeyError::WrongPassphrase(_))));
    assert_eq!(nothing.1.load(Ordering::Relaxed), 99);
}

#[test]
fn a_public_half_of_another_key_is_found_out_before_anything_is_signed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("release.key");
    FileSigner::generate(&path, &passphrase("right")).unwrap();
    fs::write(path.with_extension("pub"), include_str!("good.pub")).unwrap();
    let signer = KeyFile::read(&path).unwrap().open(Some(passphrase("right")), &Nobody).unwrap();
    let error = signer.sign_one(b"a message", &Nobody).unwrap_err().to_string();
    assert!(error.contains("belongs to another key"), "{error}");
}

#[test]
fn a_key_that_openssl_encrypted_opens_here() {
    let folder = tempfile::tempdir().unwrap();
    let (plain, key) = (folder.path().join("plain.pem"), folder.path().join("openssl.key"));
    let (plain, name) = (plain.to_str().unwrap(), key.to_str().unwrap());
    openssl(&["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", plain]);
    for derivation in [["-scrypt"].as_slice(), &["-v2prf", "hmacWithSHA256", "-iter", "2048"]] {
        let mut arguments = vec!["pkcs8", "-topk8", "-in", plain, "-out", name, "-passout", "pass:pw"];
        arguments.extend(derivation);
        openssl(&arguments);
        let signer = KeyFile::read(&key).unwrap().unlock(&passphrase("pw")).unwrap();
        let public = PublicKey::from_pem(&openssl(&["pkey", "-in", plain, "-pubout"])).unwrap();
        public.verify(b"x", signer.sign_one(b"x", &Nobody).unwrap().as_bytes()).unwrap();
    }
    let plain_error = KeyFile::read(Path::new(plain)).unwrap_err().to_string();
    assert!(plain_error.contains("not encrypted") && plain_error.contains("plimsoll key import"), "{plain_error}");
}

#[test]
fn an_existing_file_is_never_overwritten() {
    for taken in ["release.key", "release.pub"] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(taken), "precious").unwrap();
        let error = FileSigner::generate(&folder.path().join("release.key"), &passphrase("pw")).unwrap_err();
        assert!(matches!(error, KeyError::Exists(_)), "{error}");
        assert_eq!(fs::read_to_string(folder.path().join(taken)).unwrap(), "precious");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

#[test]
fn a_wrong_passphrase_is_said_to_be_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("release.key");
    FileSigner::generate(&path, &passphrase("right")).unwrap();
    let file = KeyFile::read(&path).unwrap();
    for wrong in ["wrong", "Right", "right "] {
        let error = file.decrypt(&passphrase(wrong)).unwrap_err();
        assert!(matches!(error, KeyError::WrongPassphrase(_)), "{error}");
    }
}

#[test]
fn a_key_that_others_can_read_is_told_from_one_that_they_cannot() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("release.key");
    FileSigner::generate(&path, &passphrase("right")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(KeyFile::read(&path).unwrap().is_exposed());
}

#[test]
fn damaged_and_hostile_files_are_refused_without_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("release.key");
    FileSigner::generate(&path, &passphrase("right")).unwrap();
    let good = fs::read_to_string(&path).unwrap();
    let damaged = folder.path().join("damaged.key");
    for cut in (0..good.len()).step_by(7) {
        fs::write(&damaged, &good[..cut]).unwrap();
        let opened = KeyFile::read(&damaged).and_then(|file| file.unlock(&passphrase("right")).map(|_| ()));
        opened.expect_err("a cut file is no key");
    }
    fs::write(&damaged, [0xff; 200]).unwrap();
    KeyFile::read(&damaged).expect_err("bytes are no key");
    fs::write(&damaged, "x".repeat(100_000)).unwrap();
    KeyFile::read(&damaged).expect_err("a large file is no key");
}

#[test]
fn a_file_that_asks_for_a_terabyte_of_scrypt_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("greedy.key");
    // PBES2 with scrypt N = 2^40 (and then N = 0), r = 8, p = 1, written by hand.
    for cost in [[0x02, 0x06, 0x01, 0, 0, 0, 0, 0].as_slice(), &[0x02, 0x01, 0x00]] {
        let tlv = |tag: u8, content: &[u8]| [&[tag, u8::try_from(content.len()).unwrap()], content].concat();
        let scrypt = [0x06, 0x09, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x04, 0x0b];
        let pbes2 = [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05, 0x0d];
        let aes = [0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a];
        let parameters = tlv(0x30, &[&tlv(0x04, &[7; 16]), cost, &[0x02, 0x01, 0x08, 0x02, 0x01, 0x01]].concat());
        let kdf = tlv(0x30, &[&scrypt[..], &parameters].concat());
        let cipher = tlv(0x30, &[&aes[..], &tlv(0x04, &[9; 16])].concat());
        let scheme = tlv(0x30, &[&pbes2[..], &tlv(0x30, &[kdf, cipher].concat())].concat());
        let der = tlv(0x30, &[scheme, tlv(0x04, &[0; 16])].concat());
        let document = pkcs8::der::Document::try_from(der).unwrap();
        fs::write(&path, document.to_pem("ENCRYPTED PRIVATE KEY", pkcs8::LineEnding::LF).unwrap()).unwrap();
        let error = KeyFile::read(&path).unwrap().unlock(&passphrase("x")).unwrap_err().to_string();
        assert!(error.contains("too much memory"), "{error}");
    }
}
