//! Refusals, in the words of the specification (distribution-spec, "Error Codes").

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use store::StoreError;

/// The specification's codes, and docker's for what the specification has no word for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The blob is not in the repository.
    BlobUnknown,
    /// The upload cannot go on like this.
    BlobUploadInvalid,
    /// There is no such upload (any more).
    BlobUploadUnknown,
    /// The digest is none, or not that of the bytes.
    DigestInvalid,
    /// The manifest names something that is not in the repository.
    ManifestBlobUnknown,
    /// The manifest is none.
    ManifestInvalid,
    /// The manifest is larger than is taken.
    ManifestTooLarge,
    /// The manifest is not in the repository.
    ManifestUnknown,
    /// The name is none.
    NameInvalid,
    /// There is no such repository.
    NameUnknown,
    /// The bytes are more or fewer than was said.
    SizeInvalid,
    /// The range does not begin where the upload ends.
    RangeInvalid,
    /// A page size is none.
    PaginationNumberInvalid,
    /// `access` says no.
    Denied,
    /// There is no such operation here.
    Unsupported,
    /// Too much at once.
    TooManyRequests,
    /// The sender stands still.
    Timeout,
    /// No room to keep it.
    StorageFull,
    /// Our fault.
    Internal,
}

impl Code {
    /// How it is written in an answer. docker prints it before the message, in lower case.
    fn name(self) -> &'static str {
        match self {
            Self::BlobUnknown => "BLOB_UNKNOWN",
            Self::BlobUploadInvalid | Self::RangeInvalid | Self::Timeout => "BLOB_UPLOAD_INVALID",
            Self::BlobUploadUnknown => "BLOB_UPLOAD_UNKNOWN",
            Self::DigestInvalid => "DIGEST_INVALID",
            Self::ManifestBlobUnknown => "MANIFEST_BLOB_UNKNOWN",
            Self::ManifestInvalid | Self::ManifestTooLarge => "MANIFEST_INVALID",
            Self::ManifestUnknown => "MANIFEST_UNKNOWN",
            Self::NameInvalid => "NAME_INVALID",
            Self::NameUnknown => "NAME_UNKNOWN",
            Self::SizeInvalid => "SIZE_INVALID",
            Self::PaginationNumberInvalid => "PAGINATION_NUMBER_INVALID",
            Self::Denied => "DENIED",
            Self::Unsupported => "UNSUPPORTED",
            Self::TooManyRequests => "TOOMANYREQUESTS",
            Self::StorageFull | Self::Internal => "UNKNOWN",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::BlobUnknown | Self::BlobUploadUnknown | Self::ManifestUnknown | Self::NameUnknown => {
                StatusCode::NOT_FOUND
            }
            Self::BlobUploadInvalid
            | Self::DigestInvalid
            | Self::ManifestBlobUnknown
            | Self::ManifestInvalid
            | Self::NameInvalid
            | Self::SizeInvalid
            | Self::PaginationNumberInvalid => StatusCode::BAD_REQUEST,
            Self::ManifestTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::RangeInvalid => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::Denied => StatusCode::FORBIDDEN,
            Self::Unsupported => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::StorageFull => StatusCode::INSUFFICIENT_STORAGE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// Why a request is not done, as the client is told.
#[derive(Debug)]
pub struct Refusal {
    code: Code,
    message: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Refusal {
    /// A refusal with a code and a reason for people.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), headers: Vec::new() }
    }

    /// With a header more.
    #[must_use]
    pub fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Its code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// Its reason for people.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl From<StoreError> for Refusal {
    /// What the store could not do. Its errors name files of ours: they go to the log, and the client is told only
    /// what it can do something about.
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::DigestMismatch { .. } => Self::new(Code::DigestInvalid, error.to_string()),
            StoreError::DiskFull { .. } => {
                tracing::error!(%error, "no space left");
                Self::new(
                    Code::StorageFull,
                    "the registry has no space left; nothing that was stored before is lost; try again when its \
                     operator has freed some",
                )
            }
            error => {
                tracing::error!(%error, "the store failed");
                Self::new(Code::Internal, "the registry could not do this; its log says why")
            }
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({ "errors": [{ "code": self.code.name(), "message": self.message }] });
        let mut response = (self.code.status(), body.to_string()).into_response();
        response.headers_mut().extend(self.headers);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}
