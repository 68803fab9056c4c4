//! The platform that an image is for (OCI image-spec, image-index.md).

use std::fmt;
use std::str::FromStr;

use oci_spec::image::ImageConfiguration;
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
        Self::normalised("linux", std::env::consts::ARCH, None)
    }

    /// The platform that an image's config names.
    pub fn of_config(config: &ImageConfiguration) -> Self {
        let variant = config.variant().as_deref();
        Self::normalised(&config.os().to_string(), &config.architecture().to_string(), variant)
    }

    /// How far an offered platform is from this one: 0 is the very same, more is an older variant that runs here
    /// too, `None` does not run here.
    pub fn distance_to(&self, offered: &Self) -> Option<u64> {
        if self.os != offered.os || self.architecture != offered.architecture {
            return None;
        }
        if self.variant == offered.variant {
            return Some(0);
        }
        self.generation()?.checked_sub(offered.generation()?)
    }

    /// Lower case, with the names that Go uses and without the variant that is an architecture's usual one, so that
    /// equal platforms are equal.
    fn normalised(os: &str, architecture: &str, variant: Option<&str>) -> Self {
        let os = os.to_lowercase();
        let os = if os == "macos" { "darwin".into() } else { os };
        let variant = variant.unwrap_or_default().to_lowercase();
        let architecture = architecture.to_lowercase();
        let (architecture, variant) = match (architecture.as_str(), variant.as_str()) {
            ("x86_64" | "x86-64" | "amd64", "" | "v1") => ("amd64", ""),
            ("x86_64" | "x86-64" | "amd64", variant) => ("amd64", variant),
            ("aarch64" | "arm64", "" | "8" | "v8") => ("arm64", ""),
            ("aarch64" | "arm64", variant) => ("arm64", variant),
            ("x86" | "i386" | "386", _) => ("386", ""),
            ("armel", _) | ("arm", "6") => ("arm", "v6"),
            ("armhf", _) | ("arm", "" | "7" | "v7") => ("arm", "v7"),
            ("arm", "5") => ("arm", "v5"),
            (architecture, variant) => (architecture, variant),
        };
        let variant = Some(variant.to_owned()).filter(|variant| !variant.is_empty());
        Self { os, architecture: architecture.into(), variant }
    }

    /// The number of the variant (`v7` is 7); later ones run what was made for earlier ones.
    fn generation(&self) -> Option<u64> {
        match (self.architecture.as_str(), self.variant.as_deref()) {
            ("amd64", None) => Some(1),
            ("arm64", None) => Some(8),
            ("amd64" | "arm64" | "arm", Some(variant)) => variant.strip_prefix('v')?.parse().ok(),
            _ => None,
        }
    }
}

impl From<&oci_spec::image::Platform> for Platform {
    fn from(platform: &oci_spec::image::Platform) -> Self {
        Self::normalised(
            &platform.os().to_string(),
            &platform.architecture().to_string(),
            platform.variant().as_deref(),
        )
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let mut parts = text.split('/');
        let mut part = || parts.next().filter(|part| !part.is_empty()).map(str::to_owned);
        match (part(), part(), part(), part()) {
            (Some(os), Some(architecture), variant, None) => {
                Ok(Self::normalised(&os, &architecture, variant.as_deref()))
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(text: &str) -> Platform {
        text.parse().unwrap()
    }

    #[test]
    fn names_of_the_same_platform_are_equal() {
        for (one, other) in [
            ("linux/amd64", "Linux/x86_64"),
            ("linux/amd64", "linux/amd64/v1"),
            ("linux/arm64", "linux/aarch64/v8"),
            ("linux/arm", "linux/arm/v7"),
            ("linux/arm/v6", "linux/armel"),
            ("linux/386", "linux/i386"),
            ("darwin/arm64", "macos/arm64"),
        ] {
            assert_eq!(platform(one), platform(other));
        }
        assert_eq!(platform("linux/arm").to_string(), "linux/arm/v7");
    }

    #[test]
    fn an_older_variant_runs_and_a_newer_one_does_not() {
        let distance = |wanted: &str, offered: &str| platform(wanted).distance_to(&platform(offered));
        assert_eq!(distance("linux/arm/v7", "linux/arm/v6"), Some(1));
        assert_eq!(distance("linux/arm/v6", "linux/arm/v7"), None);
        assert_eq!(distance("linux/amd64/v3", "linux/amd64"), Some(2));
        assert_eq!(distance("linux/amd64", "linux/amd64/v3"), None);
        assert_eq!(distance("linux/ppc64le", "linux/ppc64le"), Some(0));
        assert_eq!(distance("linux/amd64", "windows/amd64"), None);
        assert_eq!(distance("linux/arm64", "linux/arm"), None);
    }

    #[test]
    fn what_is_no_platform_is_refused() {
        for text in ["", "linux", "linux/", "/amd64", "linux/arm/v7/x"] {
            assert!(text.parse::<Platform>().is_err(), "{text:?}");
        }
    }
}
