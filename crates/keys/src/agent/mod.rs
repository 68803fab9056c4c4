//! An agent: it holds keys for its user and signs with them for whoever may ask.
//!
//! A request's way: [`Server`] takes a connection and checks that it is its own user's ([`Asker`]), [`frame`] bounds the
//! bytes, [`protocol`] turns them into a [`Call`], [`Agent`] waits for
//! its turn, builds what is signed with an [`Author`](crate::Author) (or reads what others built, [`payload`]), shows it
//! to its user's [`Person`](crate::Person), signs with a key of the [`keyring`], and writes a line in its [`journal`].
//! [`Client`] is the other side. [`Narrow`] is a second way to the agent, for others: images alone, within a [`Scope`].
//!
//! The agent trusts nobody who asks: what is shown comes from the registry and the bytes that are signed, never from
//! words of the one who asks. A bare digest, of which nothing can be shown, is refused until its user allows such for a
//! time. Whoever runs as the same user can ask; that is what a Unix socket can tell apart, and what a touch is for.

mod asker;
pub mod client;
mod core;
pub mod frame;
pub mod journal;
mod keyring;
pub mod payload;
pub mod place;
mod process;
pub mod protocol;
mod scope;
mod server;
mod turns;

pub use asker::{Asker, Origin};
pub use client::{Client, ClientError};
pub use core::{Agent, Opener, Parts, People, Progress};
pub use protocol::{Call, Code, HeldKey, ProtocolError, Reply, Request, Status};
pub use scope::{Narrow, Scope};
pub use server::{Limits, Performer, Server};
