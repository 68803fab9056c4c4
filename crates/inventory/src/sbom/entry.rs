//! One entry of a list, in whatever format: what it says of a package beyond its package URL.

use image::Digest;
use serde_json::Value;

use crate::LinkedText;
use crate::package::{Owner, SourcePackage};

/// What an entry says.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    /// Its package URL.
    pub(super) purl: Option<String>,
    /// The name that stands beside it, group included.
    pub(super) name: String,
    /// The version that stands beside it.
    pub(super) version: Option<String>,
    /// Licences as they are written.
    pub(super) licences: Vec<String>,
    /// The file that told of it.
    pub(super) path: Option<String>,
    /// The layer's uncompressed digest.
    pub(super) layer: Option<Digest>,
    /// The layer's number, as Plimsoll writes it.
    pub(super) layer_number: Option<usize>,
    /// The source package, where the entry says so outside the package URL.
    pub(super) source: Option<SourcePackage>,
    /// As [`crate::Package::vendor`].
    pub(super) vendor: Option<String>,
    /// As [`crate::Package::module`].
    pub(super) module: Option<String>,
    /// As [`crate::package::Located::owner`].
    pub(super) owner: Option<Owner>,
    /// As [`crate::Package::inside`].
    pub(super) inside: Option<String>,
    /// What of the module is linked into the executable that told of it.
    pub(super) linked: Option<LinkedText>,
}

/// A field that is a text with something in it.
pub(super) fn text<'a>(value: &'a Value, field: &str) -> Option<&'a str> {
    value.get(field).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// A field that is a list; nothing where it is none.
pub(super) fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// `name@version`, as Plimsoll and the `upstream` qualifier write it.
pub(super) fn source(text: &str) -> Option<SourcePackage> {
    let (name, version) = text.rsplit_once('@')?;
    let is_whole = !name.is_empty() && !version.is_empty();
    is_whole.then(|| SourcePackage { name: name.to_owned(), version: version.to_owned() })
}
