//! No file is a key that was not put there, whatever it asks for; what is read is written and read again as the same.
#![no_main]

use keys::{ForeignKey, Passphrase, PublicKey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(key) = PublicKey::from_pem(text) {
        assert_eq!(PublicKey::from_pem(&key.to_pem()).unwrap(), key);
        assert!(key.verify(b"a message", text.as_bytes()).is_err());
    }
    let Ok(key) = ForeignKey::parse(text, "the key") else { return };
    let _ = key.origin();
    let passphrase = Passphrase::new("docker pass", "the fuzzer").unwrap();
    if let Ok(key) = key.unlock(Some(&passphrase)) {
        let public = key.public_key().unwrap();
        let again = keys::PrivateKey::from_pkcs8(key.to_pkcs8().unwrap().as_bytes(), "again").unwrap();
        assert_eq!(again.public_key().unwrap(), public);
    }
});
