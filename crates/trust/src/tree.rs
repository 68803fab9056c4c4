//! All that hangs on an image in its registry: what it is, who signed it, whether it counts and why not.

use image::client::{Client, Referrer};
use image::{Digest, Reference};
use keys::PublicKey;
use serde::Serialize;
use serde_json::Value;

use crate::author::CREATED;
use crate::bundle::BundleError;
use crate::error::short;
use crate::source::{PREDICATE, layer_of};
use crate::statement::{COSIGN_SIGN, Statement};
use crate::statements::{self, Role};
use crate::{Bundle, Content, Found, RegistrySignatures, Signature, TrustError, Verifier, attested, bundle, notation};

/// How far what hangs on what hangs is followed.
const DEPTH: usize = 3;
/// What is shown at most.
const NODES: usize = 500;

/// Whose word counts for what.
#[derive(Clone, Debug)]
pub struct Roles {
    /// Signatures of images.
    pub signers: Verifier,
    /// Statements about what is in an image.
    pub registries: Vec<PublicKey>,
    /// Statements about how it was built.
    pub builders: Vec<PublicKey>,
}

/// An image, or one platform's manifest in it, with what hangs on it.
#[derive(Clone, Debug, Serialize)]
pub struct Tree {
    /// Its digest.
    pub digest: Digest,
    /// The platform, where it is one's of an index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// What hangs on it.
    pub attached: Vec<Node>,
    /// The platforms' manifests of an index.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub platforms: Vec<Tree>,
}

/// Something that hangs on an image.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Node {
    /// Its manifest; for cosign's older signatures all have the same.
    pub digest: String,
    /// What it is, in words.
    pub what: String,
    /// What it says that it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// The fingerprint of the key that was found to have signed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed_by: Option<String>,
    /// As what it was signed, where that is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed_as: Option<String>,
    /// When: a timestamp's word or the signer's (RFC 3339); where nothing is signed, the writer's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Whether it counts for anything, by the keys that were named.
    pub counts: bool,
    /// Why, or why not.
    pub because: String,
    /// What hangs on it in turn.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attached: Vec<Node>,
}

/// Reads the tree of an image. Where it is an index, those of its platforms too.
pub fn read(client: &Client, place: &Reference, image: &Digest, roles: &Roles) -> Result<Tree, TrustError> {
    let mut reader = Reader { client, place, roles, left: NODES };
    let manifest = client.manifest(place, image)?;
    let index: Value = serde_json::from_slice(&manifest.bytes).unwrap_or_default();
    let attached = reader.all(image)?;
    let mut platforms = Vec::new();
    for entry in index.get("manifests").and_then(Value::as_array).into_iter().flatten().take(64) {
        let Some(digest) = entry.get("digest").and_then(Value::as_str).and_then(|text| text.parse().ok()) else {
            continue;
        };
        let part = |name: &str| entry.pointer(&format!("/platform/{name}")).and_then(Value::as_str);
        let platform =
            part("os").zip(part("architecture")).map(|(os, architecture)| short(format!("{os}/{architecture}")));
        platforms.push(Tree { attached: reader.all(&digest)?, digest, platform, platforms: Vec::new() });
    }
    Ok(Tree { digest: image.clone(), platform: None, attached, platforms })
}

struct Reader<'a> {
    client: &'a Client,
    place: &'a Reference,
    roles: &'a Roles,
    left: usize,
}

