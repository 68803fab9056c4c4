//! `Packages` of older releases: a hash of Berkeley DB, read page by page (db, `dbinc/db_page.h`).
//!
//! The order of a hash says nothing, so its buckets are not looked at: every hash page is read, and what its entries
//! say lies on other pages is read there.

use std::io;

use super::Each;
use super::blocks::{Blocks, corrupt};
use super::header::MOST_BYTES;

/// The magic number of a hash, at byte 12, in the byte order of the machine that wrote it.
const MAGIC: u32 = 0x0006_1561;
/// How much of a file's start tells that it is one.
pub(super) const START: usize = 16;

const PAGE_HEADER: usize = 26;
const HASH_UNSORTED: u8 = 2;
const OVERFLOW: u8 = 7;
const HASH: u8 = 13;
/// An entry whose bytes are on the page.
const ON_PAGE: u8 = 1;
/// An entry whose bytes are on a chain of pages.
const OFF_PAGE: u8 = 3;

/// Whether a file begins as one.
pub(super) fn is_it(start: &[u8]) -> bool {
    Order::of(start).is_some()
}

/// Calls `each` with the header of every package.
pub(super) fn headers(blocks: &mut Blocks<'_>, each: &mut Each<'_>) -> io::Result<()> {
    let start = blocks.at(0, 512)?;
    let order = Order::of(&start).ok_or_else(|| corrupt("it is no hash of Berkeley DB"))?;
    let page_size = order.u32(&start, 20) as usize;
    if !(512..=65536).contains(&page_size) || !page_size.is_power_of_two() {
        return Err(corrupt(format!("its page size is {page_size}")));
    }
    let encrypted = start[24] != 0;
    if encrypted {
        return Err(corrupt("it is encrypted"));
    }
    let there = blocks.size() / page_size as u64;
    let promised = u64::from(order.u32(&start, 32)) + 1;
    let pages = there.min(promised);
    let mut file = File { blocks, order, page_size, budget: pages };
    for number in 1..pages {
        let page = file.page(number)?;
        if page[25] == HASH || page[25] == HASH_UNSORTED {
            file.entries(&page, each);
        }
    }
    if there < promised {
        return Err(corrupt(format!("it says that it has {promised} pages, and {there} are there")));
    }
    Ok(())
}

#[derive(Clone, Copy)]
struct Order {
    big_endian: bool,
}

impl Order {
    fn of(start: &[u8]) -> Option<Self> {
        let orders = [false, true].map(|big_endian| Self { big_endian });
        orders.into_iter().find(|order| order.u32(start, 12) == MAGIC)
    }

    fn u32(self, bytes: &[u8], offset: usize) -> u32 {
        let number = bytes.get(offset..offset + 4).and_then(|number| number.try_into().ok()).unwrap_or_default();
        if self.big_endian { u32::from_be_bytes(number) } else { u32::from_le_bytes(number) }
    }

    fn u16(self, bytes: &[u8], offset: usize) -> usize {
        let number = bytes.get(offset..offset + 2).and_then(|number| number.try_into().ok()).unwrap_or_default();
        usize::from(if self.big_endian { u16::from_be_bytes(number) } else { u16::from_le_bytes(number) })
    }
}

struct File<'a, 'b> {
    blocks: &'a mut Blocks<'b>,
    order: Order,
    page_size: usize,
    /// Overflow pages that may still be read: each belongs to one package, so that more are a circle.
    budget: u64,
}

impl File<'_, '_> {
    fn page(&mut self, number: u64) -> io::Result<Vec<u8>> {
        self.blocks.at(number * self.page_size as u64, self.page_size)
    }

    /// A page's entries are pairs of key and value; the key is the package's number, 0 for the database's own notes.
    fn entries(&mut self, page: &[u8], each: &mut Each<'_>) {
        let order = self.order;
        let count = order.u16(page, 20).min((self.page_size - PAGE_HEADER) / 2);
        let place = |index: usize| order.u16(page, PAGE_HEADER + 2 * index);
        for index in (0..count.saturating_sub(1)).step_by(2) {
            let (key, value) = (place(index), place(index + 1));
            let item = page.get(value..).unwrap_or_default();
            // Entries fill the page from its end: one ends where the one before it begins.
            let on_page = page.get(value + 1..key).unwrap_or_default();
            let is_notes = page.get(key + 1..key + 5).is_none_or(|number| number == [0; 4]);
            match item.first() {
                _ if is_notes => {}
                Some(&ON_PAGE) => each(0, Ok(on_page)),
                Some(&OFF_PAGE) if item.len() >= 12 => {
                    let (first, length) = (order.u32(item, 4), order.u32(item, 8) as usize);
                    each(0, self.chain(first, length).as_deref());
                }
                _ => {}
            }
        }
    }

    fn chain(&mut self, first: u32, length: usize) -> io::Result<Vec<u8>> {
        if length > MOST_BYTES {
            return Err(corrupt(format!("a package has more than {MOST_BYTES} bytes")));
        }
        let (mut bytes, mut next) = (Vec::with_capacity(length.min(1 << 20)), first);
        while bytes.len() < length {
            self.budget = self.budget.checked_sub(1).ok_or_else(|| corrupt("its pages lead round in a circle"))?;
            let page = self.page(u64::from(next))?;
            if page[25] != OVERFLOW {
                return Err(corrupt(format!("page {next} is of kind {}, where a package should go on", page[25])));
            }
            let here = self.order.u16(&page, 22).min(self.page_size - PAGE_HEADER).min(length - bytes.len());
            bytes.extend_from_slice(&page[PAGE_HEADER..PAGE_HEADER + here]);
            next = self.order.u32(&page, 16);
            if next == 0 && bytes.len() < length {
                return Err(corrupt("a package ends before its length"));
            }
        }
        Ok(bytes)
    }
}
