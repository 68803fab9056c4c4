//! The management key, which who makes and stores keys must prove to know (SP 800-73-4 part 2, section 3.2.4), and its
//! copy on the card, which only the PIN opens.

use std::time::Duration;

use aes::{Aes128, Aes192, Aes256};
use des::TdesEde3;
use des::cipher::{Block, BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use zeroize::Zeroizing;

use super::apdu::Command;
use super::card::Card;
use super::error::CardError;
use super::firmware::Ability;
use super::slot;
use super::status::Status;
use super::tlv::{Tlv, Writer};
use super::touch::Watch;
use crate::{KeyError, Person, TouchMoment, TouchPolicy};

const GENERAL_AUTHENTICATE: u8 = 0x87;
const SET_MANAGEMENT_KEY: u8 = 0xff;

/// Printed information: the PIN opens it, so Yubico's tools keep the management key there (`88 { 89 key }`).
const PRINTED: u32 = 0x005f_c109;
/// The key in it.
const KEPT: u32 = 0x89;
/// Ours: a key that is about to be set.
const COMING: u32 = 0x8a;
/// Yubico's notes on what is kept where (`80 { 81 flags }`).
const ADMIN_DATA: u32 = 0x005f_ff00;
/// In those flags: the management key lies in PRINTED.
const KEPT_UNDER_PIN: u8 = 0x02;

/// A card that refuses a wrong key has done so by then; one that waits for a finger waits longer.
const REFUSAL: Duration = Duration::from_secs(1);

/// What every YubiKey comes with: 3DES up to firmware 5.6, AES-192 from 5.7.
const FACTORY: [u8; 24] = [1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8];

/// What a management key is for, with its number on cards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cipher {
    /// Triple DES with three keys; all that firmware before 5.4 knows.
    TripleDes = 0x03,
    /// AES-128.
    Aes128 = 0x08,
    /// AES-192.
    Aes192 = 0x0a,
    /// AES-256.
    Aes256 = 0x0c,
}

/// A management key; wiped.
#[derive(Clone, PartialEq, Eq)]
pub struct ManagementKey(Zeroizing<Vec<u8>>);

impl Cipher {
    fn of(number: u8) -> Option<Self> {
        [Self::TripleDes, Self::Aes128, Self::Aes192, Self::Aes256].into_iter().find(|cipher| *cipher as u8 == number)
    }

    fn length(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::TripleDes | Self::Aes192 => 24,
            Self::Aes256 => 32,
        }
    }

    fn block(self) -> usize {
        if self == Self::TripleDes { 8 } else { 16 }
    }

    /// One block by its cipher; `None` where key or block are of another length.
    fn apply(self, key: &ManagementKey, block: &[u8], way: Way) -> Option<Vec<u8>> {
        match self {
            Self::TripleDes => one::<TdesEde3>(&key.0, block, way),
            Self::Aes128 => one::<Aes128>(&key.0, block, way),
            Self::Aes192 => one::<Aes192>(&key.0, block, way),
            Self::Aes256 => one::<Aes256>(&key.0, block, way),
        }
    }
}

#[derive(Clone, Copy)]
enum Way {
    Encrypt,
    Decrypt,
}

fn one<C: KeyInit + BlockCipherEncrypt + BlockCipherDecrypt>(key: &[u8], block: &[u8], way: Way) -> Option<Vec<u8>> {
    let cipher = C::new_from_slice(key).ok()?;
    let mut block = Block::<C>::try_from(block).ok()?;
    match way {
        Way::Encrypt => cipher.encrypt_block(&mut block),
        Way::Decrypt => cipher.decrypt_block(&mut block),
    }
    Some(block.to_vec())
}

