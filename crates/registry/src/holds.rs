//! Images that are kept back: pushed and stored, not yet given to whoever asks for their tag.

use std::future::Future;
use std::pin::Pin;

use image::Digest;

/// Knows which images are kept back. Their bytes can still be had by digest, since whoever is to sign an image must
/// read it.
pub trait Holds: Send + Sync {
    /// Why `tag` of `repository`, which points to `digest`, is kept back; `None` where it is not.
    fn reason<'a>(
        &'a self,
        repository: &'a str,
        tag: &'a str,
        digest: &'a Digest,
    ) -> Pin<Box<dyn Future<Output = Option<String>> + Send + 'a>>;
}

/// Keeps nothing back.
pub(crate) struct HoldsNothing;

impl Holds for HoldsNothing {
    fn reason<'a>(
        &'a self,
        _: &'a str,
        _: &'a str,
        _: &'a Digest,
    ) -> Pin<Box<dyn Future<Output = Option<String>> + Send + 'a>> {
        Box::pin(std::future::ready(None))
    }
}
