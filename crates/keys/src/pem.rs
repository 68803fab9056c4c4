//! Certificates in PEM (RFC 7468).

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use pkcs8::der::Document;

use crate::KeyError;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Most certificates that are read from one text.
const MOST: usize = 1000;

/// Certificates (DER) as PEM, in their order.
pub fn of_certificates<'a>(certificates: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut text = String::new();
    for certificate in certificates {
        let body = BASE64_STANDARD.encode(certificate);
        text.push_str(BEGIN);
        text.push('\n');
        for line in body.as_bytes().chunks(64) {
            text.extend(line.iter().copied().map(char::from));
            text.push('\n');
        }
        text.push_str(END);
        text.push('\n');
    }
    text
}

/// The certificates in a text, as DER, in their order; what stands between them is passed over. An error where there
/// is none.
pub fn certificates(text: &str) -> Result<Vec<Vec<u8>>, KeyError> {
    let malformed = |reason: String| KeyError::Malformed { name: "the text".into(), wanted: "PEM certificate", reason };
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(BEGIN) {
        let from = &rest[start..];
        let end = from.find(END).ok_or_else(|| malformed("a certificate begins and does not end".into()))? + END.len();
        let (_, document) = Document::from_pem(&from[..end]).map_err(|error| malformed(error.to_string()))?;
        found.push(document.into_vec());
        if found.len() > MOST {
            return Err(malformed(format!("it has more than {MOST} certificates")));
        }
        rest = &from[end..];
    }
    if found.is_empty() {
        return Err(malformed(format!("it has no line {BEGIN}")));
    }
    Ok(found)
}
