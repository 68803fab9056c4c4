//! What to do about an image's findings, as its report says.

use findings::actions::{Actions, OfLayer, Upgrade};
use inventory::PackageKind;
use serde::Serialize;

use crate::counts::Counts;

/// One update that mends findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Update {
    /// What is updated: the source package where the format has one, since its binaries come together.
    pub(crate) package: String,
    /// `deb`, `apk`, `pypi`, `npm`.
    pub(crate) kind: PackageKind,
    /// What is there now.
    pub(crate) installed: String,
    /// The version that mends them all; several where nobody knows their order.
    pub(crate) fixed: Vec<String>,
    /// What it mends.
    pub(crate) mends: Counts,
    /// How much of it is known to be exploited.
    pub(crate) exploited: usize,
    /// The layers in which the package is, base 0.
    pub(crate) layers: Vec<usize>,
    /// The names of the installed packages.
    pub(crate) packages: Vec<String>,
    /// What to type, where one command does it.
    pub(crate) command: Option<String>,
}

/// What goes away when a layer is made anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Renewal {
    /// The layer, base 0.
    pub(crate) layer: usize,
    /// What it mends.
    pub(crate) mends: Counts,
}

/// All updates, what to look at first before others.
pub(crate) fn updates(actions: &Actions) -> Vec<Update> {
    actions.upgrades.iter().map(Update::of).collect()
}

impl Update {
    fn of(upgrade: &Upgrade) -> Self {
        Self {
            package: upgrade.package.clone(),
            kind: upgrade.kind,
            installed: upgrade.installed.clone(),
            fixed: upgrade.fixed.clone(),
            mends: Counts::of_report(&upgrade.removes),
            exploited: upgrade.exploited,
            layers: upgrade.layers.clone(),
            packages: upgrade.packages.clone(),
            command: upgrade.command.clone(),
        }
    }
}

impl Renewal {
    /// What a layer's renewal mends.
    pub(crate) fn of(of_layer: &OfLayer) -> Self {
        Self { layer: of_layer.layer, mends: Counts::of_report(&of_layer.removes) }
    }
}
