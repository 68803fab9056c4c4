//! The platform that an image is for (OCI image-spec, image-index.md).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Operating system, processor and variant, as in `linux/arm64/v8`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// `linux`, `windows`, … (Go's GOOS).
    pub os: String,
    /// `amd64`, `arm64`, … (Go's GOARCH).
    pub architecture: String,
    /// `v7`, `v8`; absent means the architecture's usual one.
    pub variant: Option<String>,
}

/// The text is no platform.
#[derive(Debug, Error)]
#[error("{0:?} is not a platform; write OS/ARCHITECTURE[/VARIANT], for example linux/amd64")]
pub struct PlatformError(String);

impl Platform {
    /// The platform that this program runs on.
    pub fn host() -> Self {
        let architecture = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            "x86" => "386",
            other => other,
        };
        Self { os: "linux".into(), architecture: architecture.into(), variant: None }
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let mut parts = text.split('/');
        let mut part = || parts.next().filter(|part| !part.is_empty()).map(str::to_lowercase);
        match (part(), part(), part(), part()) {
            (Some(os), Some(architecture), variant, None) => Ok(Self { os, architecture, variant }),
            _ => Err(PlatformError(text.to_owned())),
        }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(formatter, "/{variant}"),
            None => Ok(()),
        }
    }
}
