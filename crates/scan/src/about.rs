//! What a report says of its subject beside what was found in it.

use findings::{About, Subject};
use image::{Digest, Image};
use inventory::Inventory;
use inventory::sbom::PackageList;

use crate::report::now;

/// Of an image, of whose layers so many were read.
pub fn of_image(image: &Image, layers_read: usize) -> About {
    About {
        name: image.name.clone(),
        subject: Subject::Image,
        digest: image.digest.clone(),
        platform: image::Platform::of_config(&image.config).to_string(),
        scanned_at: now(),
        history: image.layers.iter().map(|layer| layer.created_by.clone()).collect(),
        layers_read,
    }
}

/// Of a folder: its digest is that of what was found in it, its only layer the folder itself.
pub fn of_folder(name: String, inventory: &Inventory) -> About {
    About {
        name,
        subject: Subject::Folder,
        digest: inventory.layers.first().cloned().unwrap_or_else(|| Digest::sha256(b"")),
        platform: String::new(),
        scanned_at: now(),
        history: Vec::new(),
        layers_read: 1,
    }
}

/// Of a list of packages: its digest is that of its own bytes.
pub fn of_list(name: String, list: &PackageList) -> About {
    About {
        name,
        subject: Subject::PackageList,
        digest: list.digest.clone(),
        platform: list.platform.clone().unwrap_or_default(),
        scanned_at: now(),
        history: list.history.clone(),
        layers_read: 0,
    }
}
