//! Layers that are made to break the reader are refused, and cost little until then.

use std::io::{self, Read};

use image::Digest;
use image::layer::{Entry, EntryKind, LayerError, Limits, Visitor, walk};

use crate::made::{self, END, Seen, padded, pax, raw_header};

fn refusal(tar: &[u8]) -> LayerError {
    made::see(tar).unwrap_err()
}

fn with_limits(tar: &[u8], limits: &Limits) -> Result<(), LayerError> {
    walk(tar, limits, &mut Seen::default()).map(drop)
}

#[test]
fn a_decompression_bomb_ends_at_the_limit() {
    let limits = Limits { uncompressed_bytes: 1 << 20, ..Limits::default() };
    let tar = made::tar_of(&[("zeros", &vec![0; 64 << 20])]);
    for blob in [made::gzip(&tar), made::zstd(&tar), tar.clone()] {
        assert!(matches!(with_limits(&blob, &limits), Err(LayerError::TooLarge { limit }) if limit == 1 << 20));
    }
    // Behind the end of the tar nobody looks, but the digest has to.
    let behind = [END.to_vec(), vec![0; 64 << 20]].concat();
    assert!(matches!(with_limits(&made::gzip(&behind), &limits), Err(LayerError::TooLarge { .. })));
    // Nor is an endless blob behind a small gzip stream read for ever.
    let padded = [made::gzip(&END), vec![0; 4 << 20]].concat();
    assert!(matches!(with_limits(&padded, &limits), Err(LayerError::TooLarge { .. })));
}

#[test]
fn a_bomb_of_gzip_in_gzip_is_no_layer() {
    let twice = made::gzip(&made::gzip(&made::tar_of(&[("a", b"b")])));
    assert!(matches!(refusal(&twice), LayerError::Truncated { .. } | LayerError::Corrupt { .. }));
}

#[test]
fn a_sparse_file_of_holes_counts_with_its_holes() {
    let huge = (1u64 << 60).to_string();
    let tar =
        [pax(&[("GNU.sparse.size", &huge), ("GNU.sparse.map", "0,0")]), raw_header(b"hole", b'0', 0), END.to_vec()];
    assert!(matches!(refusal(&tar.concat()), LayerError::TooLarge { .. }));
}

#[test]
fn members_without_end_are_counted() {
    let limits = Limits { entries: 10, ..Limits::default() };
    let member = raw_header(b"x", b'0', 0);
    assert!(with_limits(&[member.repeat(10), END.to_vec()].concat(), &limits).is_ok());
    assert!(matches!(with_limits(&member.repeat(11), &limits), Err(LayerError::TooManyEntries { limit: 10 })));
    // Headers that announce others count too, or they could go on for ever.
    let endless = pax(&[("path", "x")]).repeat(11);
    assert!(matches!(with_limits(&endless, &limits), Err(LayerError::TooManyEntries { .. })));
}

#[test]
fn a_path_longer_than_linux_opens_is_refused_however_it_is_written() {
    let long = "d/".repeat(3000);
    let by_pax = [pax(&[("path", &long)]), raw_header(b"x", b'0', 0), END.to_vec()].concat();
    let by_gnu =
        [raw_header(b"L", b'L', long.len() as u64), padded(long.as_bytes()), raw_header(b"x", b'0', 0), END.to_vec()];
    let link = [pax(&[("linkpath", &long)]), raw_header(b"x", b'2', 0), END.to_vec()].concat();
    for tar in [by_pax, by_gnu.concat(), link] {
        assert!(matches!(refusal(&tar), LayerError::PathTooLong { found: 6000, limit: 4096, .. }));
    }
}

#[test]
fn an_extended_header_of_gigabytes_is_not_kept() {
    for kind in [b'x', b'L', b'K'] {
        let error = refusal(&raw_header(b"big", kind, 3 << 30));
        assert!(error.to_string().contains("1 MiB"), "{error}");
    }
}

