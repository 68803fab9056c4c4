//! A file of any bytes for each cataloguer: none panics, and what it tells passes the check that the worker's answers
//! are held against. The first byte chooses among the places that cataloguers want, so that a new one is tried too.
#![no_main]

use std::io::Cursor;

use inventory::cataloguers::{ALL, Wanted};
use inventory::worker::answer;
use inventory::worker::protocol::{Carried, Request};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let (choice, bytes) = input;
    let places = (0u8..).zip(ALL).flat_map(|(reader, cataloguer)| cataloguer.wanted().iter().map(move |w| (reader, w)));
    let places: Vec<_> = places.collect();
    let (reader, wanted) = places[usize::from(choice) % places.len()];
    let path = match wanted {
        Wanted::At(path) => (*path).to_owned(),
        Wanted::In(folder) => format!("{folder}/x"),
        Wanted::Anywhere(pattern) => pattern.replace("**", "a").replace('*', "b"),
        Wanted::Executable => "usr/bin/x".to_owned(),
    };
    assert!(wanted.reads(&path) || *wanted == Wanted::Executable);
    let request = Request { ticket: 7, readers: vec![reader], path, size: bytes.len() as u64, carried: Carried::InPipe };
    let answer = answer(&request, &mut Cursor::new(bytes));
    let told = &answer.told[0];
    assert!(told.warnings.iter().all(|warning| !warning.starts_with("a bug in Plimsoll")), "{:?}", told.warnings);
    answer.check(7, &[reader]).unwrap();
});
