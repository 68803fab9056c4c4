//! What software is in an image.
//!
//! A layer's stream is walked once ([`layer`]); the members that a [`cataloguers::Cataloguer`] wants go to a sealed
//! worker process ([`worker`]), which answers with packages; together with what the walk saw of whiteouts, links and
//! paths they are the layer's [`record::LayerRecord`]. [`merge()`] turns the records of an image's layers into its
//! [`Inventory`], as the kernel's overlay would show them, without reading a byte of a layer again.

pub mod cataloguers;
pub mod layer;
mod linked;
mod merge;
pub mod package;
mod paths;
mod purl;
pub mod record;
mod release;
pub mod sbom;
pub mod worker;

pub use linked::LinkedText;
pub use merge::merge;
pub use package::{BuiltFor, Gone, Inventory, Linked, LinkedPackage, Owner, Package, PackageKind, Release};
pub use record::LayerRecord;
pub use release::ReleaseError;
