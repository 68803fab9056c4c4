//! A zip archive of any bytes, as the readers of Java archives and of Python's eggs get it: none panics, and what it
//! tells passes the check that the worker's answers are held against. Checksums of entries are not compared, so that
//! manifests, properties and projects inside are tried as well.
#![no_main]

use std::io::Cursor;

use inventory::cataloguers::readers_of;
use inventory::worker::answer;
use inventory::worker::protocol::{Carried, Request};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let (choice, bytes) = input;
    let paths = ["lib/commons-io-2.6.jar", "lib/x.jar", "srv/app.war", "x/thing-1.0-py3.11.egg", "x/y.rar"];
    let path = paths[usize::from(choice) % paths.len()];
    let readers: Vec<u8> = readers_of(path).collect();
    assert!(!readers.is_empty());
    let size = bytes.len() as u64;
    let request = Request { ticket: 7, readers: readers.clone(), path: path.into(), size, carried: Carried::InPipe };
    let answer = answer(&request, &mut Cursor::new(bytes));
    let warnings = answer.told.iter().flat_map(|told| &told.warnings);
    assert!(warnings.clone().all(|warning| !warning.starts_with("a bug in Plimsoll")), "{answer:?}");
    answer.check(7, &readers).unwrap();
});
