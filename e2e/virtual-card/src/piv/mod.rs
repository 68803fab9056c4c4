//! The PIV application (SP 800-73-4 part 2, with Yubico's instructions beside it).

mod attest;
mod authenticate;
mod keys;
mod objects;
mod pins;

use std::collections::BTreeMap;

use crate::apdu::{Answer, Command, Status};
use crate::firmware::Firmware;
use crate::key::PrivateKey;
use crate::management_key::ManagementKey;
use crate::pin::Pin;
use crate::policy::Policy;
use crate::sensor::Sensor;
use crate::slot::Slot;
use crate::vendor;

pub(crate) use objects::Object;

/// The whole application identifier; the first five bytes are enough to select it.
pub(crate) const AID: [u8; 11] = [0xa0, 0, 0, 3, 8, 0, 0, 0x10, 0, 1, 0];

/// What the application keeps, and what it knows of the present session.
pub(crate) struct Piv {
    firmware: Firmware,
    serial: u32,
    pin: Pin,
    puk: Pin,
    management: ManagementKey,
    keys: BTreeMap<Slot, StoredKey>,
    objects: BTreeMap<Object, Vec<u8>>,
    session: Session,
    pub(crate) sensor: Sensor,
}

/// A key and what is known of it.
#[derive(Clone)]
struct StoredKey {
    secret: PrivateKey,
    policy: Policy,
    origin: Origin,
}

/// How a key came into its slot.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Generated = 1,
    Imported = 2,
}

/// What was proved since the application was selected.
#[derive(Default)]
struct Session {
    pin: bool,
    /// The PIN came just now: what a key of policy *always* asks for.
    pin_just_now: bool,
    management: bool,
    /// What the other side must answer with, between the two commands of an authentication.
    awaited: Option<Awaited>,
}

/// The first half of an authentication with the management key.
enum Awaited {
    /// The card sent this, encrypted: the other side gives it back in clear and asks for a proof itself.
    Witness(Vec<u8>),
    /// The card sent this in clear: the other side gives it back encrypted.
    Challenge(Vec<u8>),
}

impl Piv {
    pub(crate) fn new(firmware: Firmware, serial: u32, sensor: Sensor) -> Self {
        let mut piv = Self {
            firmware,
            serial,
            pin: Pin::factory_pin(),
            puk: Pin::factory_puk(),
            management: ManagementKey::factory(firmware),
            keys: BTreeMap::new(),
            objects: BTreeMap::new(),
            session: Session::default(),
            sensor,
        };
        if firmware.has_attestation()
            && let Ok((secret, certificate)) = vendor::device(firmware)
        {
            piv.objects.insert(Object::ATTESTATION, objects::certificate(&certificate));
            // Which origin a real card tells for the key from its factory was not seen.
            let policy = Policy { pin: crate::policy::PinPolicy::Once, touch: crate::policy::TouchPolicy::Never };
            piv.keys.insert(Slot::ATTESTATION, StoredKey { secret, policy, origin: Origin::Imported });
        }
        piv
    }

    /// The application property template (SP 800-73-4 part 2 table 3), as YubiKeys give it.
    pub(crate) fn properties() -> Vec<u8> {
        vec![0x61, 0x11, 0x4f, 6, 0, 0, 0x10, 0, 1, 0, 0x79, 7, 0x4f, 5, 0xa0, 0, 0, 3, 8]
    }

    /// Everything that was proved is forgotten: another application was selected, or the card lost its power.
    pub(crate) fn forget(&mut self) {
        self.session = Session::default();
    }

    pub(crate) fn answer(&mut self, command: &Command) -> Answer {
        // The PIN counts as just given only for the command right after it. That is what the standard asks for; whether
        // real cards let other commands pass in between is not known, and who relies on it fails here.
        let pin_just_now = std::mem::take(&mut self.session.pin_just_now);
        let (p1, p2, data) = (command.p1, command.p2, &command.data[..]);
        let has = self.firmware;
        match command.instruction {
            0x20 => self.verify(p1, p2, data),
            0x24 => self.change_reference(p1, p2, data),
            0x2c => self.reset_retry(p1, p2, data),
            0x47 => self.generate(p1, p2, data),
            0x87 => self.authenticate(p1, p2, data, pin_just_now),
            0xcb => self.get_data(p1, p2, data),
            0xdb => self.put_data(p1, p2, data),
            0xf6 if has.has_move_key() => self.move_key(p1, p2),
            0xf7 if has.has_metadata() => self.metadata(p2),
            0xf8 if has.has_serial_in_piv() => Ok(self.serial.to_be_bytes().to_vec()),
            0xf9 if has.has_attestation() => self.attest(p1),
            0xfa => self.set_retries(p1, p2),
            0xfb => self.reset(),
            0xfd => Ok(has.version().to_vec()),
            0xfe => self.import(p1, p2, data),
            0xff => self.set_management_key(p1, p2, data),
            _ => Err(Status::UNKNOWN_INSTRUCTION),
        }
    }

    fn needs_management_key(&self) -> Result<(), Status> {
        if self.session.management { Ok(()) } else { Err(Status::SECURITY) }
    }

    /// RESET: only a card that is of no use to anybody may be emptied.
    fn reset(&mut self) -> Answer {
        if !self.pin.is_blocked() || !self.puk.is_blocked() {
            return Err(Status::CONDITIONS);
        }
        self.pin = Pin::factory_pin();
        self.puk = Pin::factory_puk();
        self.management = ManagementKey::factory(self.firmware);
        self.keys.retain(|slot, _| *slot == Slot::ATTESTATION);
        self.objects.retain(|object, _| *object == Object::ATTESTATION);
        self.forget();
        Ok(Vec::new())
    }
}
