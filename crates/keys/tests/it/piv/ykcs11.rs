//! A card's key through Yubico's PKCS#11 module, as people use it who have named their key so.

use std::path::Path;
use std::time::Duration;

use keys::piv::{Device, NewKey, PcscReaders};
use keys::pkcs11::{Modules, TokenError, TokenSigner};
use keys::{KeyError, KeyUri, Message, Signer as _, TokenUri, TouchMoment, TouchPolicy};
use virtual_card::Firmware;
use virtual_card::pcscd::{skip, within};

use super::desk::{Sitting, card_of_one, new_key};

const MODULE: &str = "/usr/lib/x86_64-linux-gnu/libykcs11.so";

fn uri(text: &str) -> TokenUri {
    match format!("pkcs11:{text}?module-path={MODULE}").parse().unwrap() {
        KeyUri::Pkcs11(uri) => *uri,
        other => panic!("{other}"),
    }
}

#[test]
fn a_batch_is_signed_with_the_pin_for_each_signature_typed_once_and_the_touch_is_told() {
    let name = "piv::ykcs11::a_batch_is_signed_with_the_pin_for_each_signature_typed_once_and_the_touch_is_told";
    within(name, |reader| {
        if !Path::new(MODULE).is_file() {
            return skip("no libykcs11");
        }
        let (card, finger) = card_of_one(Firmware::V5_4, 1);
        let mut slot = reader.slot(0);
        slot.insert(card.waiting_for(Duration::from_secs(30))).unwrap();
        let readers: std::sync::Arc<dyn keys::piv::reader::Readers> = std::sync::Arc::new(PcscReaders);
        let device = Device::find(&readers, None, &Sitting::new()).unwrap();
        let new = NewKey { touch: Some(TouchPolicy::Cached), ..new_key() };
        let made = device.generate(0x9c, &new, None, &Sitting::new()).unwrap();
        made.signer.lock();

        // Its module calls the slot for signatures number 2.
        let signer = TokenSigner::open(&Modules::default(), &uri("id=%02"), &Sitting::new()).unwrap();
        assert_eq!(signer.public_key(), made.signer.public_key());
        assert!(signer.token().manufacturer().contains("Yubico"), "{}", signer.token().manufacturer());
        assert_eq!(signer.certificate().unwrap(), made.signer.certificate().unwrap());
        finger.let_window_pass();
        finger.touch_after(Duration::from_millis(900));
        let person = Sitting::new();
        let batch = [Message::new(b"one"), Message::new(b"two")];
        let signatures = signer.sign(&batch, &person).unwrap();
        for (message, signature) in batch.iter().zip(&signatures) {
            signer.public_key().verify(message.bytes, signature.as_bytes()).unwrap();
        }
        assert_eq!(person.asks().len(), 1);
        let moments = person.moments();
        assert!(matches!(moments[0], TouchMoment::Awaited { number: 1, of: 2, .. }), "{moments:?}");
        assert!(moments.contains(&TouchMoment::Touched), "{moments:?}");

        slot.eject().unwrap();
        let error = signer.sign_one(b"three", &Sitting::new()).unwrap_err();
        assert!(matches!(error, KeyError::Token(TokenError::Removed { .. })), "{error}");
    });
}
