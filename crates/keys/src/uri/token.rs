//! A key in a PKCS#11 token: RFC 7512.
//!
//! Left out on purpose: `pin-value`, since a command line can be read by every process, and commands in `pin-source`.

use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Which token and which key in it; what is not named may be anything, as long as one key alone fits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TokenUri {
    /// The token's label.
    pub token: Option<String>,
    /// The token's maker.
    pub manufacturer: Option<String>,
    /// The token's serial number.
    pub serial: Option<String>,
    /// The token's model.
    pub model: Option<String>,
    /// The slot's number. It may be another one tomorrow.
    pub slot_id: Option<u64>,
    /// The slot's description.
    pub slot_description: Option<String>,
    /// The slot's maker.
    pub slot_manufacturer: Option<String>,
    /// The module's maker.
    pub library_manufacturer: Option<String>,
    /// The module's description.
    pub library_description: Option<String>,
    /// The module's version.
    pub library_version: Option<(u8, u8)>,
    /// The key's label (`CKA_LABEL`).
    pub object: Option<String>,
    /// The key's identifier (`CKA_ID`).
    pub id: Option<Vec<u8>>,
    /// The file of the module.
    pub module_path: Option<PathBuf>,
    /// The module by name: `softhsm2`, `ykcs11`.
    pub module_name: Option<String>,
    /// A file whose first line is the PIN.
    pub pin_source: Option<PathBuf>,
}

impl FromStr for TokenUri {
    type Err = String;

    /// Reads what stands after `pkcs11:`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (path, query) = text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)));
        let mut uri = Self::default();
        for attribute in path.split(';').filter(|_| !path.is_empty()) {
            uri.read_path(attribute)?;
        }
        for attribute in query.unwrap_or_default().split('&').filter(|part| !part.is_empty()) {
            uri.read_query(attribute)?;
        }
        Ok(uri)
    }
}

impl TokenUri {
    fn read_path(&mut self, attribute: &str) -> Result<(), String> {
        let (name, value) = split(attribute, "-_!$'()*+,=:[]@&./~")?;
        match name {
            "token" => once(&mut self.token, text(value, name)?, name),
            "manufacturer" => once(&mut self.manufacturer, text(value, name)?, name),
            "serial" => once(&mut self.serial, text(value, name)?, name),
            "model" => once(&mut self.model, text(value, name)?, name),
            "slot-description" => once(&mut self.slot_description, text(value, name)?, name),
            "slot-manufacturer" => once(&mut self.slot_manufacturer, text(value, name)?, name),
            "library-manufacturer" => once(&mut self.library_manufacturer, text(value, name)?, name),
            "library-description" => once(&mut self.library_description, text(value, name)?, name),
            "library-version" => once(&mut self.library_version, version(value)?, name),
            "slot-id" => once(&mut self.slot_id, number(value)?, name),
            "object" => once(&mut self.object, text(value, name)?, name),
            "id" => once(&mut self.id, bytes(value)?, name),
            "type" if value == "private" => Ok(()),
            "type" => Err(format!("type={value} names no private key; leave it out, or write type=private")),
            // Section 2.3: what is not known fits nothing.
            other => Err(format!(
                "the attribute {other:?} is unknown; a key in a token has token, manufacturer, serial, model, slot-id, \
                 object and id"
            )),
        }
    }

    fn read_query(&mut self, attribute: &str) -> Result<(), String> {
        let name = attribute.split('=').next().unwrap_or_default();
        if name == "pin-value" {
            return Err(
                "a PIN on a command line can be read by every process of the machine; give it with --pin-fd N, \
                        or as pin-source=file:/PATH"
                    .into(),
            );
        }
        let (name, value) = split(attribute, "-_!$'()*+,=:[]@;/?|.~")?;
        match name {
            "module-path" => once(&mut self.module_path, absolute(text(value, name)?, name)?, name),
            "module-name" => once(&mut self.module_name, module(text(value, name)?)?, name),
            "pin-source" => once(&mut self.pin_source, source(&text(value, name)?)?, name),
            // Section 2.3: what is not known is passed over.
            _ => Ok(()),
        }
    }
}

