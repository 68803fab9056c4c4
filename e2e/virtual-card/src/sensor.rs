//! The touch contact as the application sees it: whether this use of a key needs a touch, and how long it waits.

use std::time::Duration;

use crate::apdu::Status;
use crate::finger::{Finger, Touch};
use crate::policy::TouchPolicy;

/// How long a real card waits, and how long a touch counts for *cached* keys.
const SECONDS: Duration = Duration::from_secs(15);

/// The contact, with the card's patience.
#[derive(Debug, Clone)]
pub(crate) struct Sensor {
    pub(crate) finger: Finger,
    pub(crate) patience: Duration,
    pub(crate) window: Duration,
    /// Whether a reset closes the window.
    pub(crate) reset_closes_window: bool,
}

impl Default for Sensor {
    fn default() -> Self {
        Self { finger: Finger::new(), patience: SECONDS, window: SECONDS, reset_closes_window: false }
    }
}

impl Sensor {
    /// Waits for a touch where the policy wants one. No touch in time is the same status word as a missing PIN.
    pub(crate) fn need(&self, policy: TouchPolicy) -> Result<(), Status> {
        match policy {
            TouchPolicy::Never => Ok(()),
            TouchPolicy::Cached if self.finger.window_is_open(self.window) => Ok(()),
            TouchPolicy::Always | TouchPolicy::Cached => {
                if self.finger.wait(self.patience) != Touch::Came {
                    return Err(Status::SECURITY);
                }
                // Whether a touch for an *always* key opens the window on real hardware is not known; the window is
                // the device's here, and only a *cached* key opens it.
                if policy == TouchPolicy::Cached {
                    self.finger.open_window();
                }
                Ok(())
            }
        }
    }
}
