//! Any tree, compressed any way and arriving in any pieces, is seen as it was written.

use std::io::Read;

use image::Digest;
use image::layer::{Compression, Digests, Entry, EntryKind, Inflated, LayerError, Limits, Visitor, walk};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::made::{self, Pieces, Seen};

#[derive(Clone, Debug)]
enum Kind {
    File(Vec<u8>),
    Directory,
    Symlink(String),
    HardLink(String),
    Fifo,
}

fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![
        4 => vec(any::<u8>(), 0..3000).prop_map(Kind::File),
        1 => (0usize..600_000).prop_map(|size| Kind::File(vec![7; size])),
        1 => Just(Kind::Directory),
        1 => r"(\.\./){0,3}[a-z]{1,20}(/[a-z]{1,60}){0,3}".prop_map(Kind::Symlink),
        1 => "[a-z]{1,5}(/[a-z]{1,40}){0,5}".prop_map(Kind::HardLink),
        1 => Just(Kind::Fifo),
    ]
}

/// Names up to lengths that need GNU's long names.
fn trees() -> impl Strategy<Value = Vec<(String, Kind)>> {
    vec(("[a-z]{1,20}(/[a-zäö ]{1,60}){0,6}", kinds()), 0..12)
}

fn tar(tree: &[(String, Kind)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, kind) in tree {
        match kind {
            Kind::File(content) => {
                let mut header = made::header(tar::EntryType::Regular, content.len() as u64);
                builder.append_data(&mut header, path, content.as_slice()).unwrap();
            }
            Kind::Directory => {
                builder.append_data(&mut made::header(tar::EntryType::Directory, 0), path, &[][..]).unwrap();
            }
            Kind::Symlink(target) => {
                builder.append_link(&mut made::header(tar::EntryType::Symlink, 0), path, target).unwrap();
            }
            Kind::HardLink(target) => {
                builder.append_link(&mut made::header(tar::EntryType::Link, 0), path, target).unwrap();
            }
            Kind::Fifo => builder.append_data(&mut made::header(tar::EntryType::Fifo, 0), path, &[][..]).unwrap(),
        }
    }
    builder.into_inner().unwrap()
}

fn expected(tree: &[(String, Kind)]) -> Vec<(Entry, Vec<u8>)> {
    let see = |(path, kind): &(String, Kind)| {
        let (kind, content) = match kind.clone() {
            Kind::File(content) => (EntryKind::File, content),
            Kind::Directory => (EntryKind::Directory, Vec::new()),
            Kind::Symlink(target) => (EntryKind::Symlink(target), Vec::new()),
            Kind::HardLink(target) => (EntryKind::HardLink(target), Vec::new()),
            Kind::Fifo => (EntryKind::Special, Vec::new()),
        };
        (Entry { path: path.clone(), kind, size: content.len() as u64, mode: 0o644 }, content)
    };
    tree.iter().map(see).collect()
}

fn compress(tar: &[u8], compression: Compression) -> Vec<u8> {
    match compression {
        Compression::None => tar.to_vec(),
        Compression::Gzip => made::gzip(tar),
        Compression::Zstd => made::zstd(tar),
    }
}

fn compressions() -> impl Strategy<Value = Compression> {
    prop_oneof![Just(Compression::None), Just(Compression::Gzip), Just(Compression::Zstd)]
}

/// Reads so many bytes of each file.
struct ReadsSome(usize, Vec<Vec<u8>>);

