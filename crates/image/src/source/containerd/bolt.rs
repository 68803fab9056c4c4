//! containerd's list of images: a bbolt database (go.etcd.io/bbolt, `internal/common/page.go`, `bucket.go`, `meta.go`), read and never
//! written.
//!
//! Only what is needed to look a key up and to list a bucket. A daemon may write meanwhile: it never changes a page of the state before its
//! last, so a reading counts if the state was the same before and after it ([`BoltDatabase::read`]).

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

use thiserror::Error;

/// What a page with the database's state begins with, behind its header.
const MAGIC: u32 = 0xED0C_DAED;
const VERSION: u32 = 2;
const PAGE_HEADER: usize = 16;
/// The state: magic, version, page size, flags, root bucket (page, sequence), free list, highest page, transaction, checksum.
const META: usize = 64;
const ELEMENT: usize = 16;

const BRANCH: u16 = 1;
const LEAF: u16 = 2;
const IS_BUCKET: u32 = 1;

/// Most bytes of one page with what it overflows into; containerd's are a few KiB.
const PAGE_BYTES: u64 = 16 << 20;
/// How often a reading is begun anew when somebody wrote meanwhile.
const TRIES: usize = 20;

/// A database in a file.
#[derive(Debug)]
pub struct BoltDatabase {
    file: File,
}

/// Why it could not be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BoltError {
    /// Reading failed.
    #[error("could not read it: {0}")]
    Io(#[from] io::Error),
    /// The bytes are not what they should be.
    #[error("it is damaged: {0}")]
    Damaged(&'static str),
    /// Somebody writes faster than this reads.
    #[error("it was written to each time that it was read; try again")]
    Busy,
}

/// One state of the database.
#[derive(Debug)]
struct State<'a> {
    file: &'a File,
    size: u64,
    page_size: u64,
    transaction: u64,
    root: u64,
    /// Bytes that may still be read; more are a circle.
    budget: Cell<u64>,
}

/// Where a bucket's keys are.
#[derive(Clone, Debug)]
enum Place {
    Page(u64),
    /// A small bucket stands in its parent.
    Inline(Vec<u8>),
}

/// A bucket of one state.
#[derive(Debug)]
pub struct BoltBucket<'a> {
    state: &'a State<'a>,
    place: Place,
}

/// What a key leads to.
#[derive(Debug)]
pub enum BoltValue<'a> {
    /// Bytes.
    Bytes(Vec<u8>),
    /// A bucket inside of this one.
    Bucket(BoltBucket<'a>),
}

impl BoltDatabase {
    /// Of a file that is open for reading.
    pub fn new(file: File) -> Self {
        Self { file }
    }

    /// Reads from one state; `read` is called again with a newer one while somebody writes.
    pub fn read<T, E: From<BoltError>>(&self, mut read: impl FnMut(&BoltBucket<'_>) -> Result<T, E>) -> Result<T, E> {
        for _ in 0..TRIES {
            let state = self.state()?;
            let found = read(&BoltBucket { state: &state, place: Place::Page(state.root) });
            if self.state()?.transaction == state.transaction {
                return found;
            }
        }
        Err(BoltError::Busy.into())
    }

    /// The newer of the two states that are whole.
    fn state(&self) -> Result<State<'_>, BoltError> {
        let size = self.file.metadata()?.len();
        // Where the first is broken, the second is at a page size that has to be tried.
        let places = std::iter::once(0).chain((9..=16).map(|bits| 1 << bits));
        let mut newest: Option<State<'_>> = None;
        for place in places {
            let mut bytes = [0; PAGE_HEADER + META];
            if place + bytes.len() as u64 > size {
                break;
            }
            self.file.read_exact_at(&mut bytes, place)?;
            let Some((page_size, root, transaction)) = meta(&bytes) else { continue };
            if place != 0 && place != page_size {
                continue;
            }
            if newest.as_ref().is_none_or(|state| state.transaction < transaction) {
                let budget = Cell::new(size.saturating_mul(64).saturating_add(PAGE_BYTES));
                newest = Some(State { file: &self.file, size, page_size, transaction, root, budget });
            }
        }
        newest.ok_or(BoltError::Damaged("neither of its two states is whole, or it is no bbolt database"))
    }
}

/// Page size, root page and transaction of a state, if its checksum is right.
fn meta(page: &[u8; PAGE_HEADER + META]) -> Option<(u64, u64, u64)> {
    let meta = page.get(PAGE_HEADER..)?;
    let sum = meta
        .get(..56)?
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    let page_size = u32_at(meta, 8)?;
    let is_state = u32_at(meta, 0)? == MAGIC && u32_at(meta, 4)? == VERSION && u64_at(meta, 56)? == sum;
    let is_size = page_size.is_power_of_two() && (512..=65536).contains(&page_size);
    (is_state && is_size).then_some((u64::from(page_size), u64_at(meta, 16)?, u64_at(meta, 48)?))
}

