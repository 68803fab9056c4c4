//! What an image is and how to read one.
//!
//! The way through this room:
//! - [`Target`] says where to look and [`Reference`] what an image is called;
//! - a source ([`source`], [`client`]) reads manifest and config, each checked against the digest that named it
//!   ([`Verified`]), chooses the [`Platform`] and gives an [`Image`];
//! - a layer is opened from it and walked as a stream by [`layer::walk`], which inflates it, computes both of its
//!   digests over the bytes that it read, and shows each member once;
//! - [`Layer::check`] holds what was computed against what manifest and config claimed.
//!
//! Nothing is handed on before its bytes matched the digest that named them, but the contents of a layer, which are
//! shown as they stream: what was made of them counts only after [`Layer::check`].
//!
//! Specifications: OCI image-spec 1.1 (not read: layers named by sha512, encrypted layers, descriptors' `data`),
//! OCI distribution-spec 1.1, docker's image format 1.2 (`docker save`; not 1.0 and manifest schema 1, which have no
//! digests), POSIX ustar and pax with GNU's extensions (tar), RFC 1952 (gzip), RFC 8878 (zstd).

pub mod client;
pub mod digest;
pub mod layer;
pub mod platform;
pub mod reference;
pub mod source;
pub mod target;
pub mod verified;

pub use digest::Digest;
pub use platform::Platform;
pub use reference::Reference;
pub use source::{Image, ImageSource, Layer};
pub use target::Target;
pub use verified::Verified;
