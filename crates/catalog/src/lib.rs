//! What is known of every image, as pages for people and as JSON for programs.
//!
//! A request's way:
//!
//! 1. [`router`] knows the addresses; [`address`] writes them;
//! 2. `request` learns who asks and in which form the answer is wanted;
//! 3. a page under `pages/` asks [`access::may`], reads the store into its model (the very thing that the JSON is),
//! 4. and `reply` renders the model by template or as JSON, with the headers that keep a page from being more than text:
//!    no script, no style but our sheet, no frame around it, nothing told to the sites that it links to.
//!
//! Everything in a model may have been written by an enemy: names and versions by an image, text and links by an
//! advisory. Templates escape all of it, links go through [`link::OuterLink`], and the pages need no JavaScript.
//!
//! The JSON is described in `docs/api.md` and is stable.

pub mod address;
mod advisories;
mod assets;
mod catalog;
mod counts;
mod failure;
mod holds;
mod images;
pub mod link;
mod pages;
mod reply;
mod request;
mod router;
mod signatures;

pub use advisories::{Advisories, Advisory};
pub use catalog::Catalog;
pub use router::{not_found, router};