impl ManagementKey {
    /// From hexadecimal digits, as Yubico's tools write it.
    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.trim().as_bytes();
        let whole = digits.len().is_multiple_of(2) && digits.iter().all(u8::is_ascii_hexdigit);
        if !whole || ![32, 48, 64].contains(&digits.len()) {
            return None;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_default() as u8;
        let mut bytes = Zeroizing::new(Vec::with_capacity(digits.len() / 2));
        bytes.extend(digits.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])));
        Some(Self(bytes))
    }

    /// That of the factory.
    pub(crate) fn factory() -> Self {
        Self(Zeroizing::new(FACTORY.to_vec()))
    }

    fn random(cipher: Cipher) -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new(vec![0; cipher.length()]);
        getrandom::fill(&mut bytes).map_err(|error| KeyError::Random(error.to_string()))?;
        Ok(Self(bytes))
    }
}

impl Card {
    /// Proves the management key: the given one, else the one that the card keeps under the PIN, which must have been
    /// verified, else the factory's. Tells which it was.
    pub(crate) fn prove_management(
        &mut self,
        given: Option<&ManagementKey>,
        person: &dyn Person,
    ) -> Result<ManagementKey, KeyError> {
        let unknown = CardError::ManagementKey { device: self.device().to_owned() };
        let candidates = match given {
            Some(key) => vec![key.clone()],
            None => [self.kept_management()?, vec![ManagementKey::factory()]].concat(),
        };
        for key in candidates {
            // A wrong one costs nothing: management keys have no counter of tries.
            if self.prove(&key, person)? {
                return Ok(key);
            }
        }
        Err(unknown.into())
    }

    /// Sets a random management key and keeps it on the card under the PIN, which must have been verified, as
    /// Yubico's tools do, so that they find it.
    pub(crate) fn renew_management(&mut self) -> Result<(), KeyError> {
        let cipher = if self.firmware.has(Ability::AesManagementKey) { Cipher::Aes256 } else { Cipher::TripleDes };
        let key = ManagementKey::random(cipher)?;
        // The new one lies beside the old one until the card has taken it: pulled out at any moment, the card has both,
        // and `prove_management` tries both.
        let kept = self.object(PRINTED)?;
        let old = kept.as_deref().and_then(|bytes| kept_under(bytes, KEPT)).unwrap_or_default().to_vec();
        let old = Zeroizing::new(old);
        self.put_object(PRINTED, both(&old, Some(&key)).as_bytes())?;
        let data = Writer::new().raw(&[cipher as u8, slot::MANAGEMENT, key.0.len() as u8]).raw(&key.0);
        // The new one wants a touch as the old one does, where the card tells that.
        let touch = match self.secret_metadata(slot::MANAGEMENT)?.touch {
            Some(TouchPolicy::Always) => 0xfe,
            Some(TouchPolicy::Cached) => 0xfd,
            Some(TouchPolicy::Never) | None => 0xff,
        };
        let command = Command::new(SET_MANAGEMENT_KEY, 0xff, touch).with(data);
        self.expect("another management key was set", &command)?;
        self.put_object(PRINTED, both(&key.0, None).as_bytes())?;
        self.note_kept()
    }

    /// Whether the management key is that of the factory. Costs no try.
    pub(crate) fn has_factory_management(&mut self, person: &dyn Person) -> Result<bool, KeyError> {
        match self.secret_metadata(slot::MANAGEMENT)?.factory {
            Some(factory) => Ok(factory),
            None => self.prove(&ManagementKey::factory(), person),
        }
    }

    fn note_kept(&mut self) -> Result<(), KeyError> {
        let before = self.object(ADMIN_DATA)?;
        let notes = before.as_deref().and_then(|bytes| Tlv::find(bytes, 0x80)).unwrap_or_default();
        let flags = Tlv::find(notes, 0x81).and_then(|value| value.first()).copied().unwrap_or_default();
        // A salt (82) belongs to keys that are made of the PIN, which this one is not any more.
        let others = Tlv::all(notes).map_while(Result::ok).filter(|note| !matches!(note.tag, 0x81 | 0x82));
        let notes = others
            .fold(Writer::new().put(0x81, &[flags | KEPT_UNDER_PIN]), |writer, note| writer.put(note.tag, note.value));
        self.put_object(ADMIN_DATA, Writer::new().put(0x80, notes.as_bytes()).as_bytes())
    }

