//! Tags that several clients write at once: the list of referrers of an image, cosign's signatures of it.
//!
//! Such a tag is read, changed and written. Where a registry names a version (`ETag`) the write carries it
//! (`If-Match`, RFC 9110 section 13.1.1); most take no notice of that. So after writing the tag is read again, at once
//! and a moment later, and changed again when another writer's version has replaced ours.

use std::time::{Duration, Instant};

use super::error::{ClientError, Retries};
use super::manifests::Manifest;
use super::{Client, Pushed};
use crate::source::MANIFEST_BYTES;
use crate::{Digest, Reference, Verified};

const ROUNDS: u32 = 20;
/// Longer than a writer that read before we wrote takes to write, on most networks; where we took longer ourselves, a few
/// times as long as that.
const MOMENT: Duration = Duration::from_millis(250);
const LONGEST_MOMENT: Duration = Duration::from_secs(5);

/// What a writer wants a tag to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is as wanted.
    Keep,
    /// Other bytes, of this media type.
    Write(&'static str, Vec<u8>),
}

impl Client {
    /// Changes what a tag points to until it is as wanted, keeping what others write there meanwhile. `change` is asked
    /// with what the tag holds, again and again, until it says [`Change::Keep`] twice in a row; whatever it names must
    /// be in the repository before it is written. `writer` differs between writers, so that two do not go on in step.
    pub fn change_tag<E: From<ClientError>>(
        &self,
        reference: &Reference,
        tag: &str,
        writer: &Digest,
        mut change: impl FnMut(Option<&Manifest>) -> Result<Change, E>,
    ) -> Result<Option<Pushed>, E> {
        let action = format!("change {}/{}:{tag}", reference.registry, reference.repository);
        let (mut has_settled, mut pushed, mut moment) = (false, None, MOMENT);
        for round in 0..ROUNDS {
            let begun = Instant::now();
            let present = match self.tagged(reference, tag) {
                Ok(present) => Some(present),
                Err(error) if error.is_not_found() => None,
                // docker-registry answers so while another writer is in the middle of moving the tag.
                Err(ClientError::Status { status: 500.., .. }) if round + 1 < ROUNDS => {
                    std::thread::sleep(jitter(writer, round));
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let (media_type, bytes) = match change(present.as_ref())? {
                // What nobody had to write needs no second look.
                Change::Keep if has_settled || pushed.is_none() => return Ok(pushed),
                Change::Keep => {
                    has_settled = true;
                    std::thread::sleep(moment);
                    continue;
                }
                Change::Write(media_type, bytes) => (media_type, Verified::name(bytes)),
            };
            has_settled = false;
            if round > 0 {
                // Two that write in step would go on so for ever.
                std::thread::sleep(jitter(writer, round));
            }
            if bytes.len() as u64 > MANIFEST_BYTES {
                let registry = reference.registry.clone();
                return Err(ClientError::TooLarge { action, registry, limit: MANIFEST_BYTES }.into());
            }
            let version = present.as_ref().and_then(|present| present.version.as_deref());
            match self.replace_manifest(reference, tag, media_type, &bytes, version) {
                Ok(done) => {
                    pushed = Some(done);
                    moment = (begun.elapsed() * 4).clamp(moment, LONGEST_MOMENT);
                }
                // Another was faster.
                Err(ClientError::Status { status: 409 | 412, .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(ClientError::Contended { action, tries: Retries(ROUNDS) }.into())
    }
}

/// A pause that differs between writers, since what they write does.
fn jitter(writer: &Digest, round: u32) -> Duration {
    let mix = |sum: u64, byte: &u8| sum.wrapping_mul(31).wrapping_add(u64::from(*byte));
    let seed = writer.hex().as_bytes().iter().fold(u64::from(round), mix);
    Duration::from_millis(seed % (50 * u64::from(round + 1)))
}
