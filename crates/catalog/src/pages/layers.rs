//! An image's layers: what made each, and what it brought.

use ::image::Digest;
use findings::Report;
use serde::Serialize;

use crate::counts::Counts;

/// One layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Layer {
    /// Its number, base 0.
    pub(crate) number: usize,
    /// The digest of its uncompressed tar.
    pub(crate) diff_id: Digest,
    /// The history line that made it.
    pub(crate) history: Option<String>,
    /// How many of the image's packages came with it.
    pub(crate) packages: usize,
    /// Findings in these packages.
    pub(crate) counts: Counts,
}

/// A report's layers, base first.
pub(crate) fn layers(report: &Report) -> Vec<Layer> {
    let mut layers: Vec<Layer> = report
        .inventory
        .layers
        .iter()
        .enumerate()
        .map(|(number, diff_id)| Layer {
            number,
            diff_id: diff_id.clone(),
            history: report.history.get(number).cloned().flatten(),
            packages: 0,
            counts: Counts::default(),
        })
        .collect();
    for located in &report.inventory.packages {
        if let Some(layer) = layers.get_mut(located.layer) {
            layer.packages += 1;
        }
    }
    for group in report.groups() {
        if let Some(layer) = layers.get_mut(group.located().layer) {
            layer.counts.add(group.severity());
        }
    }
    layers
}
