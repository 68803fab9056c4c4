//! What may be asked over one way to the agent.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use super::protocol::Request;

/// What may be asked over one way to the agent.
#[derive(Clone)]
pub enum Scope {
    /// Everything: the user's own socket.
    Everything,
    /// Signing images of certain repositories, until a time.
    Images {
        /// Whether a repository (with its registry) is one of them.
        repositories: Arc<dyn Fn(&str) -> bool + Send + Sync>,
        /// The end.
        until: SystemTime,
    },
}

impl Scope {
    /// `Err` says why not.
    pub fn allows(&self, request: &Request, now: SystemTime) -> Result<(), String> {
        let Self::Images { repositories, until } = self else { return Ok(()) };
        if now >= *until {
            return Err("the time for which this way was opened is over".into());
        }
        match request {
            Request::List => Ok(()),
            Request::SignImage { image, .. } if repositories(&image.repository) => Ok(()),
            Request::SignImage { image, .. } => {
                Err(format!("this way was not opened for the repository {}", image.repository))
            }
            _ => Err("over this way only images can be signed".into()),
        }
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => formatter.write_str("Everything"),
            Self::Images { until, .. } => {
                formatter.debug_struct("Images").field("until", until).finish_non_exhaustive()
            }
        }
    }
}
