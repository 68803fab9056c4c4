//! Which of an image's findings are shown.

use advisory::Severity;
use findings::Group;
use serde::Serialize;

use crate::counts::{severity, word};
use crate::failure::Failure;
use crate::request::Asked;

/// Which findings are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Filter {
    /// This severity and worse.
    pub(crate) severity: Option<&'static str>,
    /// Only those with a fix.
    pub(crate) fixable: bool,
    /// Only those of packages from this layer, base 0.
    pub(crate) layer: Option<usize>,
    #[serde(skip)]
    least: Severity,
}

impl Filter {
    /// Reads `severity`, `fixable` and `layer`.
    pub(crate) fn of(asked: &Asked) -> Result<Self, Failure> {
        let least = match asked.parameter("severity") {
            None => None,
            Some(name) => Some(severity(name).ok_or_else(|| {
                Failure::Query(format!(
                    "severity must be critical, high, medium, low, negligible or unknown, but is {name:?}"
                ))
            })?),
        };
        let fixable = match asked.parameter("fixable") {
            None | Some("0" | "false") => false,
            Some("1" | "true" | "on") => true,
            Some(other) => return Err(Failure::Query(format!("fixable must be 1 or 0, but is {other:?}"))),
        };
        let layer = asked.number("layer", 0, ::image::source::LAYERS)?;
        Ok(Self { severity: least.map(word), fixable, layer, least: least.unwrap_or_default() })
    }

    /// Whether a finding is shown.
    pub(crate) fn shows(&self, finding: &Group<'_>) -> bool {
        finding.severity() >= self.least
            && (!self.fixable || finding.is_fixable())
            && self.layer.is_none_or(|layer| finding.located().layer == layer)
    }

    /// Whether anything is left out.
    pub(crate) fn is_on(&self) -> bool {
        *self != Self::default()
    }
}
