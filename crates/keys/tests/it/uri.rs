//! Names of keys: whatever is read is written and read again as the same.

use keys::{KeyUri, PivUri, TokenUri};
use proptest::prelude::*;

fn text() -> impl Strategy<Value = Option<String>> {
    proptest::option::of("[^\0]{0,12}")
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic_and_what_is_read_keeps_its_meaning(
        text in "(file:|piv:|pkcs11:|)[ -~é]{0,80}"
    ) {
        if let Ok(uri) = text.parse::<KeyUri>() {
            let again: KeyUri = uri.to_string().parse().expect("what was written is a name");
            prop_assert_eq!(again.to_string(), uri.to_string());
        }
    }

    #[test]
    fn attributes_of_any_text_survive_being_written(
        token in text(), serial in text(), object in text(), manufacturer in text(), model in text(),
        id in proptest::option::of(proptest::collection::vec(any::<u8>(), 0..20)),
        slot_id in proptest::option::of(any::<u64>()),
        version in proptest::option::of(any::<(u8, u8)>()),
        module in proptest::option::of("/[^\0]{0,12}"),
        name in proptest::option::of("[^\0/]{1,12}"),
        pin in proptest::option::of("/[^\0]{0,12}"),
    ) {
        let uri = TokenUri {
            token, serial, object, manufacturer, model, id, slot_id, library_version: version,
            module_path: module.map(Into::into), module_name: name, pin_source: pin.map(Into::into),
            ..TokenUri::default()
        };
        let written = uri.to_string();
        prop_assert_eq!(written.parse::<KeyUri>().expect(&written), KeyUri::Pkcs11(Box::new(uri)));
    }

    #[test]
    fn a_cards_key_survives_being_written(serial in proptest::option::of(any::<u32>()), slot in 0x82..=0x95_u8) {
        let uri = KeyUri::Piv(PivUri { serial, slot: Some(slot) });
        prop_assert_eq!(uri.to_string().parse::<KeyUri>().unwrap(), uri);
    }
}
