//! `rpmdb.sqlite`: the headers are the blobs of the table `Packages` (sqlite.org, "Database File Format").
//!
//! Only what is needed to read one table from its first row to its last. No index and no free list; the write-ahead log
//! is a file of its own ([`super::wal`]).

use std::io;

use super::Each;
use super::blocks::{Blocks, be32, corrupt};
use super::row::{INNER, LEAF, Pages, Row, cell, page_of_tree, shape};
use crate::record::{PackageTable, TablePage};

/// What every SQLite database begins with.
pub(super) const MAGIC: &[u8] = b"SQLite format 3\0";

/// Calls `each` with the blob of every row of `Packages`, and tells the table's tree.
pub(super) fn headers(blocks: &mut Blocks<'_>, each: &mut Each<'_>) -> io::Result<PackageTable> {
    let start = blocks.at(0, 100)?;
    let page_size = page_size(u16::from_be_bytes([start[16], start[17]]).into())?;
    let usable = page_size - usize::from(start[20]);
    // Each page is in one tree or one chain of it. The schema is a tree of its own.
    let budget = blocks.size() / page_size as u64 + 1;
    let mut database = Database { blocks, page_size, usable, budget, tree: Vec::new() };
    let mut root = None;
    // The schema is itself a table: type, name, table, first page, SQL.
    database.rows(1, &mut |row| {
        if let Ok(row) = row
            && row.text(0) == Some(b"table")
            && row.text(1) == Some(b"Packages")
        {
            root = row.number(3);
        }
    })?;
    let root = root.and_then(|root| u32::try_from(root).ok()).ok_or_else(|| corrupt("it has no table Packages"))?;
    database.budget = budget;
    database.tree.clear();
    database.rows(root, &mut |row| match row {
        Ok(row) => row.blob(1).into_iter().for_each(|blob| each(row.id, Ok(blob))),
        Err(error) => each(0, Err(error)),
    })?;
    Ok(PackageTable { is_log: false, root: Some(root), pages: database.tree, rows: Vec::new() })
}

/// A database's or a log's page size in bytes; the largest does not fit into the header's two bytes and is written 1.
pub(super) fn page_size(written: u32) -> io::Result<usize> {
    match written {
        1 => Ok(65536),
        512..=65536 if written.is_power_of_two() => Ok(written as usize),
        _ => Err(corrupt(format!("its page size is {written}"))),
    }
}

struct Database<'a, 'b> {
    blocks: &'a mut Blocks<'b>,
    page_size: usize,
    usable: usize,
    /// Pages that may still be read; more are a circle.
    budget: u64,
    /// What was walked.
    tree: Vec<TablePage>,
}

impl Pages for Database<'_, '_> {
    fn page(&mut self, number: u32) -> io::Result<Vec<u8>> {
        self.budget = self.budget.checked_sub(1).ok_or_else(|| corrupt("its pages lead round in a circle"))?;
        let index = u64::from(number).checked_sub(1).ok_or_else(|| corrupt("a page is numbered 0"))?;
        self.blocks.at(index * self.page_size as u64, self.page_size)
    }

    fn usable(&self) -> usize {
        self.usable
    }
}

impl Database<'_, '_> {
    /// Walks the b-tree under page `root`, rows in their order. A row that cannot be read costs itself only.
    fn rows(&mut self, root: u32, each: &mut dyn FnMut(Result<Row, &io::Error>)) -> io::Result<()> {
        let mut waiting = vec![root];
        while let Some(number) = waiting.pop() {
            let page = self.page(number)?;
            let (kind, cells, places) = shape(number, &page);
            // A page that is damaged is one that the log must have anew.
            self.tree.extend(page_of_tree(number, &page).ok().flatten());
            match kind {
                INNER => {
                    waiting.push(be32(&page, places - 4));
                    for index in (0..cells).rev() {
                        waiting.push(be32(&page, cell(&page, places, index)?));
                    }
                }
                LEAF => {
                    for index in 0..cells {
                        match cell(&page, places, index).and_then(|at| Row::read(self, &page, at)) {
                            Ok(row) => each(Ok(row)),
                            Err(error) => each(Err(&error)),
                        }
                    }
                }
                other => return Err(corrupt(format!("page {number} is of kind {other}, which no table has"))),
            }
        }
        Ok(())
    }
}
