//! What an image is and how to read one.
//!
//! A reference is resolved to a manifest, the manifest names its config and layers by digest, and a layer is a
//! compressed tar that is walked as a stream. Nothing is handed on before its bytes matched the digest that named
//! them ([`Verified`]), and a layer's [`layer::walk`] computes both of its digests over the bytes that it read.
//!
//! Specifications: OCI image-spec 1.1, OCI distribution-spec 1.1, docker's image format 1.2 (`docker save`).

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
