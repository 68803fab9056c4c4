//! Streams are read as the tools that make them mean them.

use std::io::Write;
use std::process::{Command, Stdio};

use image::Digest;
use image::layer::{Compression, LayerError, Walked};

use crate::made::{self, Seen};
use crate::outside;

fn see(blob: &[u8]) -> (Walked, Seen) {
    let (walked, seen) = made::see(blob).unwrap();
    assert_eq!(walked.blob, Digest::sha256(blob), "every byte of the blob counts");
    assert_eq!(walked.blob_size, blob.len() as u64);
    (walked, seen)
}

fn sample() -> Vec<u8> {
    made::tar_of(&[("a", &[1; 5000]), ("b", &vec![2; 300_000])])
}

#[test]
fn gzip_members_follow_one_another_as_estargz_writes_them() {
    let tar = sample();
    for pieces in [1, 2, 3, 50] {
        let blob: Vec<u8> = tar.chunks(tar.len().div_ceil(pieces)).flat_map(made::gzip).collect();
        let (walked, seen) = see(&blob);
        assert_eq!(seen.paths(), ["a", "b"]);
        assert_eq!(walked.diff_id, Digest::sha256(&tar));
    }
}

#[test]
fn a_gzip_member_may_begin_anywhere_at_the_border_of_two_blocks() {
    const BLOCK: usize = 256 << 10;
    let tar = sample();
    let (first, second) = tar.split_at(1024);
    // A comment in its header makes the first member end where it shall.
    let member = |comment: usize| {
        let builder = flate2::GzBuilder::new().comment(vec![b'x'; comment]);
        let mut encoder = builder.write(Vec::new(), flate2::Compression::none());
        encoder.write_all(first).unwrap();
        encoder.finish().unwrap()
    };
    let shortest = member(0).len();
    for end in BLOCK - 3..BLOCK + 3 {
        let blob = [member(end - shortest), made::gzip(second)].concat();
        assert_eq!(member(end - shortest).len(), end);
        assert_eq!(see(&blob).0.diff_id, Digest::sha256(&tar), "{end}");
    }
}

#[test]
fn what_follows_gzip_is_ignored_as_gzip_does_and_hashed() {
    let tar = sample();
    for trailing in [&[0; 700][..], b"garbage", &[0x1f], &[0x1f, 0, 3], &[0, 0, 0x1f, 0x8b, 8]] {
        let blob = [made::gzip(&tar), trailing.to_vec()].concat();
        let (walked, seen) = see(&blob);
        assert_eq!(walked.diff_id, Digest::sha256(&tar));
        assert_eq!(seen.paths(), ["a", "b"]);
    }
    let broken_member = [made::gzip(&tar), vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xff, 0xff]].concat();
    assert!(made::see(broken_member.as_slice()).is_err());
}

#[test]
fn a_wrong_checksum_of_gzip_is_refused() {
    let mut blob = made::gzip(&sample());
    let crc = blob.len() - 8;
    blob[crc] ^= 1;
    assert!(matches!(made::see(blob.as_slice()), Err(LayerError::Corrupt { .. })));
}

#[test]
fn bytes_behind_the_tars_end_are_hashed_and_not_read_as_members() {
    let hidden = made::tar_of(&[("hidden", b"x")]);
    let tar = [sample(), hidden, b"odd".to_vec()].concat();
    for blob in [tar.clone(), made::gzip(&tar), made::zstd(&tar)] {
        let (walked, seen) = see(&blob);
        assert_eq!(seen.paths(), ["a", "b"]);
        assert_eq!(walked.diff_id, Digest::sha256(&tar));
    }
}

#[test]
fn zstd_frames_and_skippable_frames_follow_one_another_as_in_zstd_chunked() {
    let tar = sample();
    let skippable = |nibble: u8, content: &[u8]| {
        [&[0x50 | nibble, 0x2a, 0x4d, 0x18][..], &(content.len() as u32).to_le_bytes(), content].concat()
    };
    let (first, second) = tar.split_at(4321);
    let blob = [
        skippable(0, b""),
        made::zstd(first),
        skippable(15, &vec![9; 300_000]),
        made::zstd(second),
        skippable(3, b"toc"),
    ];
    let blob = blob.concat();
    let (walked, seen) = see(&blob);
    assert_eq!(walked.compression, Compression::Zstd);
    assert_eq!(walked.diff_id, Digest::sha256(&tar));
    assert_eq!(seen.paths(), ["a", "b"]);

    let cut = [made::zstd(&tar), skippable(0, b"1234")[..9].to_vec()].concat();
    assert!(matches!(made::see(cut.as_slice()), Err(LayerError::Truncated { .. })));
    let garbage = [made::zstd(&tar), b"garbage".to_vec()].concat();
    assert!(matches!(made::see(garbage.as_slice()), Err(LayerError::Corrupt { .. })));
}

/// What a program makes of the input.
fn piped(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    output.stdout
}

#[test]
fn what_the_real_programs_compress_is_read() {
    let noise: Vec<u8> = (0u32..400_000).flat_map(|n| (n.wrapping_mul(2_654_435_761) >> 16).to_le_bytes()).collect();
    let tar = made::tar_of(&[("noise", &noise), ("zeros", &vec![0; 2_000_000]), ("text", b"plain text\n")]);
    for (program, arguments) in [
        ("gzip", &["-1"][..]),
        ("gzip", &["-9"]),
        ("pigz", &["-6"]),
        ("zstd", &["-1"]),
        ("zstd", &["-19"]),
        ("zstd", &["-3", "--check"]),
        ("zstd", &["--ultra", "-22"]),
        ("zstd", &["-3", "-T2", "--no-check"]),
    ] {
        if outside::has_program(program) {
            let blob = piped(program, arguments, &tar);
            let (walked, seen) = see(&blob);
            assert_eq!(walked.diff_id, Digest::sha256(&tar), "{program} {arguments:?}");
            assert_eq!(seen.0[0].1, noise, "{program} {arguments:?}");
        }
    }
}

#[test]
fn a_wrong_checksum_of_zstd_is_refused() {
    if !outside::has_program("zstd") {
        return;
    }
    let mut blob = piped("zstd", &["-3", "--check"], &sample());
    *blob.last_mut().unwrap() ^= 1;
    assert!(matches!(made::see(blob.as_slice()), Err(LayerError::Corrupt { .. })));
}

#[test]
fn a_zstd_window_that_would_fill_memory_is_refused() {
    // Frame header: no single segment, window descriptor of exponent 31: 2 TiB.
    let blob = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xf8, 0x01, 0x00, 0x00];
    let error = made::see(&blob[..]).unwrap_err();
    assert!(matches!(error, LayerError::Unsupported { .. }), "{error}");
    assert!(error.to_string().contains("window"), "{error}");
}

#[test]
fn compressions_that_images_do_not_have_are_named() {
    for (start, name) in [(&b"\xfd7zXZ\0"[..], "xz"), (b"BZh91AY&SY", "bzip2")] {
        let error = made::see(start).unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
    }
}
