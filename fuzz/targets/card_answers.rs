//! Whatever a card answers, it is listed, opened and asked to sign without a crash, and nothing that it made up passes
//! for a signature.
#![no_main]

use std::sync::{Arc, Mutex};

use keys::piv::apdu::{ApduError, Command};
use keys::piv::metadata::{KeyMetadata, SecretMetadata};
use keys::piv::reader::{Line, LineError, Reader, Readers};
use keys::piv::tlv::Tlv;
use keys::piv::{Device, PivSigner};
use keys::{KeyError, Message, Nobody, PivUri, Signer as _};
use libfuzzer_sys::fuzz_target;
use zeroize::Zeroizing;

/// A card that answers by a script: two bytes of length, and so many bytes. At its end nothing answers.
#[derive(Clone)]
struct Script(Arc<Mutex<Vec<u8>>>);

impl Script {
    fn next(&self) -> Option<Vec<u8>> {
        let mut left = self.0.lock().unwrap();
        let length = usize::from(u16::from_be_bytes(*left.first_chunk::<2>()?));
        let end = (2 + length).min(left.len());
        let answer = left[2..end].to_vec();
        left.drain(..end);
        Some(answer)
    }
}

impl Readers for Script {
    fn with_card(&self) -> Result<Vec<Arc<dyn Reader>>, LineError> {
        Ok(vec![Arc::new(self.clone())])
    }
}

impl Reader for Script {
    fn name(&self) -> &str {
        "a reader"
    }

    fn hold(&self, taken: &mut dyn FnMut(), body: &mut dyn FnMut(&mut dyn Line)) -> Result<(), LineError> {
        taken();
        body(&mut self.clone());
        Ok(())
    }
}

impl Line for Script {
    fn transmit(&mut self, _: &[u8]) -> Result<Zeroizing<Vec<u8>>, LineError> {
        self.next().map(Zeroizing::new).ok_or(LineError::Removed)
    }
}

fuzz_target!(|bytes: &[u8]| {
    let inside: usize = Tlv::all(bytes).map_while(Result::ok).map(|tlv| tlv.value.len()).sum();
    assert!(inside <= bytes.len());
    let _ = KeyMetadata::read(bytes);
    let _ = SecretMetadata::read(bytes);
    let script = Script(Arc::new(Mutex::new(bytes.to_vec())));
    let _ = Command::new(0xcb, 0x3f, 0xff).with_bytes(bytes).exchange::<ApduError>(&mut |_| {
        script.next().map(Zeroizing::new).ok_or(ApduError::Short)
    });

    let readers: Arc<dyn Readers> = Arc::new(Script(Arc::new(Mutex::new(bytes.to_vec()))));
    for listed in Device::list(&readers).unwrap_or_default() {
        if let Err(error) = listed.card {
            let _ = error.to_string();
        }
    }
    let readers: Arc<dyn Readers> = Arc::new(Script(Arc::new(Mutex::new(bytes.to_vec()))));
    match PivSigner::open(&readers, &PivUri::default(), &Nobody) {
        Err(error) => drop(error.to_string()),
        Ok(signer) => match signer.sign(&[Message::new(b"a message")], &Nobody) {
            Ok(signatures) => signer.public_key().verify(b"a message", signatures[0].as_bytes()).unwrap(),
            Err(KeyError::BadSignature(_) | KeyError::Card(_) | KeyError::NobodyToAsk(_)) => {}
            Err(other) => panic!("{other}"),
        },
    }
});
