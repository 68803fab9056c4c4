//! Layers of members at paths that collide: none panics in the walk, and what two of them make can be merged.
//!
//! Members are parted by line feeds: a letter for the kind, a path, and after `>` a target or content. An empty line
//! begins the next layer.
#![no_main]

use std::io::Cursor;

use inventory::layer::{Limits, catalogue};
use inventory::merge;
use inventory::worker::Launcher;
use libfuzzer_sys::fuzz_target;

fn tar_of(layer: &str) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for line in layer.lines().filter(|line| line.is_char_boundary(1)) {
        let (kind, rest) = line.split_at(1);
        let (path, more) = rest.split_once('>').unwrap_or((rest, ""));
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        let (kind, content) = match kind {
            "d" => (tar::EntryType::Directory, ""),
            "l" => (tar::EntryType::Symlink, ""),
            "h" => (tar::EntryType::Link, ""),
            "f" => (tar::EntryType::Regular, more),
            _ => (tar::EntryType::Fifo, ""),
        };
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        // Names that the builder refuses are the walk's own target's business.
        let _ = match kind {
            tar::EntryType::Symlink | tar::EntryType::Link => tar.append_link(&mut header, path, more),
            _ => tar.append_data(&mut header, path, content.as_bytes()),
        };
    }
    tar.into_inner().unwrap_or_default()
}

fuzz_target!(|text: &str| {
    let launcher = Launcher::unsealed_in_this_process();
    let records = text.split("\n\n").take(4).filter_map(|layer| {
        catalogue(Cursor::new(tar_of(layer)), &Limits::default(), &launcher).ok().map(|(_, record)| record)
    });
    let records: Vec<_> = records.collect();
    for record in &records {
        let read = inventory::LayerRecord::from_bytes(&record.to_bytes().unwrap()).unwrap();
        assert_eq!(&read, record);
    }
    let inventory = merge(&records);
    assert!(inventory.packages.iter().all(|located| located.layer < records.len() && located.path.starts_with('/')));
});
