//! Certificates in PEM (RFC 7468).

use pkcs8::der::Document;

use crate::KeyError;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Most certificates that are read from one text.
const MOST: usize = 1000;

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