#[test]
fn names_that_lead_out_of_the_root_land_inside() {
    let tar = [
        raw_header(b"../../etc/passwd", b'0', 0),
        raw_header(b"/abs/./x", b'0', 0),
        raw_header(b"usr/../../../up", b'5', 0),
        pax(&[("path", "/../pax"), ("linkpath", "../../hard")]),
        raw_header(b"x", b'1', 0),
        raw_header(b"./", b'5', 0),
        END.to_vec(),
    ];
    let (_, seen) = made::see(tar.concat().as_slice()).unwrap();
    assert_eq!(seen.paths(), ["etc/passwd", "abs/x", "up", "pax", ""]);
    assert_eq!(seen.0[3].0.kind, EntryKind::HardLink("hard".into()));
}

#[test]
fn a_symlink_out_of_the_root_is_shown_as_written_and_not_followed() {
    let tar = [
        pax(&[("linkpath", "../../../../etc")]),
        raw_header(b"escape", b'2', 0),
        raw_header(b"escape/passwd", b'0', 0),
        END.to_vec(),
    ];
    let (_, seen) = made::see(tar.concat().as_slice()).unwrap();
    assert_eq!(seen.paths(), ["escape", "escape/passwd"]);
    assert_eq!(seen.0[0].0.kind, EntryKind::Symlink("../../../../etc".into()));
}

#[test]
fn a_size_that_lies_is_found_out() {
    let beyond = [raw_header(b"big", b'0', 1 << 40), padded(b"short")].concat();
    let error = refusal(&beyond);
    assert!(matches!(&error, LayerError::Truncated { place, .. } if place.contains("big")), "{error}");

    let small = [raw_header(b"small", b'0', 3), padded(&[b'x'; 2000]), END.to_vec()].concat();
    assert!(matches!(refusal(&small), LayerError::Corrupt { .. }));

    for size in [&b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"[..], b"-0000000001\0", b"99999999999\0"] {
        let mut header = tar::Header::from_byte_slice(&raw_header(b"x", b'0', 0)).clone();
        header.as_mut_bytes()[124..136].copy_from_slice(size);
        header.set_cksum();
        let error = refusal(header.as_bytes());
        assert!(error.to_string().contains("no number"), "{error}");
    }
}

#[test]
fn a_pax_size_holds_against_the_headers_as_in_go() {
    // A reader that took the header's size would see the member inside the content.
    let inner = [raw_header(b"smuggled", b'0', 0), END.to_vec()].concat();
    let tar = [
        pax(&[("size", &inner.len().to_string())]),
        raw_header(b"outer", b'0', 0),
        padded(&inner),
        raw_header(b"after", b'0', 0),
        END.to_vec(),
    ];
    let (_, seen) = made::see(tar.concat().as_slice()).unwrap();
    assert_eq!(seen.paths(), ["outer", "after"]);
    assert_eq!(seen.0[0].1, inner);
}

#[test]
fn links_and_folders_have_no_content_whatever_their_header_says() {
    let tar = [
        raw_header(b"link", b'2', 512),
        raw_header(b"folder", b'5', 512),
        raw_header(b"hard", b'1', 512),
        raw_header(b"device", b'3', 512),
        raw_header(b"file", b'0', 0),
        END.to_vec(),
    ];
    let (_, seen) = made::see(tar.concat().as_slice()).unwrap();
    assert_eq!(seen.paths(), ["link", "folder", "hard", "device", "file"]);
    assert!(seen.0.iter().all(|(entry, _)| entry.size == 0));
}

#[test]
fn global_headers_change_nothing_and_members_of_unknown_kind_are_stepped_over() {
    let record = b"14 path=global\n";
    let tar = [
        raw_header(b"g", b'g', record.len() as u64),
        padded(record),
        raw_header(b"real", b'0', 0),
        raw_header(b"odd", b'Z', 700),
        padded(&[1; 700]),
        raw_header(b"last", b'0', 0),
        END.to_vec(),
    ];
    let (_, seen) = made::see(tar.concat().as_slice()).unwrap();
    assert_eq!(seen.paths(), ["real", "odd", "last"]);
    assert_eq!(seen.0[1].0.kind, EntryKind::Special);
    assert_eq!((seen.0[1].0.size, seen.0[1].1.len()), (0, 0), "what nobody knows the kind of has no content");
}

