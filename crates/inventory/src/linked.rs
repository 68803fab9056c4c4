//! What of a language's packages is linked into executables, and how a bill of materials writes it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
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
    /// What the executable was built for, where it says so.
    pub built_for: Option<BuiltFor>,
    /// Its packages that are there, sorted by path.
    pub packages: Vec<LinkedPackage>,
}

/// A system and an architecture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuiltFor {
    /// The system as Go calls it (`linux`, `windows`; `GOOS`).
    pub os: String,
    /// The architecture as Go calls it (`amd64`, `arm`; `GOARCH`).
    pub architecture: String,
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
    (crate::record::path_hash(name) >> 43) as u32
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

impl Linked {
    /// Most packages that one module has of one executable.
    pub const PACKAGES: usize = 20_000;
    /// Most functions of one of them.
    pub const SYMBOLS: usize = 200_000;

    /// Why this cannot be, where it cannot.
    pub fn check(&self) -> Result<(), &'static str> {
        word(&self.module, "it has no module", "its module is too long", "its module has control characters")?;
        for part in self.built_for.iter().flat_map(|built| [&built.os, &built.architecture]) {
            word(part, "a field is empty", "a field is too long", "a field has control characters")?;
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

/// What stands in a text for functions that are not known.
const UNKNOWN: &str = "-";

impl LinkedPackage {
    /// As a bill of materials has it: the import path, a space, and the hashes in base64 (RFC 4648, without padding): the
    /// steps between them as numbers of seven bits a byte, the lowest first, the eighth bit set in all but the last.
    pub fn to_text(&self) -> String {
        if self.symbols.is_empty() {
            return format!("{} {UNKNOWN}", self.path);
        }
        let mut bytes = Vec::with_capacity(2 * self.symbols.len());
        let mut before = 0;
        for symbol in &self.symbols {
            let mut step = symbol.wrapping_sub(std::mem::replace(&mut before, *symbol));
            while step > 0x7f {
                bytes.push((step & 0x7f) as u8 | 0x80);
                step >>= 7;
            }
            bytes.push(step as u8);
        }
        format!("{} {}", self.path, STANDARD_NO_PAD.encode(bytes))
    }

    /// Reads what [`LinkedPackage::to_text`] wrote; nothing where it is anything else.
    pub fn from_text(text: &str) -> Option<Self> {
        let (path, hashes) = text.rsplit_once(' ')?;
        let mut symbols = Vec::new();
        if hashes != UNKNOWN {
            let (mut step, mut shift, mut sum) = (0u32, 0, 0u32);
            for byte in STANDARD_NO_PAD.decode(hashes).ok()? {
                // A hash has 21 bits, and so has a step between two.
                if shift > 14 {
                    return None;
                }
                step |= u32::from(byte & 0x7f) << shift;
                shift += 7;
                if byte & 0x80 == 0 {
                    sum += step;
                    if sum >> HASH_BITS != 0 {
                        return None;
                    }
                    symbols.push(sum);
                    (step, shift) = (0, 0);
                }
            }
            if shift != 0 || symbols.is_empty() {
                return None;
            }
        }
        (!path.is_empty()).then(|| Self { path: path.to_owned(), symbols })
    }
}

/// What is linked of a module, as a bill of materials has it beside the module's package.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkedText {
    /// As [`BuiltFor::os`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os: Option<String>,
    /// As [`BuiltFor::architecture`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
    /// Each package that is there as [`LinkedPackage::to_text`] writes it.
    pub packages: Vec<String>,
}

impl LinkedText {
    /// Bytes that the functions of all modules of a bill may take; docker's client, of 31,000 functions, takes 93 kB.
    pub const ROOM: usize = 16 << 20;
    /// Bytes that those of one module may take, so that no entry is longer than a reader takes.
    const ROOM_OF_MODULE: usize = 2 << 20;

    /// What is linked, in the room that is left. A package for whose functions there is none has none: every record about
    /// it counts then.
    pub fn of(linked: &Linked, room: &mut usize) -> Self {
        let built_for = linked.built_for.as_ref();
        let mut of_module = Self::ROOM_OF_MODULE.min(*room);
        let mut packages = Vec::with_capacity(linked.packages.len());
        for package in &linked.packages {
            let text = package.to_text();
            let size = text.len() - package.path.len();
            packages.push(if size <= of_module {
                of_module -= size;
                *room -= size;
                text
            } else {
                format!("{} {UNKNOWN}", package.path)
            });
        }
        Self {
            os: built_for.map(|built| built.os.clone()),
            architecture: built_for.map(|built| built.architecture.clone()),
            packages,
        }
    }

    /// Its length in bytes, about.
    pub(crate) fn size(&self) -> usize {
        self.packages.iter().map(|text| text.len() + size_of::<String>()).sum()
    }

    /// What it says; nothing where one of its packages cannot be read, since one that is missing would seem not to be
    /// linked.
    pub fn read(&self, module: &str) -> Option<Linked> {
        let packages = self.packages.iter().map(|text| LinkedPackage::from_text(text)).collect::<Option<Vec<_>>>()?;
        let built_for = self.os.clone().zip(self.architecture.clone());
        let built_for = built_for.map(|(os, architecture)| BuiltFor { os, architecture });
        let linked = Linked { module: module.to_owned(), built_for, packages };
        linked.check().is_ok().then_some(linked)
    }
}

/// Bits of a function's hash.
const HASH_BITS: u32 = 21;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn package(path: &str, mut symbols: Vec<u32>) -> LinkedPackage {
        symbols.sort_unstable();
        symbols.dedup();
        LinkedPackage { path: path.into(), symbols }
    }

    proptest! {
        #[test]
        fn a_package_is_read_as_it_was_written(path in "[a-z./ ]{1,20}", symbols in prop::collection::vec(0..1u32 << HASH_BITS, 0..50)) {
            let package = package(&path, symbols);
            prop_assert_eq!(LinkedPackage::from_text(&package.to_text()), Some(package));
        }

        #[test]
        fn any_text_is_a_sorted_list_or_nothing(text in ".{0,4}[A-Za-z0-9+/ ]{0,20}") {
            if let Some(package) = LinkedPackage::from_text(&text) {
                prop_assert!(package.symbols.is_sorted());
                prop_assert!(package.symbols.iter().all(|symbol| symbol >> HASH_BITS == 0));
            }
        }
    }

    #[test]
    fn where_there_is_no_room_functions_are_unknown_and_no_package_is_missing() {
        let packages = vec![package("a", (0..1000).collect()), package("b", vec![1])];
        let linked = Linked { module: "m".into(), built_for: None, packages };
        let mut room = 100;
        let text = LinkedText::of(&linked, &mut room);
        assert_eq!(text.packages, ["a -", "b AQ"]);
        assert_eq!(room, 97);
        let read = text.read("m").unwrap();
        assert_eq!(read.packages.len(), 2);
        assert!(read.packages[0].symbols.is_empty());
        let cut = LinkedText { packages: vec!["a -".into(), "b ?".into()], ..text };
        assert_eq!(cut.read("m"), None);
    }

    #[test]
    fn a_text_that_is_cut_or_absurd_is_nothing() {
        assert_eq!(package("net/http", vec![symbol_hash("Get")]).to_text(), "net/http uO4v");
        assert_eq!(LinkedPackage::from_text("a/b -"), Some(package("a/b", vec![])));
        for text in ["", "a", "a ", " -", "a ?", "a gA", "a ////", "a /////w", "a //9//38", "-"] {
            assert_eq!(LinkedPackage::from_text(text), None, "{text}");
        }
    }
}
