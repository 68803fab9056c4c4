//! What is said over the agent's socket: JSON, one [`Call`] a frame, answered by any number of [`Reply::Progress`] and one
//! other [`Reply`].
//!
//! Whatever is read here was written by somebody else; what has the type [`Call`] is within the bounds.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::asker::Origin;
use crate::author::bytes_as_base64;
use crate::{Hash, ImageRequest, SignedArtifact};

/// The version of all this.
pub const VERSION: u32 = 1;

/// A name of a key, repository or terminal.
const LONGEST_NAME: usize = 1024;
/// A tag (distribution-spec: 128 characters) or format.
const LONGEST_WORD: usize = 128;
const MOST_FORMATS: usize = 8;
/// Images of one batch: the tags that one push brings.
pub const MOST_IMAGES: usize = 100;
/// What may be signed as it is: a statement about an image has some hundred bytes.
pub const LARGEST_PAYLOAD: usize = 512 << 10;
/// Raw signatures are allowed for a day at most.
const LONGEST_ALLOWANCE: u64 = 24 * 60 * 60;

/// One request, and from where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// [`VERSION`].
    pub version: u32,
    /// The terminal of whoever asks, where there is one: where PIN and touch may be asked for. The agent checks that it
    /// is theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal: Option<String>,
    /// For whom it is asked, where that is somebody else than who asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// What is asked.
    pub request: Request,
}

/// What can be asked. A `key` is a URI, a fingerprint (or the first 8 digits or more of it) or the name of a key's file
/// without its ending; without one the agent's only key is meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// How the agent does.
    Status,
    /// Which keys it holds.
    List,
    /// Sign an image: the agent fetches the manifest and writes what is signed.
    SignImage {
        /// The key.
        key: Option<String>,
        /// The image.
        image: ImageRequest,
    },
    /// Sign several images in one batch: all are shown, and one touch serves them where the card has it so.
    SignImages {
        /// The key.
        key: Option<String>,
        /// The images.
        images: Vec<ImageRequest>,
    },
    /// Sign bytes in a form that the agent knows (see [`super::payload`]), so that it can show of what they speak.
    SignPayload {
        /// The key.
        key: Option<String>,
        /// The bytes.
        #[serde(with = "bytes_as_base64")]
        payload: Vec<u8>,
        /// The hash, where it is not the key's own.
        #[serde(default, skip_serializing_if = "Option::is_none", with = "hash_name")]
        hash: Option<Hash>,
    },
    /// Sign a digest of which nothing is known.
    SignRaw {
        /// The key.
        key: Option<String>,
        /// The digest.
        #[serde(with = "bytes_as_base64")]
        digest: Vec<u8>,
        /// The hash that made it.
        #[serde(with = "some_hash_name")]
        hash: Hash,
    },
    /// Hold one more key.
    Add {
        /// Its URI; a file's path is absolute.
        key: String,
    },
    /// Forget what was unlocked.
    Lock {
        /// The key; without one all, and bytes of which nothing is known are signed no more.
        key: Option<String>,
    },
    /// Unlock a key, or all.
    Unlock {
        /// The key.
        key: Option<String>,
    },
    /// Sign bytes and digests of which nothing is known, for a time.
    AllowRaw {
        /// How long; 0 ends it.
        seconds: u64,
    },
    /// End.
    Stop,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reply", rename_all = "kebab-case")]
