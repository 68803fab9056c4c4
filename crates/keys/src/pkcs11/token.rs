//! A token that is there.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use cryptoki::session::Session;
use cryptoki::slot::{Slot, TokenInfo};

use super::error::{TokenError, told};
use super::module::Module;
use crate::uri::TokenUri;
use crate::{KeyError, Pin};

/// A token that is there, by what it says of itself.
#[derive(Clone)]
pub struct Token {
    pub(super) module: Arc<Module>,
    pub(super) slot: Slot,
    name: String,
    label: String,
    manufacturer: String,
    model: String,
    serial: String,
    slot_description: String,
    /// Kept until [`Token::lock`], so that it is asked for once.
    pin: Arc<Mutex<Option<Pin>>>,
    slot_manufacturer: String,
}

impl Token {
    /// Every initialized token of a module.
    pub(super) fn all(module: &Arc<Module>) -> Result<Vec<Self>, KeyError> {
        let path = module.path.display().to_string();
        let slots = module.calls.get_slots_with_token().map_err(told(&path, "its tokens were listed"))?;
        // A token that is pulled out, or was never set up, between the two calls is none.
        Ok(slots.into_iter().filter_map(|slot| Self::of(module, slot)).collect())
    }

    fn of(module: &Arc<Module>, slot: Slot) -> Option<Self> {
        let about = module.calls.get_slot_info(slot).ok()?;
        let token = module.calls.get_token_info(slot).ok()?;
        if !token.token_initialized() {
            return None;
        }
        let label = printable(token.label());
        Some(Self {
            module: Arc::clone(module),
            slot,
            name: if label.is_empty() { format!("the token in slot {}", slot.id()) } else { label.clone() },
            label,
            manufacturer: printable(token.manufacturer_id()),
            model: printable(token.model()),
            serial: printable(token.serial_number()),
            pin: Arc::default(),
            slot_description: printable(about.slot_description()),
            slot_manufacturer: printable(about.manufacturer_id()),
        })
    }

    /// How people know it: its label.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its label.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Its maker.
    pub fn manufacturer(&self) -> &str {
        &self.manufacturer
    }

    /// Its model.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Its serial number.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// The file of its module.
    pub fn module(&self) -> &Path {
        &self.module.path
    }

    /// Name, model and serial number, to tell it from others.
    pub fn described(&self) -> String {
        format!("{} ({} {}, serial number {})", self.name, self.manufacturer, self.model, self.serial)
    }

    /// A URI that fits this token, however many others are there.
    pub fn uri(&self) -> TokenUri {
        TokenUri {
            token: Some(self.label.clone()),
            serial: (!self.serial.is_empty()).then(|| self.serial.clone()),
            module_path: Some(self.module.path.clone()),
            ..TokenUri::default()
        }
    }

    /// Whether it is still there. Modules tell of a token that was pulled out by any error they like.
    pub(super) fn is_present(&self) -> bool {
        self.module.calls.get_slots_with_token().is_ok_and(|slots| slots.contains(&self.slot))
    }

    /// Forgets the PIN.
    pub fn lock(&self) {
        self.remember(None);
    }

    pub(super) fn remember(&self, pin: Option<Pin>) {
        *self.pin.lock().unwrap_or_else(PoisonError::into_inner) = pin;
    }

    pub(super) fn remembered(&self) -> Option<Pin> {
        self.pin.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether it is the one that the URI means.
    pub(super) fn fits(&self, uri: &TokenUri) -> bool {
        let same = |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found);
        same(&uri.token, &self.label)
            && same(&uri.manufacturer, &self.manufacturer)
            && same(&uri.model, &self.model)
            && same(&uri.serial, &self.serial)
            && same(&uri.slot_description, &self.slot_description)
            && same(&uri.slot_manufacturer, &self.slot_manufacturer)
            && uri.slot_id.is_none_or(|id| id == self.slot.id())
            && self.module.fits(uri)
    }

    pub(super) fn info(&self) -> Result<TokenInfo, KeyError> {
        self.module.calls.get_token_info(self.slot).map_err(told(&self.name, "it was asked about itself"))
    }

    pub(super) fn session(&self, writing: bool) -> Result<Session, KeyError> {
        let now = self.info()?;
        // Another one may have been put into the slot.
        if printable(now.serial_number()) != self.serial || printable(now.label()) != self.label {
            return Err(TokenError::Removed { token: self.name.clone() }.into());
        }
        let calls = &self.module.calls;
        if writing { calls.open_rw_session(self.slot) } else { calls.open_ro_session(self.slot) }
            .map_err(told(&self.name, "a session was opened"))
    }
}

impl Module {
    fn fits(&self, uri: &TokenUri) -> bool {
        if uri.library_manufacturer.is_none() && uri.library_description.is_none() && uri.library_version.is_none() {
            return true;
        }
        let Ok(info) = self.calls.get_library_info() else { return false };
        let same =
            |wanted: &Option<String>, found: &str| wanted.as_ref().is_none_or(|wanted| wanted == found.trim_end());
        let version = info.library_version();
        same(&uri.library_manufacturer, info.manufacturer_id())
            && same(&uri.library_description, info.library_description())
            && uri.library_version.is_none_or(|wanted| wanted == (version.major(), version.minor()))
    }
}

/// What a token says of itself is shown at a terminal.
pub(super) fn printable(text: &str) -> String {
    text.trim_end().chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Token({})", self.name)
    }
}
