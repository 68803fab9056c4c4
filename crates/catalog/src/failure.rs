//! Why there is no page, told as a page (or as JSON).

use axum::http::StatusCode;
use image::Digest;
use store::StoreError;
use thiserror::Error;

/// Why a request has no answer.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    /// There is nothing at this address.
    #[error("there is nothing at this address")]
    NothingHere,
    /// There is no such repository, or it is not the caller's to know of.
    #[error("there is no repository {0:?} here")]
    NoRepository(String),
    /// There is no such tag.
    #[error("repository {0:?} has no tag {1:?}")]
    NoTag(String, String),
    /// There is no such image.
    #[error("repository {0:?} has no image {1}")]
    NoImage(String, Digest),
    /// Nobody has heard of such a thing.
    #[error("no image here has {0:?}, and no loaded advisory tells of it")]
    NoVulnerability(String),
    /// The address says something that makes no sense.
    #[error("{0}")]
    Query(String),
    /// `access` says no.
    #[error("{0}")]
    Denied(String),
    /// The store could not be read.
    #[error("the store could not be read")]
    Store(#[from] StoreError),
    /// What the store holds is not what it should.
    #[error("the kept report of {0} cannot be read; scan the image again")]
    Report(Digest, #[source] findings::KeptError),
    /// A template could not be written out.
    #[error("the page could not be written")]
    Render(#[from] askama::Error),
    /// A thread that was to read from the disk ended.
    #[error("reading from the disk ended unexpectedly")]
    Reader(#[from] tokio::task::JoinError),
}

impl Failure {
    /// The status that goes with it.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::NothingHere
            | Self::NoRepository(_)
            | Self::NoTag(..)
            | Self::NoImage(..)
            | Self::NoVulnerability(_) => StatusCode::NOT_FOUND,
            Self::Query(_) => StatusCode::BAD_REQUEST,
            Self::Denied(_) => StatusCode::FORBIDDEN,
            Self::Store(_) | Self::Report(..) | Self::Render(_) | Self::Reader(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// A word for programs.
    pub(crate) fn code(&self) -> &'static str {
        match self.status() {
            StatusCode::NOT_FOUND => "not-found",
            StatusCode::BAD_REQUEST => "bad-request",
            StatusCode::FORBIDDEN => "denied",
            _ => "internal",
        }
    }

    /// What to do about it, for people.
    pub(crate) fn advice(&self) -> &'static str {
        match self {
            Self::NothingHere | Self::NoRepository(_) => "The list of repositories has all that there are.",
            Self::NoTag(..) | Self::NoImage(..) => {
                "It may have been deleted or moved; the repository's page has its present tags."
            }
            Self::NoVulnerability(_) => {
                "Check the spelling (CVE-2026-1234, DSA-5678-1). If it is new, plimsoll db update fetches it."
            }
            Self::Query(_) => "Go back, or leave the part after the question mark out of the address.",
            Self::Denied(_) => "Ask whoever runs this server.",
            Self::Store(_) | Self::Report(..) | Self::Render(_) | Self::Reader(_) => {
                "The server's log says why. Nothing was changed by this request."
            }
        }
    }
}