    fn kept_management(&mut self) -> Result<Vec<ManagementKey>, KeyError> {
        let command = Command::new(0xcb, 0x3f, 0xff).with_bytes(&[0x5c, 0x03, 0x5f, 0xc1, 0x09]);
        let response = self.send("reading its management key", &command)?;
        // Without success there is none, or the PIN was not verified.
        let value = Tlv::find(&response.data, 0x53).filter(|_| response.status == Status::Success);
        let keys = [KEPT, COMING].into_iter().filter_map(|tag| kept_under(value?, tag));
        Ok(keys.map(|key| ManagementKey(Zeroizing::new(key.to_vec()))).collect())
    }

    /// Both sides prove the key: we decrypt the card's witness, it encrypts our challenge. The card may want a touch for
    /// that.
    fn prove(&mut self, key: &ManagementKey, person: &dyn Person) -> Result<bool, KeyError> {
        const DOING: &str = "the management key was proved";
        let about = self.secret_metadata(slot::MANAGEMENT)?;
        let cipher = about.number.map_or(Some(Cipher::TripleDes), Cipher::of);
        let cipher = cipher.ok_or_else(|| self.senseless(DOING, "its management key is for an unknown cipher"))?;
        if key.0.len() != cipher.length() {
            return Ok(false);
        }
        let ask = |fields: Writer| {
            Command::new(GENERAL_AUTHENTICATE, cipher as u8, slot::MANAGEMENT)
                .with(Writer::new().put(0x7c, fields.as_bytes()))
        };
        let answer = self.expect(DOING, &ask(Writer::new().put(0x80, &[])))?;
        let witness = Tlv::find(&answer, 0x7c).and_then(|inside| Tlv::find(inside, 0x80)).unwrap_or_default();
        let witness = cipher
            .apply(key, witness, Way::Decrypt)
            .map(Zeroizing::new)
            .ok_or_else(|| self.senseless(DOING, "its witness has another length than a block"))?;
        let mut challenge = vec![0; cipher.block()];
        getrandom::fill(&mut challenge).map_err(|error| KeyError::Random(error.to_string()))?;
        let touch = (about.touch != Some(TouchPolicy::Never)).then_some((1, 1));
        let proof = ask(Writer::new().put(0x80, &witness).put(0x81, &challenge));
        let mut watch = Watch::new(person, touch);
        let response = self.send_touched(DOING, &proof, &mut watch, person)?;
        match response.status {
            Status::Success => {}
            // A wrong key is refused at once, before a finger is asked for, by the same status.
            Status::SecurityNotSatisfied if watch.waited() >= REFUSAL => {
                person.touch(TouchMoment::TimedOut);
                return Err(CardError::NotTouched { device: self.device().to_owned() }.into());
            }
            _ => return Ok(false),
        }
        if watch.was_told() {
            person.touch(TouchMoment::Touched);
        }
        let proof = Tlv::find(&response.data, 0x7c).and_then(|inside| Tlv::find(inside, 0x82));
        if proof.map(<[u8]>::to_vec) != cipher.apply(key, &challenge, Way::Encrypt) {
            return Err(
                self.senseless(DOING, "it does not know the key itself: it is not the card that it claims to be")
            );
        }
        Ok(true)
    }
}

fn kept_under(printed: &[u8], tag: u32) -> Option<&[u8]> {
    Tlv::find(printed, 0x88).and_then(|inside| Tlv::find(inside, tag)).filter(|key| !key.is_empty())
}

fn both(key: &[u8], coming: Option<&ManagementKey>) -> Writer {
    let mut inside = Writer::new();
    if !key.is_empty() {
        inside = inside.put(KEPT, key);
    }
    if let Some(coming) = coming {
        inside = inside.put(COMING, &coming.0);
    }
    Writer::new().put(0x88, inside.as_bytes())
}
