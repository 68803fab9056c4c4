//! Cards that answer what they like.

use std::collections::VecDeque;
use std::sync::{Arc, LazyLock, Mutex};

use keys::piv::reader::{Line, LineError, Reader, Readers};
use keys::piv::{Device, NewKey, PivSigner};
use keys::{KeyError, Message, Nobody, PinPolicy, PivUri, PublicKey, Signer as _};
use proptest::prelude::*;
use virtual_card::Firmware;
use zeroize::Zeroizing;

use super::desk::{new_key, with_key};

const MESSAGE: &[u8] = b"a message";

/// Answers one after the other, whatever is asked; then it is gone.
#[derive(Clone, Default)]
struct Script(Arc<Mutex<VecDeque<Vec<u8>>>>);

impl Readers for Script {
    fn with_card(&self) -> Result<Vec<Arc<dyn Reader>>, LineError> {
        Ok(vec![Arc::new(self.clone())])
    }
}

impl Reader for Script {
    fn name(&self) -> &'static str {
        "a reader\u{1b}[2J"
    }

    fn hold(&self, taken: &mut dyn FnMut(), body: &mut dyn FnMut(&mut dyn Line)) -> Result<(), LineError> {
        taken();
        body(&mut self.clone());
        Ok(())
    }
}

impl Line for Script {
    fn transmit(&mut self, _: &[u8]) -> Result<Zeroizing<Vec<u8>>, LineError> {
        self.0.lock().unwrap().pop_front().map(Zeroizing::new).ok_or(LineError::Removed)
    }
}

fn readers(answers: &[Vec<u8>]) -> Arc<dyn Readers> {
    Arc::new(Script(Arc::new(Mutex::new(answers.iter().cloned().collect()))))
}

/// Opens the key and signs, whatever comes of it; whose signature, where there is one.
fn sign(answers: &[Vec<u8>]) -> Result<PublicKey, KeyError> {
    let signer = PivSigner::open(&readers(answers), &PivUri::default(), &Nobody)?;
    let signatures = signer.sign(&[Message::new(MESSAGE)], &Nobody)?;
    signer.public_key().verify(MESSAGE, signatures[0].as_bytes()).expect("what was given was checked");
    Ok(signer.public_key())
}

/// What a true card answered to opening and signing, by its firmware.
static TRUE: LazyLock<Vec<(Vec<Vec<u8>>, PublicKey)>> = LazyLock::new(|| {
    Firmware::ALL
        .into_iter()
        .map(|firmware| {
            let (desk, made, _) = with_key(firmware, &NewKey { pin: PinPolicy::Never, ..new_key() });
            let reader = desk.reader(0);
            reader.log.lock().unwrap().clear();
            let signer = PivSigner::open(&desk.readers(), &PivUri::default(), &Nobody).unwrap();
            // Firmware that tells no policy has the PIN asked for; what was answered until then is enough.
            let _ = signer.sign_one(MESSAGE, &Nobody);
            let answers = reader.log.lock().unwrap().iter().map(|(_, answer)| answer.clone()).collect();
            (answers, made.signer.public_key())
        })
        .collect()
});

#[test]
fn a_true_card_played_back_signs() {
    for (answers, key) in TRUE.iter() {
        match sign(answers) {
            Ok(signer) => assert_eq!(signer, *key),
            Err(error) => assert!(matches!(error, KeyError::NobodyToAsk(_)), "{error}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_lying_card_signs_nothing_that_does_not_verify(
        which in any::<prop::sample::Index>(),
        lies in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<Option<prop::sample::Index>>(),
    ) {
        let mut answers = TRUE[which.index(TRUE.len())].0.clone();
        for (answer, place, byte) in lies {
            let index = answer.index(answers.len());
            let place = place.index(answers[index].len());
            answers[index][place] ^= byte;
        }
        if let Some(cut) = cut {
            let index = cut.index(answers.len());
            let half = answers[index].len() / 2;
            answers[index].truncate(half);
        }
        if let Err(error) = sign(&answers) {
            let said = error.to_string();
            prop_assert!(!said.contains('\u{1b}'), "{said}");
        }
        for listed in Device::list(&readers(&answers)).unwrap() {
            prop_assert_eq!(listed.reader, "a reader[2J");
        }
    }

    #[test]
    fn answers_at_random_are_refused(answers in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..12)) {
        prop_assert!(sign(&answers).is_err());
    }
}