/// Name and value; the value with none but the letters that section 2.3 lets stand as they are.
fn split<'a>(attribute: &'a str, allowed: &str) -> Result<(&'a str, &'a str), String> {
    let (name, value) = attribute.split_once('=').ok_or_else(|| {
        format!("{attribute:?} is no attribute; write name=value, with ; between attributes, as in pkcs11:token=NAME;object=NAME")
    })?;
    let odd =
        value.chars().find(|&letter| !letter.is_ascii_alphanumeric() && letter != '%' && !allowed.contains(letter));
    match odd {
        Some(letter) => {
            let mut written = String::new();
            encode(&mut written, letter.to_string().as_bytes());
            Err(format!("in the value of {name}, {letter:?} is written {written}"))
        }
        None => Ok((name, value)),
    }
}

fn once<T>(place: &mut Option<T>, value: T, name: &str) -> Result<(), String> {
    if place.replace(value).is_some() { Err(format!("{name} stands there twice")) } else { Ok(()) }
}

fn bytes(value: &str) -> Result<Vec<u8>, String> {
    let mut decoded = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, others @ ..] = rest {
        if *first != b'%' {
            decoded.push(*first);
            rest = others;
            continue;
        }
        let pair = others.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        let pair = pair.filter(|pair| pair.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let byte = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok());
        decoded.push(byte.ok_or_else(|| format!("in {value:?} a % is not followed by two hexadecimal digits"))?);
        rest = &others[2..];
    }
    Ok(decoded)
}

fn text(value: &str, name: &str) -> Result<String, String> {
    let text = String::from_utf8(bytes(value)?).map_err(|_| format!("the value of {name} is no UTF-8"))?;
    if text.contains('\0') { Err(format!("the value of {name} has a zero byte")) } else { Ok(text) }
}

fn number(value: &str) -> Result<u64, String> {
    let digits = value.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| value.parse().ok()).flatten().ok_or_else(|| format!("slot-id={value} is no number"))
}

fn version(value: &str) -> Result<(u8, u8), String> {
    let (major, minor) = value.split_once('.').unwrap_or((value, "0"));
    let part = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    part(major).zip(part(minor)).ok_or_else(|| format!("library-version={value} is no version"))
}

fn absolute(path: String, name: &str) -> Result<PathBuf, String> {
    if Path::new(&path).is_absolute() {
        return Ok(path.into());
    }
    Err(format!("{name}={path} is no absolute path; a bare name would be looked for wherever the linker looks"))
}

fn module(name: String) -> Result<String, String> {
    if name.is_empty() || name.contains('/') {
        return Err(format!("module-name={name} is no name; a path is written module-path=/PATH"));
    }
    Ok(name)
}

/// A file, plain or as `file:` (section 2.4). What runs a command is refused: a name must not do anything.
fn source(text: &str) -> Result<PathBuf, String> {
    if text.starts_with('|') {
        return Err("pin-source runs no command; name a file: pin-source=file:/PATH".into());
    }
    let path = match text.strip_prefix("file:") {
        Some(rest) => rest.strip_prefix("//").map_or(rest, |rest| rest.strip_prefix("localhost").unwrap_or(rest)),
        None => text,
    };
    absolute(path.to_owned(), "pin-source")
}

/// Percent-encodes all but the unreserved (RFC 3986 section 2.3).
fn encode(into: &mut String, bytes: &[u8]) {
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            into.push(char::from(*byte));
        } else {
            let _ = write!(into, "%{byte:02X}");
        }
    }
}

