//! Lists of what was revoked: what is read is written and read again as the same, and none counts that nobody signed. And a
//! device's attestation of a key, which lies beside signatures.
#![no_main]

use std::sync::LazyLock;

use keys::PublicKey;
use libfuzzer_sys::fuzz_target;
use trust::attested;
use trust::revocation::RevocationList;

static KEY: LazyLock<PublicKey> =
    LazyLock::new(|| PublicKey::from_pem(include_str!("../../crates/keys/tests/it/good.pub")).unwrap());

fuzz_target!(|bytes: &[u8]| {
    if let Ok(list) = RevocationList::parse(bytes) {
        assert_eq!(RevocationList::parse(&list.to_json()).unwrap(), list);
    }
    assert!(RevocationList::open(bytes, std::slice::from_ref(&KEY)).is_err());
    let _ = attested::parse(bytes);
});
