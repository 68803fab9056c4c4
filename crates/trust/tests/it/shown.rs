//! What an agent shows of bytes that others hand it is what a verifier takes from them.

use image::Digest;
use keys::agent::payload;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use trust::statement::{COSIGN_SIGN, PAYLOAD_TYPE, Said};
use trust::{Statement, dsse, simple_signing};

fn sha256() -> Digest {
    Digest::sha256(b"shown")
}

fn sha512() -> Digest {
    format!("sha512:{}", "ab".repeat(64)).parse().unwrap()
}

/// Annotations with names that bind, of right and wrong types and lengths.
fn annotations() -> impl Strategy<Value = Map<String, Value>> {
    let value = prop_oneof![
        Just(json!("r.example.com/prod")),
        Just(json!("v9")),
        Just(json!("x".repeat(600))),
        Just(json!(7)),
        Just(Value::Null),
    ];
    let name = prop_oneof![Just("dev.plimsoll.repository"), Just("dev.plimsoll.tag"), Just("other")];
    prop::collection::vec((name, value), 0..3)
        .prop_map(|pairs| pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn subject() -> impl Strategy<Value = Value> {
    let hex = |digest: Digest| json!(digest.hex());
    let digest = prop_oneof![
        Just(json!({ "sha256": hex(sha256()) })),
        Just(json!({ "sha512": hex(sha512()) })),
        Just(json!({ "sha256": hex(sha256()), "sha512": hex(sha512()) })),
        Just(json!({ "sha256": hex(Digest::sha256(b"other")), "sha512": hex(sha512()) })),
        Just(json!({})),
    ];
    (digest, annotations()).prop_map(|(digest, annotations)| json!({ "digest": digest, "annotations": annotations }))
}

fn statement() -> impl Strategy<Value = Vec<u8>> {
    let kind = prop_oneof![Just(COSIGN_SIGN), Just("https://slsa.dev/provenance/v1")];
    let members = (prop::collection::vec(subject(), 0..3), kind, any::<bool>());
    members.prop_map(|(subject, kind, twice)| {
        let text = json!({ "_type": "https://in-toto.io/Statement/v1", "subject": subject, "predicateType": kind,
            "predicate": {} })
        .to_string();
        // A member that stands there twice is one thing to one reader and another to the next.
        let again = format!("{{\"subject\":[{}],", json!({ "digest": { "sha256": sha256().hex() } }));
        if twice { text.replacen('{', &again, 1) } else { text }.into_bytes()
    })
}

fn agree(shown: Option<payload::Known>, image: &Digest, said: &Said) -> Result<(), TestCaseError> {
    // What is not shown is signed as unknown bytes are.
    let Some(shown) = shown else { return Ok(()) };
    prop_assert_eq!(&shown.digest, image.as_str());
    if said.repository.is_some() {
        prop_assert_eq!(&shown.repository, &said.repository);
    }
    if said.tag.is_some() {
        let beside = shown.repository.is_some_and(|name| name.ends_with(&format!(":{}", said.tag.as_deref().unwrap())));
        prop_assert!(beside || shown.tag == said.tag);
    }
    Ok(())
}

proptest! {
    #[test]
    fn what_is_shown_of_a_statement_is_what_a_verifier_reads(body in statement()) {
        let bytes = dsse::pre_authentication_encoding(PAYLOAD_TYPE, &body);
        for image in [sha256(), sha512(), Digest::sha256(b"other")] {
            if let Ok(said) = Statement::said_of(&body, &image) {
                agree(payload::read(&bytes), &image, &said)?;
            }
        }
    }

    #[test]
    fn what_is_shown_of_the_older_form_is_what_a_verifier_reads(
        image in prop_oneof![Just(sha256()), Just(sha512())],
        name in prop_oneof![Just("r.example.com/app"), Just("r.example.com/app:v2"), Just("")],
        optional in annotations(),
    ) {
        let body = json!({ "critical": { "identity": { "docker-reference": name },
            "image": { "docker-manifest-digest": image }, "type": "cosign container image signature" },
            "optional": optional }).to_string();
        if let Ok(said) = simple_signing::said_of(body.as_bytes(), &image, None) {
            let shown = payload::read(body.as_bytes());
            let repository = shown.as_ref().and_then(|shown| shown.repository.clone());
            let said = Said { repository: said.repository.map(|_| repository.unwrap_or_default()), ..said };
            agree(shown.map(|shown| payload::Known { repository: Some(shown.repository.unwrap_or_default()), ..shown }),
                &image, &said)?;
        }
    }
}
