//! Who may do what.
//!
//! Every handler asks [`may`] with the caller, the action and the resource, and does nothing before the answer is
//! yes. The server learns the [`Caller`] once, where a connection is accepted ([`Caller::from_peer`]), and hands it to
//! the handlers with the request; a handler that was handed none has an [`Caller::Anonymous`] before it.
//!
//! Today the answer hangs on where the caller sits: this machine may everything, others what the server was opened
//! for. This is the one place that changes when callers get names: teams in departments become variants of `Caller`,
//! what a repository belongs to becomes part of [`Resource`], and Cedar policies answer inside `may`, whose signature
//! the handlers know already.

mod action;
mod caller;
mod decision;
mod resource;

pub use action::Action;
pub use caller::{Caller, Openness};
pub use decision::{Decision, may};
pub use resource::Resource;