impl Visitor for ReadsSome {
    fn visit(&mut self, _: &Entry, content: &mut dyn Read) -> Result<(), LayerError> {
        let mut bytes = Vec::new();
        content.take(self.0 as u64).read_to_end(&mut bytes).map_err(LayerError::visitor)?;
        self.1.push(bytes);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_member_and_both_digests_are_right(
        tree in trees(),
        compression in compressions(),
        sizes in vec(1usize..5000, 1..5),
    ) {
        let tar = tar(&tree);
        let blob = compress(&tar, compression);
        let (walked, seen) = made::see(Pieces { bytes: &blob, sizes, reads: 0 }).unwrap();
        prop_assert_eq!(seen.0, expected(&tree));
        prop_assert_eq!(walked.entries, tree.len() as u64);
        prop_assert_eq!(walked.compression, compression);
        prop_assert_eq!(walked.blob, Digest::sha256(&blob));
        prop_assert_eq!(walked.blob_size, blob.len() as u64);
        prop_assert_eq!(walked.diff_id, Digest::sha256(&tar));
        prop_assert_eq!(walked.uncompressed_size, tar.len() as u64);
    }

    #[test]
    fn what_a_visitor_leaves_unread_is_skipped(tree in trees(), compression in compressions(), most in 0usize..2000) {
        let blob = compress(&tar(&tree), compression);
        let mut visitor = ReadsSome(most, Vec::new());
        let walked = walk(blob.as_slice(), &Limits::default(), &mut visitor).unwrap();
        prop_assert_eq!(walked.blob, Digest::sha256(&blob));
        let starts: Vec<_> = expected(&tree).into_iter().map(|(_, mut content)| { content.truncate(most); content }).collect();
        prop_assert_eq!(visitor.1, starts);
    }

    #[test]
    fn the_stream_gives_the_tar_and_its_digests_however_much_of_it_is_read(
        tree in trees(),
        compression in compressions(),
        percent in 0usize..=100,
    ) {
        let tar = tar(&tree);
        let blob = compress(&tar, compression);
        let wanted = tar.len() * percent / 100;
        let mut inflated = Inflated::new(blob.as_slice(), &Limits::default()).unwrap();
        let mut read = vec![0; wanted];
        inflated.read_exact(&mut read).unwrap();
        prop_assert_eq!(read.as_slice(), &tar[..wanted]);
        let digests = inflated.finish().unwrap();
        prop_assert_eq!(digests, Digests {
            blob: Digest::sha256(&blob),
            blob_size: blob.len() as u64,
            diff_id: Digest::sha256(&tar),
            uncompressed_size: tar.len() as u64,
            compression,
        });
    }

    #[test]
    fn bytes_made_to_break_it_break_nothing(mut bytes in vec(any::<u8>(), 0..3000), start in 0usize..4) {
        let starts: [&[u8]; 4] = [&[], &[0x1f, 0x8b, 8, 0], &[0x28, 0xb5, 0x2f, 0xfd], &[0x50, 0x2a, 0x4d, 0x18]];
        bytes.splice(0..0, starts[start].iter().copied());
        drop(made::see(bytes.as_slice()));
    }
}

#[test]
fn a_layer_cut_short_anywhere_is_refused() {
    let tar = made::tar_of(&[("etc/os-release", b"ID=debian\n"), ("usr/bin/true", &[3; 700])]);
    for compression in [Compression::Gzip, Compression::Zstd] {
        let blob = compress(&tar, compression);
        for length in 1..blob.len() {
            let error = made::see(&blob[..length]).unwrap_err();
            assert!(matches!(error, LayerError::Truncated { .. }), "{compression:?} {length}: {error}");
        }
    }
}

#[test]
fn a_plain_tar_cut_short_is_refused_or_has_other_digests() {
    let tar = made::tar_of(&[("etc/os-release", b"ID=debian\n"), ("usr/bin/true", &[3; 700])]);
    let whole = made::see(tar.as_slice()).unwrap().1;
    for length in 0..tar.len() {
        match made::see(&tar[..length]) {
            Err(error) => assert!(matches!(error, LayerError::Truncated { .. }), "{length}: {error}"),
            // Between two members a plain tar ends as well as anywhere: nobody must write the end mark.
            Ok((walked, seen)) => {
                assert!(whole.0.starts_with(&seen.0), "{length}");
                assert_ne!(walked.diff_id, Digest::sha256(&tar));
            }
        }
    }
}

#[test]
fn a_flipped_bit_anywhere_is_refused_or_has_another_digest() {
    let tar = made::tar_of(&[("etc/os-release", b"ID=debian\n"), ("usr/bin/true", &[3; 700])]);
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let blob = compress(&tar, compression);
        for position in 0..blob.len() {
            let mut changed = blob.clone();
            changed[position] ^= 0x10;
            if let Ok((walked, _)) = made::see(changed.as_slice()) {
                assert_ne!(walked.blob, Digest::sha256(&blob), "{compression:?} {position}");
            }
        }
    }
}

#[test]
fn an_empty_layer_has_no_members() {
    for blob in [Vec::new(), made::END.to_vec(), made::gzip(&made::END), made::zstd(&made::END), made::gzip(&[])] {
        let (walked, Seen(seen)) = made::see(blob.as_slice()).unwrap();
        assert_eq!((walked.entries, seen.len()), (0, 0));
        assert_eq!(walked.blob, Digest::sha256(&blob));
    }
}
