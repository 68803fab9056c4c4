//! A file of any bytes for the cataloguer of rpm.

use std::io::Cursor;

use inventory::cataloguers::ALL;
use inventory::worker::answer;
use inventory::worker::protocol::{Carried, Request};

/// Reads the bytes as the worker does, beginning with what its form begins with: nothing panics, and what is told
/// passes the check that the worker's answers are held against.
pub fn read(begin: &[(usize, &[u8])], bytes: &[u8]) {
    let mut bytes = bytes.to_vec();
    for (at, mark) in begin {
        if let Some(place) = bytes.get_mut(*at..at + mark.len()) {
            place.copy_from_slice(mark);
        }
    }
    let readers = (0u8..).zip(ALL).find(|(_, cataloguer)| cataloguer.id() == "rpm").map(|(reader, _)| vec![reader]);
    let readers = readers.expect("there is a cataloguer of rpm");
    let request = Request {
        ticket: 7,
        readers: readers.clone(),
        path: "var/lib/rpm/Packages".into(),
        size: bytes.len() as u64,
        carried: Carried::InPipe,
    };
    let answer = answer(&request, &mut Cursor::new(&bytes));
    let warnings = &answer.told[0].warnings;
    assert!(warnings.iter().all(|warning| !warning.starts_with("a bug in Plimsoll")), "{warnings:?}");
    answer.check(7, &readers).unwrap();
}