pub enum Reply {
    /// It goes on; more comes.
    Progress {
        /// What is waited for, in words.
        text: String,
    },
    /// How the agent does.
    Status(Status),
    /// The keys that it holds.
    Keys {
        /// In the order in which they were added.
        keys: Vec<HeldKey>,
    },
    /// An image was signed.
    Image {
        /// The public key, PEM.
        key: String,
        /// What is to be stored beside the image.
        artifacts: Vec<SignedArtifact>,
    },
    /// Several images were signed.
    Images {
        /// The public key, PEM.
        key: String,
        /// What is to be stored beside each, in the order of the request.
        artifacts: Vec<Vec<SignedArtifact>>,
    },
    /// Bytes were signed.
    Signature {
        /// The public key, PEM.
        key: String,
        /// The signature, ECDSA's as DER.
        #[serde(with = "bytes_as_base64")]
        signature: Vec<u8>,
    },
    /// It was done.
    Done {
        /// What, in words.
        text: String,
    },
    /// It was not done.
    Refused {
        /// Why, for programs.
        code: Code,
        /// Why, for people.
        reason: String,
    },
}

/// Why something was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// The request could not be understood.
    Malformed,
    /// Too many ask at once.
    Busy,
    /// The agent has no such key, or several.
    NoKey,
    /// It may not be asked here, or not now.
    NotAllowed,
    /// The person, or whoever asked, gave up.
    Cancelled,
    /// It was tried and did not work.
    Failed,
}

/// How an agent does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Its process.
    pub process: u32,
    /// Keys that it holds.
    pub keys: usize,
    /// How many of them are unlocked.
    pub unlocked: usize,
    /// Seconds without a signature after which it locks; 0 where it never does.
    pub idle_seconds: u64,
    /// Seconds for which bytes of which nothing is known are signed.
    pub raw_seconds: u64,
    /// Requests that are under way or wait.
    pub waiting: usize,
    /// Signatures since it was started.
    pub signatures: u64,
    /// Where its log is.
    pub log: String,
}

/// A key that an agent holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldKey {
    /// Its URI.
    pub uri: String,
    /// The public half, PEM.
    pub public: String,
    /// Its fingerprint.
    pub fingerprint: String,
    /// Its algorithm, in words.
    pub algorithm: String,
    /// Whether it can sign without being unlocked first.
    pub unlocked: bool,
    /// The certificate that is stored with it (X.509, DER), where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_bytes")]
    pub certificate: Option<Vec<u8>>,
}

/// Why bytes are no call.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ProtocolError {
    /// No JSON of this shape.
    #[error("the request could not be understood: {0}")]
    Shape(String),
    /// Another version's.
    #[error(
        "the request is of version {0} of the agent's protocol, this agent speaks version {VERSION}; use the same plimsoll on both sides"
    )]
    Version(u64),
    /// Something is longer than it can be.
    #[error("the request's {what} has {found} bytes or entries; at most {most} are taken")]
    Bound {
        /// Which.
        what: &'static str,
        /// How long it is.
        found: usize,
        /// How long it may be.
        most: usize,
    },
    /// A digest that does not go with its hash.
    #[error("a digest of {0} bytes is none of the hash that is named")]
    Digest(usize),
}

impl Call {
    /// A call without a terminal.
    pub fn new(request: Request) -> Self {
        Self { version: VERSION, terminal: None, origin: None, request }
    }

    /// Reads a frame's bytes.
    pub fn read(bytes: &[u8]) -> Result<Self, ProtocolError> {
        let shape = |error: serde_json::Error| ProtocolError::Shape(error.to_string());
        // The version first: another one's request may have any other shape.
        let Version { version } = serde_json::from_slice(bytes).map_err(shape)?;
        if version != u64::from(VERSION) {
            return Err(ProtocolError::Version(version));
        }
        let call: Self = serde_json::from_slice(bytes).map_err(shape)?;
        call.check()?;
        Ok(call)
    }

