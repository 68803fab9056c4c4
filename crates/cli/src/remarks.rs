//! Remarks on standard error, as [`std::eprintln!`] makes them; but where nobody reads them any more (a closed pipe, a
//! terminal that has gone, a full disk) the program goes on, and does not end by a panic in the middle of its work.

/// Says a line.
macro_rules! eprintln {
    ($($word:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($word)*);
    }};
}

/// Says a part of a line.
macro_rules! eprint {
    ($($word:tt)*) => {{
        use std::io::Write as _;
        let _ = write!(std::io::stderr(), $($word)*);
    }};
}