#[test]
fn damage_in_the_middle_is_named_with_its_place() {
    let noise: Vec<u8> = (0u32..100_000).flat_map(|n| (n.wrapping_mul(2_654_435_761) >> 8).to_le_bytes()).collect();
    let mut blob = made::gzip(&made::tar_of(&[("noise", &noise)]));
    let middle = blob.len() / 2;
    blob[middle..middle + 64].fill(0xff);
    assert!(matches!(refusal(&blob), LayerError::Corrupt { stream: "the compressed data", .. }));

    let mut tar = made::tar_of(&[("a", b"1"), ("b", b"2")]);
    tar[1024 + 3] ^= 1;
    let error = refusal(&tar);
    assert!(matches!(error, LayerError::Corrupt { offset: 1024, stream: "the tar", .. }), "{error}");

    let lone_zero = [raw_header(b"a", b'0', 0), vec![0; 512], raw_header(b"b", b'0', 0), END.to_vec()].concat();
    assert!(matches!(refusal(&lone_zero), LayerError::Corrupt { offset: 1024, .. }));
}

#[test]
fn what_is_no_tar_is_refused() {
    assert!(matches!(refusal(&[b'x'; 2000]), LayerError::Corrupt { .. }));
    assert!(matches!(refusal(b"short"), LayerError::Truncated { .. }));
    assert!(matches!(refusal(&made::gzip(b"no tar")), LayerError::Truncated { .. }));
    let headers_only = pax(&[("path", "x")]);
    assert!(matches!(refusal(&headers_only), LayerError::Truncated { .. }));
}

/// Gives up at the first member.
struct GivesUp;

impl Visitor for GivesUp {
    fn visit(&mut self, entry: &Entry, _: &mut dyn Read) -> Result<(), LayerError> {
        Err(LayerError::visitor(format!("{} is not wanted", entry.path)))
    }
}

/// Hides why its reading failed.
struct Mumbles;

impl Visitor for Mumbles {
    fn visit(&mut self, _: &Entry, content: &mut dyn Read) -> Result<(), LayerError> {
        io::copy(content, &mut io::sink()).map(drop).map_err(|_| LayerError::visitor("something went wrong"))
    }
}

#[test]
fn a_visitor_that_gives_up_ends_the_walk_with_its_own_error() {
    let tar = made::tar_of(&[("a", b"b")]);
    let error = walk(tar.as_slice(), &Limits::default(), &mut GivesUp).unwrap_err();
    assert_eq!(error.to_string(), "a is not wanted");
}

#[test]
fn the_reason_of_a_failed_read_survives_the_visitor() {
    let cut = &made::tar_of(&[("a", &[1; 5000])])[..2000];
    let error = walk(cut, &Limits::default(), &mut Mumbles).unwrap_err();
    assert!(matches!(error, LayerError::Truncated { .. }), "{error}");
}

/// A connection that breaks.
struct Breaks<'a>(&'a [u8]);

impl Read for Breaks<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() {
            return Err(io::Error::new(io::ErrorKind::ConnectionReset, "the registry hung up"));
        }
        self.0.read(buffer)
    }
}

#[test]
fn a_connection_that_breaks_is_told_from_damage() {
    let noise: Vec<u8> = (0u32..100_000).flat_map(|n| (n.wrapping_mul(2_654_435_761) >> 8).to_le_bytes()).collect();
    let tar = made::tar_of(&[("noise", &noise)]);
    for blob in [tar.clone(), made::gzip(&tar), made::zstd(&tar)] {
        let error = walk(Breaks(&blob[..blob.len() / 2]), &Limits::default(), &mut Seen::default()).unwrap_err();
        assert!(matches!(&error, LayerError::Io(error) if error.kind() == io::ErrorKind::ConnectionReset), "{error}");
    }
}

#[test]
fn names_that_are_no_text_are_seen_and_errors_escape_them() {
    let tar = [raw_header(b"caf\xe9\x1b[31m", b'0', 0), END.to_vec()].concat();
    let (walked, seen) = made::see(tar.as_slice()).unwrap();
    assert_eq!(seen.paths(), ["caf\u{fffd}\u{1b}[31m"]);
    assert_eq!(walked.diff_id, Digest::sha256(&tar));
    let error = refusal(&raw_header(b"\x1b[31mred", b'0', 9999)).to_string();
    assert!(!error.contains('\u{1b}'), "{error}");
}
