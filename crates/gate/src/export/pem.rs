//! Keys and certificates as others read them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// `-----BEGIN CERTIFICATE-----` (RFC 7468).
pub(super) fn certificate(der: &[u8]) -> String {
    let body = BASE64_STANDARD.encode(der);
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}
