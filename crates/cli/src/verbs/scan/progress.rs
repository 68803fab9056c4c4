//! A line a layer while it is read, on a terminal and only there.

use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex, PoisonError};

use image::Image;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use scan::{Progress, Silent};

/// Progress for an image's layers: bars where stderr is a terminal, else silence.
pub(crate) fn of_layers(image: &Image) -> Arc<dyn Progress> {
    if !std::io::stderr().is_terminal() {
        return Arc::new(Silent);
    }
    let names = image.layers.iter().map(|layer| short(layer.blob.as_ref().unwrap_or(&layer.diff_id).hex()).to_owned());
    Arc::new(Bars { names: names.collect(), all: MultiProgress::new(), running: Mutex::default() })
}

struct Bars {
    names: Vec<String>,
    all: MultiProgress,
    running: Mutex<HashMap<usize, ProgressBar>>,
}

impl Progress for Bars {
    fn started(&self, layer: usize, bytes: u64) {
        let bar = self.all.add(ProgressBar::new(bytes));
        if let Ok(style) = ProgressStyle::with_template("{prefix} {bar:24} {bytes:>10} of {total_bytes} {msg}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(format!("layer {:>2} {}", layer, self.names.get(layer).map_or("", String::as_str)));
        self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(layer, bar);
    }

    fn advanced(&self, layer: usize, bytes: u64) {
        if let Some(bar) = self.running.lock().unwrap_or_else(PoisonError::into_inner).get(&layer) {
            bar.inc(bytes);
        }
    }

    fn finished(&self, layer: usize) {
        if let Some(bar) = self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&layer) {
            bar.finish_and_clear();
        }
    }
}

fn short(hex: &str) -> &str {
    hex.get(..12).unwrap_or(hex)
}
