//! Rows of an SQLite table (sqlite.org, "Database File Format", sections 1.6 and 2.1), from whichever file has the
//! pages.

use std::io;

use super::blocks::{be32, corrupt};
use super::header::MOST_BYTES;
use crate::record::TablePage;

/// A leaf of a table's b-tree: the pages that hold rows.
pub(super) const LEAF: u8 = 0x0d;
/// A page above it.
pub(super) const INNER: u8 = 0x05;

/// Where pages are read from.
pub(super) trait Pages {
    /// A page by its number, from 1. Each call uses up some of what may be read, so that circles end.
    fn page(&mut self, number: u32) -> io::Result<Vec<u8>>;

    /// Bytes of a page that are not reserved for extensions.
    fn usable(&self) -> usize;
}

/// The page's kind, number of cells and where its cells' places begin. The first page begins with the file's header.
pub(super) fn shape(number: u32, page: &[u8]) -> (u8, usize, usize) {
    let start = if number == 1 { 100 } else { 0 };
    let kind = page[start];
    let cells = usize::from(u16::from_be_bytes([page[start + 3], page[start + 4]]));
    (kind, cells, if kind == INNER { start + 12 } else { start + 8 })
}

/// Where the cell of that index begins on its page.
pub(super) fn cell(page: &[u8], places: usize, index: usize) -> io::Result<usize> {
    let at = places + 2 * index;
    let bytes = page.get(at..at + 2).ok_or_else(|| corrupt("a page has more cells than fit on it"))?;
    Ok(usize::from(u16::from_be_bytes([bytes[0], bytes[1]])))
}

/// A row: a header of column types, then the columns.
pub(super) struct Row {
    /// The number under which it is in the tree.
    pub(super) id: u64,
    bytes: Vec<u8>,
}

impl Row {
    /// The row of a leaf's cell: what is on the page, and the chain of pages that holds the rest.
    pub(super) fn read(pages: &mut dyn Pages, page: &[u8], at: usize) -> io::Result<Self> {
        let usable = pages.usable();
        let cell = page.get(at..).ok_or_else(|| corrupt("a cell is outside of its page"))?;
        let (length, rest) = varint(cell).ok_or_else(|| corrupt("a cell is cut short"))?;
        let (id, rest) = varint(rest).ok_or_else(|| corrupt("a cell is cut short"))?;
        let length = usize::try_from(length).ok().filter(|length| *length <= MOST_BYTES);
        let length = length.ok_or_else(|| corrupt(format!("a row has more than {MOST_BYTES} bytes")))?;
        // "B-tree Cell Format": how much of a row stays on its own page.
        let most = usable.saturating_sub(35);
        let least = (usable.saturating_sub(12) * 32 / 255).saturating_sub(23);
        let room = usable.saturating_sub(4).max(1);
        let here = if length <= most {
            length
        } else {
            let fitting = least + (length - least) % room;
            if fitting <= most { fitting } else { least }
        };
        let mut bytes = rest.get(..here).ok_or_else(|| corrupt("a row is cut short"))?.to_vec();
        let mut next = be32(rest, here);
        while bytes.len() < length {
            let overflow = pages.page(next)?;
            let wanted = (length - bytes.len()).min(room);
            bytes.extend_from_slice(overflow.get(4..4 + wanted).ok_or_else(|| corrupt("a page is cut short"))?);
            next = be32(&overflow, 0);
        }
        Ok(Self { id, bytes })
    }

    fn column(&self, wanted: usize) -> Option<(u64, &[u8])> {
        let (size, types) = varint(&self.bytes)?;
        let size = usize::try_from(size).ok()?;
        let mut types = types.get(..size.checked_sub(self.bytes.len() - types.len())?)?;
        let mut offset = size;
        for index in 0..=wanted {
            let (kind, rest) = varint(types)?;
            let length = match kind {
                0 | 8 | 9 => 0,
                1..=4 => kind,
                5 => 6,
                6 | 7 => 8,
                10 | 11 => return None,
                even if even % 2 == 0 => (even - 12) / 2,
                odd => (odd - 13) / 2,
            };
            let end = offset.checked_add(usize::try_from(length).ok()?)?;
            if index == wanted {
                return Some((kind, self.bytes.get(offset..end)?));
            }
            (types, offset) = (rest, end);
        }
        None
    }

    /// A column's text.
    pub(super) fn text(&self, column: usize) -> Option<&[u8]> {
        self.column(column).filter(|(kind, _)| *kind >= 13 && kind % 2 == 1).map(|(_, bytes)| bytes)
    }

    /// A column's bytes.
    pub(super) fn blob(&self, column: usize) -> Option<&[u8]> {
        self.column(column).filter(|(kind, _)| *kind >= 12 && kind % 2 == 0).map(|(_, bytes)| bytes)
    }

    /// A column's number, where it is not negative.
    pub(super) fn number(&self, column: usize) -> Option<u64> {
        match self.column(column)? {
            (8, _) => Some(0),
            (9, _) => Some(1),
            (1..=6, bytes) => Some(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))),
            _ => None,
        }
    }
}

/// What a page of a table's tree says of the tree, without its rows' content; none where it is no such page.
pub(super) fn page_of_tree(number: u32, page: &[u8]) -> io::Result<Option<TablePage>> {
    let (kind, cells, places) = shape(number, page);
    Ok(match kind {
        INNER => {
            let mut children = Vec::with_capacity(cells.min(page.len()) + 1);
            for index in 0..cells {
                children.push(be32(page, cell(page, places, index)?));
            }
            children.push(be32(page, places - 4));
            Some(TablePage::Inner { number, children })
        }
        LEAF => {
            let mut rows = Vec::with_capacity(cells.min(page.len()));
            for index in 0..cells {
                let at = cell(page, places, index)?;
                let id = page.get(at..).and_then(varint).and_then(|(_length, rest)| varint(rest));
                rows.push(id.ok_or_else(|| corrupt("a cell is cut short"))?.0);
            }
            Some(TablePage::Leaf { number, rows })
        }
        _ => None,
    })
}

/// A number of one to nine bytes, seven bits each but for the ninth.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0;
    for (index, byte) in bytes.iter().enumerate().take(9) {
        if index == 8 {
            return Some((number << 8 | u64::from(*byte), &bytes[9..]));
        }
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some((number, &bytes[index + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_one_to_nine_bytes() {
        assert_eq!(varint(&[0x7f, 1]), Some((0x7f, &[1][..])));
        assert_eq!(varint(&[0x81, 0x00]), Some((128, &[][..])));
        assert_eq!(varint(&[0xff; 9]), Some((u64::MAX, &[][..])));
        assert_eq!(varint(&[0xff; 8]), None);
        assert_eq!(varint(&[]), None);
    }

    #[test]
    fn columns_are_found_by_their_types_and_not_beyond_them() {
        // Types: NULL, a number of one byte, a text of two, a blob of one.
        let row = Row { id: 1, bytes: vec![5, 0, 1, 17, 14, 42, b'h', b'i', 9] };
        assert_eq!(row.number(1), Some(42));
        assert_eq!(row.text(2), Some(&b"hi"[..]));
        assert_eq!(row.blob(3), Some(&[9][..]));
        assert_eq!(row.blob(2), None);
        assert_eq!(row.blob(4), None);
        for bytes in [vec![], vec![0], vec![9, 1], vec![2, 255], vec![2, 20], vec![255; 12]] {
            assert_eq!(Row { id: 1, bytes }.blob(0), None);
        }
    }
}