impl State<'_> {
    /// A page with what it overflows into.
    fn page(&self, number: u64) -> Result<Vec<u8>, BoltError> {
        let start = number.checked_mul(self.page_size).ok_or(BoltError::Damaged("a page lies beyond its end"))?;
        let mut header = [0; PAGE_HEADER];
        self.read_at(&mut header, start)?;
        let overflow = u64::from(u32_at(&header, 12).unwrap_or_default());
        if u64_at(&header, 0) != Some(number) {
            return Err(BoltError::Damaged("a page has another's number"));
        }
        let bytes = (overflow + 1) * self.page_size;
        if bytes > PAGE_BYTES {
            return Err(BoltError::Damaged("a page is larger than any that containerd writes"));
        }
        let left =
            self.budget.get().checked_sub(bytes).ok_or(BoltError::Damaged("its pages lead round in a circle"))?;
        self.budget.set(left);
        if start.checked_add(bytes).is_none_or(|end| end > self.size) {
            return Err(BoltError::Damaged("a page lies beyond its end"));
        }
        let mut page = vec![0; usize::try_from(bytes).unwrap_or_default()];
        self.read_at(&mut page, start)?;
        Ok(page)
    }

    fn read_at(&self, buffer: &mut [u8], at: u64) -> Result<(), BoltError> {
        match self.file.read_exact_at(buffer, at) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(BoltError::Damaged("a page lies beyond its end"))
            }
            read => Ok(read?),
        }
    }
}

/// What one element of a page says.
enum Element<'a> {
    Branch { key: &'a [u8], page: u64 },
    Leaf { key: &'a [u8], value: &'a [u8], is_bucket: bool },
}

/// The elements of a page, in their order.
fn elements(page: &[u8]) -> Result<impl Iterator<Item = Result<Element<'_>, BoltError>>, BoltError> {
    const OUTSIDE: BoltError = BoltError::Damaged("an element lies outside of its page");
    let kind = u16_at(page, 8).ok_or(OUTSIDE)?;
    if kind != BRANCH && kind != LEAF {
        return Err(BoltError::Damaged("a page is of a kind that no bucket has"));
    }
    let count = u16_at(page, 10).ok_or(OUTSIDE)?;
    let element = move |index: u16| {
        let at = PAGE_HEADER + ELEMENT * usize::from(index);
        let word = |offset: usize| u32_at(page, at + offset).map(|word| word as usize);
        let bytes = |start: usize, length: usize| page.get(start..start.checked_add(length)?);
        Some(if kind == BRANCH {
            Element::Branch { key: bytes(at.checked_add(word(0)?)?, word(4)?)?, page: u64_at(page, at + 8)? }
        } else {
            let start = at.checked_add(word(4)?)?;
            Element::Leaf {
                key: bytes(start, word(8)?)?,
                value: bytes(start.checked_add(word(8)?)?, word(12)?)?,
                is_bucket: u32_at(page, at)? & IS_BUCKET != 0,
            }
        })
    };
    Ok((0..count).map(move |index| element(index).ok_or(OUTSIDE)))
}

impl<'a> BoltBucket<'a> {
    /// What a key leads to; none where it is not there.
    pub fn get(&self, key: &[u8]) -> Result<Option<BoltValue<'a>>, BoltError> {
        let mut page = self.first()?;
        loop {
            let mut below = None;
            for element in elements(&page)? {
                match element? {
                    Element::Branch { key: first, page } if below.is_none() || first <= key => below = Some(page),
                    Element::Branch { .. } => break,
                    Element::Leaf { key: found, value, is_bucket } if found == key => {
                        return self.value(value, is_bucket).map(Some);
                    }
                    Element::Leaf { .. } => {}
                }
            }
            match below {
                Some(number) => page = self.state.page(number)?,
                None => return Ok(None),
            }
        }
    }

    /// The bucket at a key; none where there is none.
    pub fn bucket(&self, key: &[u8]) -> Result<Option<Self>, BoltError> {
        Ok(match self.get(key)? {
            Some(BoltValue::Bucket(bucket)) => Some(bucket),
            _ => None,
        })
    }

    /// The bytes at a key; none where there are none.
    pub fn bytes(&self, key: &[u8]) -> Result<Option<Vec<u8>>, BoltError> {
        Ok(match self.get(key)? {
            Some(BoltValue::Bytes(bytes)) => Some(bytes),
            _ => None,
        })
    }

    /// Its keys in their order, at most `most`.
    pub fn keys(&self, most: usize) -> Result<Vec<Vec<u8>>, BoltError> {
        let mut keys = Vec::new();
        let mut pages = Vec::new();
        let mut next = Some(self.first()?);
        while let Some(page) = next {
            let mut below = Vec::new();
            for element in elements(&page)? {
                match element? {
                    Element::Branch { page, .. } => below.push(page),
                    Element::Leaf { key, .. } if keys.len() < most => keys.push(key.to_vec()),
                    Element::Leaf { .. } => return Ok(keys),
                }
            }
            pages.extend(below.into_iter().rev());
            next = pages.pop().map(|number| self.state.page(number)).transpose()?;
        }
        Ok(keys)
    }

    fn first(&self) -> Result<Vec<u8>, BoltError> {
        match &self.place {
            Place::Page(number) => self.state.page(*number),
            Place::Inline(page) => Ok(page.clone()),
        }
    }

    fn value(&self, value: &[u8], is_bucket: bool) -> Result<BoltValue<'a>, BoltError> {
        if !is_bucket {
            return Ok(BoltValue::Bytes(value.to_vec()));
        }
        // The page of its root, 0 for one that stands here, and a counter.
        let root = u64_at(value, 0).ok_or(BoltError::Damaged("a bucket has no root"))?;
        let place = match (root, value.get(16..)) {
            (0, Some(page)) => Place::Inline(page.to_vec()),
            (0, None) => return Err(BoltError::Damaged("a bucket has no root")),
            (root, _) => Place::Page(root),
        };
        Ok(BoltValue::Bucket(BoltBucket { state: self.state, place }))
    }
}

// Written in the byte order of the machine; all that containerd is built for and plimsoll too are little-endian.
fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at.checked_add(8)?)?.try_into().ok()?))
}
