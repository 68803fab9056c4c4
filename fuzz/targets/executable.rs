//! The parts of executables that tell of packages: any bytes as the section that the first byte chooses, in a sound ELF
//! file around them, or as the whole file. None panics, and what is told passes the check of the worker's answers.
#![no_main]

use std::io::Cursor;

use inventory::cataloguers::{ALL, Wanted};
use inventory::worker::answer;
use inventory::worker::protocol::{Carried, Request};
use libfuzzer_sys::fuzz_target;

/// Go's build information alone and with a table of functions, crates, a .NET bundle's header, a native image's bill.
const SECTIONS: [&[&str]; 5] =
    [&[".go.buildinfo"], &[".go.buildinfo", ".gopclntab"], &[".dep-v0"], &[".data"], &[".data", ".dynsym", ".dynstr"]];

const BUILD_INFO: &[u8] = b"\xff Go buildinf:\x08\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x08go1.22.3\0";
const SIGNATURE: &[u8] = b"\x8b\x12\x02\xb9\x6a\x61\x20\x38\x72\x7b\x93\x02\x14\xd7\xa0\x32\
                           \x13\xf5\xb9\xe6\xef\xae\x33\x18\xee\x3b\x2d\xce\x24\xb3\x6a\xae";

/// Where the content of the first section lies, in the file and in memory.
const CONTENT: usize = 64 + 56;

fuzz_target!(|input: (u8, &[u8])| {
    let (choice, bytes) = input;
    let file = match SECTIONS.get(usize::from(choice) % (SECTIONS.len() + 1)) {
        Some([".go.buildinfo", ".gopclntab"]) => elf(&[(".go.buildinfo", BUILD_INFO), (".gopclntab", bytes)]),
        Some([".go.buildinfo"]) => elf(&[(".go.buildinfo", &[b"\xff Go buildinf:", bytes].concat())]),
        // The bundle's header begins right behind the signature.
        Some([".data"]) => elf(&[(".data", &[&(CONTENT as u64 + 40).to_le_bytes(), SIGNATURE, bytes].concat())]),
        Some([".data", ..]) => native_image(bytes),
        Some([name, ..]) => elf(&[(name, bytes)]),
        _ => bytes.to_vec(),
    };
    let reader = ALL.iter().position(|one| one.wanted().contains(&Wanted::Executable)).unwrap() as u8;
    let size = file.len() as u64;
    let request = Request { ticket: 7, readers: vec![reader], path: "x".into(), size, carried: Carried::InPipe };
    let answer = answer(&request, &mut Cursor::new(file));
    let told = &answer.told[0];
    assert!(told.warnings.iter().all(|warning| !warning.starts_with("a bug in Plimsoll")), "{:?}", told.warnings);
    answer.check(7, &[reader]).unwrap();
});

/// A bill behind its length, and the two symbols that say where both are.
fn native_image(bytes: &[u8]) -> Vec<u8> {
    let data = [&(bytes.len() as u64).to_le_bytes(), bytes].concat();
    let symbol = |name: u32, address: u64| {
        [&name.to_le_bytes()[..], &[0x11, 0, 1, 0], &address.to_le_bytes(), &[0; 8]].concat()
    };
    let symbols = [vec![0; 24], symbol(1, CONTENT as u64 + 8), symbol(6, CONTENT as u64)].concat();
    elf(&[(".data", &data), (".dynsym", &symbols), (".dynstr", b"\0sbom\0sbom_length\0")])
}

/// A 64-bit program with these sections in one segment that can be written to, each byte at the address of its offset.
fn elf(sections: &[(&str, &[u8])]) -> Vec<u8> {
    let mut names = b"\0".to_vec();
    let mut content = Vec::new();
    let mut headers = vec![[0u8; 64]];
    let section = |name: usize, kind: u32, offset: usize, size: usize, link: u32| {
        let mut header = [0; 64];
        header[..4].copy_from_slice(&(name as u32).to_le_bytes());
        header[4..8].copy_from_slice(&kind.to_le_bytes());
        header[16..24].copy_from_slice(&(offset as u64).to_le_bytes());
        header[24..32].copy_from_slice(&(offset as u64).to_le_bytes());
        header[32..40].copy_from_slice(&(size as u64).to_le_bytes());
        header[40..44].copy_from_slice(&link.to_le_bytes());
        header[56] = if kind == 11 { 24 } else { 0 };
        header
    };
    for (name, bytes) in sections {
        while (CONTENT + content.len()) % 16 != 0 && *name != ".data" {
            content.push(0);
        }
        let kind = match *name {
            ".dynsym" => 11,
            ".dynstr" => 3,
            _ => 1,
        };
        let link = headers.len() as u32 + 1;
        headers.push(section(names.len(), kind, CONTENT + content.len(), bytes.len(), link));
        names.extend_from_slice(name.as_bytes());
        names.push(0);
        content.extend_from_slice(bytes);
    }
    headers.push(section(0, 3, CONTENT + content.len(), names.len(), 0));
    let table = CONTENT + content.len() + names.len();
    let mut file = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0".to_vec();
    file.extend_from_slice(&0u64.to_le_bytes());
    file.extend_from_slice(&64u64.to_le_bytes());
    file.extend_from_slice(&(table as u64).to_le_bytes());
    file.extend_from_slice(&[0, 0, 0, 0, 64, 0, 56, 0, 1, 0, 64, 0, headers.len() as u8, 0, headers.len() as u8 - 1, 0]);
    file.extend_from_slice(&[1, 0, 0, 0, 6, 0, 0, 0]);
    for number in [0, 0, 0, table as u64, table as u64, 16] {
        file.extend_from_slice(&number.to_le_bytes());
    }
    [file, content, names, headers.concat()].concat()
}
