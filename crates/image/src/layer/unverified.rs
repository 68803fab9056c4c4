//! A layer's tar looked through without reading what nobody asks for.
//!
//! No digest is computed, so nothing says that the layer is the one that the image names: what is found so is never
//! kept and never enough for a decision.

use super::window::{Seeking, Window};
use super::{Compression, LayerError, Limits, Visitor, tar, walk_members};

/// Walks a plain tar by its headers, seeking over contents. `None` where the layer is compressed, which no seeking
/// shortens. Gives the number of members.
pub fn walk_unverified(window: Window, limits: &Limits, visitor: &mut dyn Visitor) -> Result<Option<u64>, LayerError> {
    let mut begin = [0; 16];
    let read = window.peek(&mut begin).map_err(LayerError::Io)?;
    if Compression::of(begin.get(..read).unwrap_or_default())? != Compression::None {
        return Ok(None);
    }
    let mut members = tar::Reader::new(Seeking::new(window), limits);
    walk_members(&mut members, visitor)?;
    Ok(Some(members.entries()))
}
