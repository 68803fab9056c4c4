//! Replies and tokens of timestamping authorities: read or refused, and never believed without one that is trusted.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trust::notation::timestamping::{Query, Token};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(token) = Token::check(bytes, b"signature") {
        assert!(token.trusted(&[]).is_err());
    }
    let query = Query::new(b"signature").unwrap();
    // A reply would have to answer a question that was never asked before.
    assert!(query.token(bytes, b"signature").is_err());
});