impl fmt::Display for TokenUri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut path, mut query) = (String::new(), String::new());
        let write = |into: &mut String, name: &str, value: &[u8]| {
            if !into.is_empty() {
                into.push(if name.starts_with("module-") || name == "pin-source" { '&' } else { ';' });
            }
            let _ = write!(into, "{name}=");
            encode(into, value);
        };
        let slot_id = self.slot_id.map(|id| id.to_string());
        let version = self.library_version.map(|(major, minor)| format!("{major}.{minor}"));
        let attributes = [
            ("token", &self.token),
            ("manufacturer", &self.manufacturer),
            ("serial", &self.serial),
            ("model", &self.model),
            ("slot-id", &slot_id),
            ("slot-description", &self.slot_description),
            ("slot-manufacturer", &self.slot_manufacturer),
            ("library-manufacturer", &self.library_manufacturer),
            ("library-description", &self.library_description),
            ("library-version", &version),
            ("object", &self.object),
        ];
        for (name, value) in attributes {
            if let Some(value) = value {
                write(&mut path, name, value.as_bytes());
            }
        }
        if let Some(id) = &self.id {
            // Section 2.3 asks for identifiers to be encoded whole.
            let _ = write!(path, "{}id=", if path.is_empty() { "" } else { ";" });
            id.iter().try_for_each(|byte| write!(path, "%{byte:02X}"))?;
        }
        let module_path = self.module_path.as_ref().map(|path| path.display().to_string());
        let pin_source = self.pin_source.as_ref().map(|path| format!("file://{}", path.display()));
        for (name, value) in
            [("module-path", &module_path), ("module-name", &self.module_name), ("pin-source", &pin_source)]
        {
            if let Some(value) = value {
                write(&mut query, name, value.as_bytes());
            }
        }
        write!(formatter, "pkcs11:{path}{}{query}", if query.is_empty() { "" } else { "?" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> TokenUri {
        text.parse().expect(text)
    }

    #[test]
    fn the_examples_of_the_specification_are_read() {
        // RFC 7512 section 3.
        assert_eq!(read(""), TokenUri::default());
        assert_eq!(read("object=my-pubkey;type=private").object.as_deref(), Some("my-pubkey"));
        let whole = read(
            "token=The%20Software%20PKCS%2311%20Softtoken;manufacturer=Snake%20Oil,%20Inc.;model=1.0;\
             object=my-certificate;id=%69%95%3E%5C%F4%BD%EC%91;serial=?pin-source=file:/etc/token_pin",
        );
        assert_eq!(whole.token.as_deref(), Some("The Software PKCS#11 Softtoken"));
        assert_eq!(whole.manufacturer.as_deref(), Some("Snake Oil, Inc."));
        assert_eq!(whole.id.as_deref(), Some(&b"\x69\x95\x3e\x5c\xf4\xbd\xec\x91"[..]));
        assert_eq!(whole.serial.as_deref(), Some(""));
        assert_eq!(whole.pin_source.as_deref(), Some(Path::new("/etc/token_pin")));
        let library = read(
            "library-manufacturer=Snake%20Oil,%20Inc.;library-description=Soft%20Token%20Library;library-version=1.23",
        );
        assert_eq!(library.library_version, Some((1, 23)));
        assert_eq!(read("slot-description=Sun%20Metaslot").slot_description.as_deref(), Some("Sun Metaslot"));
        assert_eq!(read("token=a?module-name=mypkcs11&x-later=1").module_name.as_deref(), Some("mypkcs11"));
        assert_eq!(
            read("object=a?module-path=/mnt/libmypkcs11.so.1").module_path,
            Some("/mnt/libmypkcs11.so.1".into())
        );
        assert_eq!(read("token=%C3%A9?").token.as_deref(), Some("é"));
    }

    #[test]
    fn what_a_uri_may_not_say_is_refused_with_what_to_say_instead() {
        let cases = [
            ("token=a?pin-value=1234", "--pin-fd"),
            ("token=a?pin-source=%7Ccat%20/etc/pin", "no command"),
            ("token=a?pin-source=pin.txt", "absolute"),
            ("token=a?module-path=softhsm.so", "absolute"),
            ("token=a?module-name=../x", "module-path"),
            ("object=a;type=cert", "no private key"),
            ("token=a;token=b", "twice"),
            ("token=a;;object=b", "no attribute"),
            ("token=a b", "is written %20"),
            ("token=é", "is written %C3%A9"),
            ("token=%4", "hexadecimal"),
            ("token=%+1", "hexadecimal"),
            ("token=%ff", "UTF-8"),
            ("token=%00", "zero byte"),
            ("slot-id=x", "no number"),
            ("slot-id=+1", "no number"),
            ("library-version=1.256", "no version"),
            ("x-vendor=1", "unknown"),
            ("Token=1", "unknown"),
        ];
        for (text, says) in cases {
            let error = text.parse::<TokenUri>().expect_err(text);
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
