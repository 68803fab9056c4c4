//! Containers from images, for people and for the Docker Engine API.
//!
//! The path of `plimsoll run`:
//! 1. an [`image::ImageSource`] is there: its manifest and config have matched their digests;
//! 2. [`admission`] is asked whether that digest may be pulled, before a layer is read;
//! 3. [`pull`] keeps the image's blobs in the `store`;
//! 4. admission is asked again, with all of the image at hand;
//! 5. [`unpack`] inflates the layers that the sandbox does not keep yet, checks both digests of each, and keeps it;
//! 6. [`create`] makes of the image's config and the caller's wishes what is asked of the `sandbox`;
//! 7. admission is asked a third time, and the container is started and [`attach`]ed to.
//!
//! This crate is used without privileges. What needs them is done by `sandbox`'s broker.
//!
//! Left out, and whose place is here: the HTTP of the Docker Engine API, images and containers that are kept, logs,
//! exec, networks, volumes, builds.

pub mod admission;
pub mod attach;
pub mod create;
pub mod pull;
pub mod run;
pub mod unpack;

mod error;
mod stored;

pub use admission::{Admission, Admitted, Moment, Refusal};
pub use create::Wishes;
pub use error::EngineError;
pub use run::{Made, Run};
pub use stored::StoredSource;
