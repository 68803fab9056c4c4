//! The privileged side of Plimsoll.

fn main() {}
