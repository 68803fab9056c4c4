//! What a layer costs in memory does not grow with its bytes.

use std::io::{self, Write};
use std::process::{Command, Stdio};

use crate::support::catalogue_program;

/// KiB of anonymous memory that a scan may take, with its workers.
const MOST: u64 = 48 << 10;

fn member(output: &mut impl Write, path: &str, size: u64, content: &[u8]) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_path(path)?;
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    output.write_all(header.as_bytes())?;
    let padded = size.next_multiple_of(512);
    let mut left = padded;
    while left > 0 {
        let part = content.len().min(usize::try_from(left).unwrap());
        output.write_all(&content[..part])?;
        left -= part as u64;
    }
    Ok(())
}

/// A war with a library that is deflated in it and larger than a worker may hold.
fn war() -> Vec<u8> {
    let mut noise = 1u32;
    let mut random = || {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (noise >> 24) as u8
    };
    let large: Vec<u8> = (0..40 << 20).map(|_| random()).collect();
    let properties = b"groupId=g\nartifactId=a\nversion=1\n";
    let zipped = |files: &[(&str, &[u8])], method| {
        let mut writer = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
        for (name, content) in files {
            writer.start_file(*name, zip::write::SimpleFileOptions::default().compression_method(method)).unwrap();
            writer.write_all(content).unwrap();
        }
        writer.finish().unwrap().into_inner()
    };
    let files: [(&str, &[u8]); 2] = [("large", &large), ("META-INF/maven/g/a/pom.properties", properties)];
    let jar = zipped(&files, zip::CompressionMethod::Stored);
    zipped(&[("WEB-INF/lib/a.jar", &jar)], zip::CompressionMethod::Deflated)
}

/// A layer of some 300 MB: a large file, a package database and a library larger than any worker may hold, many files, many packages.
fn layer(output: &mut impl Write) -> io::Result<()> {
    let paragraph = b"Package: removed\nStatus: deinstall ok config-files\nVersion: 1\nDescription: x\n\n";
    let paragraphs = paragraph.repeat(8000);
    member(output, "usr/lib/large.so", 150 << 20, &vec![7; 1 << 20])?;
    member(output, "var/lib/dpkg/status", 30 << 20, &paragraphs)?;
    // Executables: some that end in memory, some that go through the file, with and without a mark.
    for (index, size) in [5 << 20, 60 << 20, 7 << 20, 40 << 20].into_iter().enumerate() {
        for mark in [&b"nothing"[..], b"\xff Go buildinf:"] {
            let mut block = vec![7; 1 << 20];
            block[..64].copy_from_slice(&[b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0", &[0; 46][..]].concat());
            block[512..512 + mark.len()].copy_from_slice(mark);
            member(output, &format!("usr/bin/{index}{}", mark.len()), size, &block)?;
        }
    }
    for index in 0..100_000 {
        member(output, &format!("usr/share/doc/{:03}/{index}", index / 100), 100, &[b'x'; 512])?;
    }
    for index in 0..5000 {
        let manifest = format!(r#"{{"name": "p{index}", "version": "1.0.0", "license": "MIT"}}"#);
        let padded = [manifest.as_bytes(), &vec![b' '; 600]].concat();
        member(output, &format!("app/node_modules/p{index}/package.json"), 600, &padded)?;
    }
    let war = war();
    member(output, "srv/a.war", war.len() as u64, &war)?;
    output.write_all(&[0; 1024])
}

#[test]
fn memory_is_bounded_whatever_the_layers_size() {
    let mut scan = Command::new(catalogue_program());
    let mut scan = scan.arg("-").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = io::BufWriter::with_capacity(1 << 20, scan.stdin.take().unwrap());
    let feeder = std::thread::spawn(move || layer(&mut input));
    let output = scan.wait_with_output().unwrap();
    feeder.join().unwrap().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let figures = said.lines().last().unwrap();
    println!("{figures}");
    assert!(figures.starts_with("5001 packages"), "{figures}");
    let peak: u64 = figures.rsplit(' ').nth(1).unwrap().parse().unwrap();
    assert!(peak < MOST, "{figures}");
    assert!(peak > 1000, "nothing was measured: {figures}");
}
