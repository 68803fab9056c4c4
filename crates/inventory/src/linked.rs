//! What is linked into an executable, as far as its own tables tell: which advisories about single functions can concern
//! it.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};

use crate::package::word;

/// What of a module's code is linked into an executable, for advisories that name the functions at fault.
///
/// Each module that the executable was built of has one, also where nothing of it is left, if and only if all
/// functions could be read, those that exist only inlined into others too. So a package or a function that is not
/// here is not in the executable, neither called nor inlined; one that is here may still never be called. Where an
/// executable's modules have none of these, nothing is known, and every advisory counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Linked {
    /// The module's name, as its package's.
    pub module: String,
    /// The system that the executable was built for (`GOOS`), where its build information tells.
    pub system: Option<String>,
    /// The architecture that it was built for (`GOARCH`).
    pub architecture: Option<String>,
    /// Its packages that are there, sorted by path.
    pub packages: Vec<LinkedPackage>,
}

/// A package (in the language's sense) that is linked into an executable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkedPackage {
    /// Its import path (`golang.org/x/net/http2`).
    pub path: String,
    /// [`symbol_hash`] of each of its functions' names (`Server.ServeConn`; a closure is named as the function that it
    /// is in), sorted. Two names of one hash make a function seem to be there, never to be absent.
    #[serde(with = "symbols")]
    pub symbols: Vec<u32>,
}

/// The hash under which a linked function's name is kept: the first 21 bits of its SHA-256. A package of a thousand
/// functions then seems to have one that it has not in one of two thousand cases, and each takes two bytes.
pub fn symbol_hash(name: &str) -> u32 {
    (crate::record::path_hash(name) >> (u64::BITS - HASH_BITS)) as u32
}

impl Linked {
    /// What the executable was built for, as bills of materials have it: `linux/amd64`, with nothing in the place of
    /// what is not known; none where nothing is.
    pub fn built_for(&self) -> Option<String> {
        let part = |part: &Option<String>| part.clone().unwrap_or_default();
        let is_known = self.system.is_some() || self.architecture.is_some();
        is_known.then(|| format!("{}/{}", part(&self.system), part(&self.architecture)))
    }

    /// What is written so: system and architecture.
    pub fn parse_built_for(text: &str) -> (Option<String>, Option<String>) {
        let part = |part: &str| Some(part.to_owned()).filter(|part| !part.is_empty());
        let (system, architecture) = text.split_once('/').unwrap_or((text, ""));
        (part(system), part(architecture))
    }
}

/// The bits of a [`symbol_hash`].
const HASH_BITS: u32 = 21;

impl Linked {
    /// Most packages that one module has of one executable.
    pub const PACKAGES: usize = 20_000;
    /// Most functions of one of them.
    pub const SYMBOLS: usize = 200_000;

    /// Why this cannot be, where it cannot.
    pub fn check(&self) -> Result<(), &'static str> {
        word(&self.module, "it has no module", "its module is too long", "its module has control characters")?;
        for field in self.system.iter().chain(&self.architecture) {
            word(field, "a field is empty", "a field is too long", "a field has control characters")?;
        }
        if self.packages.len() > Self::PACKAGES {
            return Err("it has more packages than a module can");
        }
        for package in &self.packages {
            word(&package.path, "it has no path", "its path is too long", "its path has control characters")?;
            if package.symbols.len() > Self::SYMBOLS {
                return Err("it has more functions than a package can");
            }
        }
        Ok(())
    }
}

/// As bills of materials have it: the path, a space, and four characters of base64 (RFC 4648, section 5) for each
/// function's hash; `-` for a package of whose functions nothing is known.
impl fmt::Display for LinkedPackage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.symbols.is_empty() {
            return write!(formatter, "{} -", self.path);
        }
        let hashes: Vec<u8> = self.symbols.iter().flat_map(|hash| hash.to_be_bytes()[1..].to_vec()).collect();
        write!(formatter, "{} {}", self.path, BASE64.encode(hashes))
    }
}

/// A text is not what [`LinkedPackage`] is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no import path with hashes of functions")]
pub struct LinkedPackageError;

impl FromStr for LinkedPackage {
    type Err = LinkedPackageError;

    fn from_str(text: &str) -> Result<Self, LinkedPackageError> {
        let (path, hashes) = text.rsplit_once(' ').ok_or(LinkedPackageError)?;
        let bytes = if hashes == "-" { Vec::new() } else { BASE64.decode(hashes).map_err(|_| LinkedPackageError)? };
        let (hashes, rest) = bytes.as_chunks::<3>();
        let symbols: Vec<u32> =
            hashes.iter().map(|[high, middle, low]| u32::from_be_bytes([0, *high, *middle, *low])).collect();
        let is_sorted = symbols.windows(2).all(|pair| pair[0] < pair[1]);
        let is_hash = symbols.last().is_none_or(|last| *last < 1 << HASH_BITS);
        // A list out of order would hide functions from whoever searches it.
        if path.is_empty() || !rest.is_empty() || !is_sorted || !is_hash {
            return Err(LinkedPackageError);
        }
        Ok(Self { path: path.to_owned(), symbols })
    }
}

/// Sorted hashes as the steps between them.
mod symbols {
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::{Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(symbols: &[u32], serializer: S) -> Result<S::Ok, S::Error> {
        let mut before = 0;
        let steps = symbols.iter().map(|symbol| symbol.wrapping_sub(std::mem::replace(&mut before, *symbol)));
        steps.collect::<Vec<u32>>().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u32>, D::Error> {
        let mut symbols = Vec::<u32>::deserialize(deserializer)?;
        let mut sum = 0_u32;
        for symbol in &mut symbols {
            sum = sum.checked_add(*symbol).ok_or_else(|| D::Error::custom("hashes of functions are not sorted"))?;
            *symbol = sum;
        }
        Ok(symbols)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_survives_being_written() {
        for symbols in [vec![], vec![0], vec![1, 2, 77_000, (1 << HASH_BITS) - 1]] {
            let package = LinkedPackage { path: "golang.org/x/net/http2".into(), symbols };
            assert_eq!(package.to_string().parse(), Ok(package));
        }
    }

    #[test]
    fn what_would_hide_functions_is_refused() {
        let hash = |hashes: &[[u8; 3]]| format!("net/http {}", BASE64.encode(hashes.concat()));
        assert!(hash(&[[0, 0, 1], [0, 0, 2]]).parse::<LinkedPackage>().is_ok());
        let bad = [
            hash(&[[0, 0, 2], [0, 0, 1]]),
            hash(&[[0, 0, 2], [0, 0, 2]]),
            hash(&[[0x20, 0, 0]]),
            "net/http".into(),
            "net/http AAAAA".into(),
            "net/http AA".into(),
            "net/http ====".into(),
            " -".into(),
        ];
        for text in bad {
            assert_eq!(text.parse::<LinkedPackage>(), Err(LinkedPackageError), "{text}");
        }
    }
}