    fn check(&self) -> Result<(), ProtocolError> {
        within("terminal", self.terminal.as_ref().map_or(0, String::len), LONGEST_NAME)?;
        let words = match &self.origin {
            None | Some(Origin::Here) => Vec::new(),
            Some(Origin::Forwarded { host }) => vec![host],
            Some(Origin::Relayed { registry, caller } | Origin::Pushed { registry, caller }) => vec![registry, caller],
        };
        words.into_iter().try_for_each(|word| within("origin", word.len(), LONGEST_NAME))?;
        let key = |key: &Option<String>| within("key", key.as_ref().map_or(0, String::len), LONGEST_NAME);
        match &self.request {
            Request::Status | Request::List | Request::Stop => Ok(()),
            Request::SignImage { key: named, image } => {
                key(named)?;
                check_image(image)
            }
            Request::SignImages { key: named, images } => {
                key(named)?;
                within("list of images", images.len(), MOST_IMAGES)?;
                images.iter().try_for_each(check_image)
            }
            Request::SignPayload { key: named, payload, .. } => {
                key(named)?;
                within("payload", payload.len(), LARGEST_PAYLOAD)
            }
            Request::SignRaw { key: named, digest, hash } => {
                key(named)?;
                let wanted = match hash {
                    Hash::Sha256 => 32,
                    Hash::Sha384 => 48,
                    Hash::Sha512 => 64,
                };
                if digest.len() == wanted { Ok(()) } else { Err(ProtocolError::Digest(digest.len())) }
            }
            Request::Add { key } => within("key", key.len(), LONGEST_NAME),
            Request::Lock { key: named } | Request::Unlock { key: named } => key(named),
            Request::AllowRaw { seconds } => {
                within("time", usize::try_from(*seconds).unwrap_or(usize::MAX), LONGEST_ALLOWANCE as usize)
            }
        }
    }
}

/// The bounds of a typed request, wherever it came from.
pub fn check_image(image: &ImageRequest) -> Result<(), ProtocolError> {
    within("repository", image.repository.len(), LONGEST_NAME)?;
    within("tag", image.tag.as_ref().map_or(0, String::len), LONGEST_WORD)?;
    within("digest", image.digest.len(), LONGEST_WORD)?;
    within("list of formats", image.formats.len(), MOST_FORMATS)?;
    image.formats.iter().try_for_each(|format| within("format", format.len(), LONGEST_WORD))
}

fn within(what: &'static str, found: usize, most: usize) -> Result<(), ProtocolError> {
    if found <= most { Ok(()) } else { Err(ProtocolError::Bound { what, found, most }) }
}

#[derive(Deserialize)]
struct Version {
    version: u64,
}

mod some_hash_name {
    use serde::{Deserialize as _, Deserializer, Serializer};

    use crate::Hash;

    // The signature is serde's.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    pub(super) fn serialize<S: Serializer>(hash: &Hash, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(match hash {
            Hash::Sha256 => "sha256",
            Hash::Sha384 => "sha384",
            Hash::Sha512 => "sha512",
        })
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Hash, D::Error> {
        match String::deserialize(deserializer)?.as_str() {
            "sha256" => Ok(Hash::Sha256),
            "sha384" => Ok(Hash::Sha384),
            "sha512" => Ok(Hash::Sha512),
            _ => Err(serde::de::Error::custom("the hash is none of sha256, sha384, sha512")),
        }
    }
}

// The signatures are serde's.
#[allow(clippy::ref_option, clippy::trivially_copy_pass_by_ref)]
mod hash_name {
    use serde::{Deserializer, Serializer};

    use super::some_hash_name;
    use crate::Hash;

    pub(super) fn serialize<S: Serializer>(hash: &Option<Hash>, serializer: S) -> Result<S::Ok, S::Error> {
        match hash {
            Some(hash) => some_hash_name::serialize(hash, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Hash>, D::Error> {
        some_hash_name::deserialize(deserializer).map(Some)
    }
}

// The signatures are serde's.
#[allow(clippy::ref_option)]
mod optional_bytes {
    use serde::{Deserializer, Serializer};

    use crate::author::bytes_as_base64;

    pub(super) fn serialize<S: Serializer>(bytes: &Option<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
        match bytes {
            Some(bytes) => bytes_as_base64::serialize(bytes, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
        bytes_as_base64::deserialize(deserializer).map(Some)
    }
}
