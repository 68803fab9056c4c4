//! `Packages.db` of SUSE and others: slots that say where each package's blob is (rpm, `lib/backend/ndb/rpmpkg.c`).

use std::io;

use super::Each;
use super::blocks::{Blocks, corrupt, le32};
use super::header::MOST_BYTES;

/// What the file begins with.
pub(super) const MAGIC: &[u8] = b"RpmP";

const PAGE: usize = 4096;
const SLOT: usize = 16;
/// The file's own header takes the room of two slots.
const FIRST_SLOT: usize = 2;
/// Blobs lie at multiples of so many bytes.
const UNIT: u64 = 16;
/// A blob's own header: magic, package, generation, length.
const BLOB_HEADER: usize = 16;
/// Most pages of slots: a million packages.
const MOST_SLOT_PAGES: u32 = 4096;

/// Calls `each` with the header of every package.
pub(super) fn headers(blocks: &mut Blocks<'_>, each: &mut Each<'_>) -> io::Result<()> {
    let start = blocks.at(0, 32)?;
    let version = le32(&start, 4);
    if version != 0 {
        return Err(corrupt(format!("it is of version {version}, and only 0 is known")));
    }
    let pages = le32(&start, 12);
    if pages > MOST_SLOT_PAGES {
        return Err(corrupt(format!("it says that it has {pages} pages of slots")));
    }
    let slots = blocks.at(0, pages as usize * PAGE)?;
    // Blobs lie side by side, so that all of them together are no more than the file.
    let mut budget = blocks.size();
    for slot in slots.chunks_exact(SLOT).skip(FIRST_SLOT) {
        if &slot[..4] != b"Slot" {
            return Err(corrupt("a slot does not begin as one"));
        }
        let (package, offset) = (le32(slot, 4), u64::from(le32(slot, 8)) * UNIT);
        if package != 0 && offset != 0 {
            each(0, blob(blocks, package, offset, &mut budget).as_deref());
        }
    }
    Ok(())
}

fn blob(blocks: &mut Blocks<'_>, package: u32, offset: u64, budget: &mut u64) -> io::Result<Vec<u8>> {
    let header = blocks.at(offset, BLOB_HEADER)?;
    let length = le32(&header, 12);
    if &header[..4] != b"BlbS" || le32(&header, 4) != package || length as usize > MOST_BYTES {
        return Err(corrupt(format!("package {package} is not where its slot says")));
    }
    *budget = budget.checked_sub(length.into()).ok_or_else(|| corrupt("its packages overlap"))?;
    blocks.at(offset + BLOB_HEADER as u64, length as usize)
}
