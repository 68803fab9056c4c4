//! PIN and PUK: eight bytes, and how often one may be wrong.

use crate::apdu::Status;

/// What both come with from the factory.
const TRIES: u8 = 3;

/// One of the two.
#[derive(Debug, Clone)]
pub(crate) struct Pin {
    value: [u8; 8],
    factory: [u8; 8],
    tries: u8,
    left: u8,
}

impl Pin {
    /// 123456.
    pub(crate) fn factory_pin() -> Self {
        Self::new(*b"123456\xff\xff", TRIES)
    }

    /// 12345678.
    pub(crate) fn factory_puk() -> Self {
        Self::new(*b"12345678", TRIES)
    }

    fn new(value: [u8; 8], tries: u8) -> Self {
        Self { value, factory: value, tries, left: tries }
    }

    /// Back to the value of the factory, with this many tries.
    pub(crate) fn restart(&mut self, tries: u8) {
        *self = Self::new(self.factory, tries);
    }

    pub(crate) fn check(&mut self, value: &[u8]) -> Result<(), Status> {
        if self.left == 0 {
            return Err(Status::BLOCKED);
        }
        if value == self.value {
            self.left = self.tries;
            return Ok(());
        }
        self.left -= 1;
        // Whether a real card answers the last wrong try with 63 C0 or with 69 83 already was not seen; clients must
        // take both as blocked.
        Err(Status::tries_left(self.left))
    }

    /// Takes a new value: six to eight bytes, then FF.
    pub(crate) fn change(&mut self, value: &[u8]) -> Result<(), Status> {
        let value: [u8; 8] = value.try_into().map_err(|_| Status::WRONG_DATA)?;
        let length = value.iter().position(|byte| *byte == 0xff).unwrap_or(8);
        if length < 6 || value[length..].iter().any(|byte| *byte != 0xff) {
            return Err(Status::WRONG_DATA);
        }
        self.value = value;
        self.left = self.tries;
        Ok(())
    }

    /// What an empty VERIFY answers where the PIN was not given.
    pub(crate) fn state(&self) -> Status {
        if self.left == 0 { Status::BLOCKED } else { Status::tries_left(self.left) }
    }

    pub(crate) fn is_blocked(&self) -> bool {
        self.left == 0
    }

    pub(crate) fn is_default(&self) -> bool {
        self.value == self.factory
    }

    /// All tries, and those left.
    pub(crate) fn tries(&self) -> [u8; 2] {
        [self.tries, self.left]
    }
}