impl Reader<'_> {
    /// What hangs on a manifest, under either name.
    fn all(&mut self, subject: &Digest) -> Result<Vec<Node>, TrustError> {
        let mut nodes = self.referrers(subject, DEPTH)?;
        let source = RegistrySignatures::new(self.client.clone(), self.place.clone());
        for found in source.tagged(subject)? {
            nodes.push(match found {
                Ok(found) => self.signature(&found, subject, "cosign signature (before version 3)"),
                Err(error) => unreadable(&error, "cosign signature (before version 3)"),
            });
        }
        Ok(nodes)
    }

    fn referrers(&mut self, subject: &Digest, depth: usize) -> Result<Vec<Node>, TrustError> {
        let mut nodes = Vec::new();
        for referrer in self.client.referrers(self.place, subject, None)? {
            if self.left == 0 {
                break;
            }
            self.left -= 1;
            let mut node = self.node(&referrer, subject);
            node.digest = referrer.digest.to_string();
            node.artifact_type = referrer.artifact_type.as_deref().map(short);
            // Beside a signature the writer's word would read as signed.
            if node.signed_by.is_none() {
                node.time = node.time.or_else(|| referrer.annotations.get(CREATED).map(short));
            }
            if depth > 1 {
                node.attached = self.referrers(&referrer.digest, depth - 1)?;
            }
            nodes.push(node);
        }
        Ok(nodes)
    }

    fn node(&self, referrer: &Referrer, subject: &Digest) -> Node {
        let kind = referrer.artifact_type.as_deref();
        let predicate = referrer.annotations.get(PREDICATE);
        let what = match kind {
            Some(bundle::MEDIA_TYPE) => match predicate {
                None => "Sigstore bundle".to_owned(),
                Some(predicate) if predicate == COSIGN_SIGN => "Sigstore bundle".to_owned(),
                Some(predicate) => format!("statement of type {}", short(predicate)),
            },
            Some(notation::ARTIFACT_TYPE) => "notation signature".to_owned(),
            Some(attested::MEDIA_TYPE) => "attestation of a key by its device".to_owned(),
            Some(other) => short(other),
            None => "something that does not say what it is".to_owned(),
        };
        if !matches!(kind, None | Some(bundle::MEDIA_TYPE | notation::ARTIFACT_TYPE | attested::MEDIA_TYPE)) {
            return Node { what, because: "it is no kind that is signed or checked here".into(), ..Node::default() };
        }
        match self.content(referrer, subject) {
            Err(error) => unreadable(&error, &what),
            Ok(Found { content: Content::Attestation(bytes), .. }) => attestation(&bytes),
            Ok(Found { content: Content::Bundle(bytes), .. })
                if statement_bundle(&bytes).is_ok_and(|bundle| statement_type(&bundle).is_some()) =>
            {
                self.statement(&bytes, subject)
            }
            Ok(found) => self.signature(&found, subject, &what),
        }
    }

    fn content(&self, referrer: &Referrer, subject: &Digest) -> Result<Found, TrustError> {
        let manifest = self.client.manifest(self.place, &referrer.digest)?.bytes;
        let layer = layer_of(&manifest, subject, &referrer.digest)?;
        // Statements are larger than signatures; what this one is, is told by its annotation.
        let is_statement = referrer.annotations.get(PREDICATE).is_some_and(|predicate| predicate != COSIGN_SIGN);
        let limit = if is_statement { statements::BUNDLE_LIMIT } else { layer.limit };
        let bytes = self.client.small_blob(self.place, &layer.digest, limit)?.into_bytes();
        Ok(Found { manifest: referrer.digest.clone(), content: layer.kind.content(bytes) })
    }

    fn signature(&self, found: &Found, subject: &Digest, what: &str) -> Node {
        let repository = self.place.repository_name();
        let node = Node { digest: found.manifest.to_string(), what: what.to_owned(), ..Node::default() };
        match self.roles.signers.check(found, subject, Some(&repository)) {
            Ok(Signature { key, repository, tag, signed_at, .. }) => Node {
                signed_by: Some(key.fingerprint()),
                signed_as: repository.map(|name| tag.map_or_else(|| name.clone(), |tag| format!("{name}:{tag}"))),
                time: signed_at.map(crate::statement::rfc3339),
                counts: true,
                because: "its signature holds, by a trusted signer".into(),
                ..node
            },
            Err(rejection) => Node { because: rejection.to_string(), ..node },
        }
    }

    /// A statement that is no signature: it counts when whoever can know it signed it.
    fn statement(&self, bytes: &[u8], subject: &Digest) -> Node {
        let Ok(bundle) = statement_bundle(bytes) else { return Node::default() };
        let claimed = statement_type(&bundle).unwrap_or_default();
        let node = Node { what: format!("statement of type {claimed}"), ..Node::default() };
        let (keys, whose) = match Role::of(&claimed) {
            Some(Role::Registry) => (&self.roles.registries[..], "a registry's"),
            Some(Role::Builder) => (&self.roles.builders[..], "a builder's"),
            None => (&[][..], "anybody's"),
        };
        if let Some(key) = bundle.envelope.signer(keys) {
            let is_about = Statement::is_about(&bundle.envelope.payload.0, subject);
            let because =
                if is_about { format!("it holds, by {whose} key") } else { "it is about another image".into() };
            return Node { signed_by: Some(key.fingerprint()), counts: is_about, because, ..node };
        }
        let others: Vec<_> = [self.roles.signers.keys(), &self.roles.registries, &self.roles.builders].concat();
        match bundle.envelope.signer(&others) {
            Some(key) => Node {
                signed_by: Some(key.fingerprint()),
                because: format!("it holds, but that key's word does not count for this; it would have to be {whose}"),
                ..node
            },
            None => Node { because: format!("it is by no key that is trusted as {whose}"), ..node },
        }
    }
}

fn statement_bundle(bytes: &[u8]) -> Result<Bundle, BundleError> {
    Bundle::parse_within(bytes, statements::BUNDLE_LIMIT)
}

/// The type of a statement in a bundle, as it says itself, where it is no signature.
fn statement_type(bundle: &Bundle) -> Option<String> {
    let payload: Value = serde_json::from_slice(&bundle.envelope.payload.0).ok()?;
    let predicate = payload.get("predicateType")?.as_str()?;
    (predicate != COSIGN_SIGN).then(|| short(predicate))
}

fn attestation(bytes: &[u8]) -> Node {
    let what = "attestation of a key by its device".to_owned();
    match attested::parse(bytes) {
        Ok((key, _)) => Node {
            what,
            because: format!("it is for the key {}; a policy with vendor roots says what it proves", key.fingerprint()),
            ..Node::default()
        },
        Err(reason) => Node { what, because: format!("it {reason}"), ..Node::default() },
    }
}

fn unreadable(error: &TrustError, what: &str) -> Node {
    Node { what: what.to_owned(), because: error.to_string(), ..Node::default() }
}
