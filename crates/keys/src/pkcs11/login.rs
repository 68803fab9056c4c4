//! Opening a token with its PIN.

use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, UserType};
use cryptoki::types::RawAuthPin;

use super::error::{TokenError, told};
use super::token::Token;
use crate::{KeyError, Person, Pin, PinAsk, PinKind};

/// How often a person is asked before the program gives up, however many tries the token still has.
const ASKED: u32 = 3;

/// What a login needs to be repeated for a key that wants it each time.
pub(super) enum Opened {
    /// By this PIN.
    By(Pin),
    /// At the token's own keypad.
    AtKeypad,
    /// It asks for none.
    Freely,
}

impl Token {
    /// Logs in as its user, asking the person for the PIN where it is not remembered; what the token says of the tries that are left is told
    /// before.
    pub(super) fn log_in(&self, session: &Session, person: &dyn Person) -> Result<Opened, KeyError> {
        let mut asked = 0;
        loop {
            let info = self.info()?;
            if info.user_pin_locked() {
                return Err(TokenError::Locked { token: self.name().to_owned() }.into());
            }
            if !info.login_required() {
                return Ok(Opened::Freely);
            }
            if !info.user_pin_initialized() {
                return Err(TokenError::NoPin { token: self.name().to_owned() }.into());
            }
            if info.protected_authentication_path() {
                self.enter(session, UserType::User, &Opened::AtKeypad)?;
                return Ok(Opened::AtKeypad);
            }
            if let Some(pin) = self.remembered() {
                let opened = Opened::By(pin);
                match self.enter(session, UserType::User, &opened) {
                    Ok(()) => return Ok(opened),
                    // It was changed meanwhile.
                    Err(KeyError::Token(TokenError::WrongPin { .. })) => self.remember(None),
                    Err(error) => return Err(error),
                }
                continue;
            }
            let ask = PinAsk {
                device: self.name().to_owned(),
                kind: PinKind::Token,
                tries_left: info.user_pin_final_try().then_some(1),
            };
            let pin = person.pin(&ask)?;
            let opened = Opened::By(pin.clone());
            asked += 1;
            match self.enter(session, UserType::User, &opened) {
                Ok(()) => {
                    self.remember(Some(pin));
                    return Ok(opened);
                }
                Err(KeyError::Token(TokenError::WrongPin { .. })) if asked < ASKED => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Logs in by what opened it.
    pub(super) fn enter(&self, session: &Session, user: UserType, opened: &Opened) -> Result<(), KeyError> {
        let done = match opened {
            Opened::By(pin) => session.login_with_raw(user, &RawAuthPin::new(Box::new(pin.as_bytes().to_vec()))),
            Opened::AtKeypad => session.login(user, None),
            Opened::Freely => Ok(()),
        };
        match done {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
            Err(Error::Pkcs11(RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange, _)) => {
                let info = self.info()?;
                let token = self.name().to_owned();
                Err(match (info.user_pin_locked(), info.user_pin_final_try(), info.user_pin_count_low()) {
                    (true, ..) => TokenError::Locked { token },
                    (_, true, _) => TokenError::WrongPin { token, left: "; one try is left, then it is locked" },
                    (_, _, true) => TokenError::WrongPin { token, left: "; few tries are left" },
                    _ => TokenError::WrongPin { token, left: "" },
                }
                .into())
            }
            Err(error) => Err(told(self.name(), "its PIN was given")(error)),
        }
    }
}
