//! Where in rpm's SQLite database, or in its write-ahead log, packages are: what merging needs to see both as one
//! (sqlite.org, "Database File Format", sections 1.6 and 4).

use serde::{Deserialize, Serialize};

/// The tree of a database's table, or the pages of trees that a log has anew.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackageTable {
    /// Whether a log tells.
    pub is_log: bool,
    /// The page where the table begins; in a log only where it has the schema.
    pub root: Option<u32>,
    /// Pages of the tree; in a log pages of all tables' trees.
    pub pages: Vec<TablePage>,
    /// The number of the row of each package that the same file tells, in their order.
    pub rows: Vec<u64>,
}

/// A page of a tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TablePage {
    /// It leads to others.
    Inner {
        /// Its number, from 1.
        number: u32,
        /// Theirs.
        children: Vec<u32>,
    },
    /// It holds rows.
    Leaf {
        /// Its number, from 1.
        number: u32,
        /// Theirs.
        rows: Vec<u64>,
    },
}

impl PackageTable {
    /// Most pages, and most children and rows of all of them together: what a log of a million files has.
    const MOST: usize = 4 << 20;

    /// Why this cannot be, where it cannot.
    pub fn check(&self) -> Result<(), &'static str> {
        let entries = self.pages.iter().map(|page| match page {
            TablePage::Inner { children, .. } => children.len(),
            TablePage::Leaf { rows, .. } => rows.len(),
        });
        let sum = entries.fold(self.pages.len(), usize::saturating_add);
        if sum > Self::MOST { Err("it has more pages and rows than a database of packages can") } else { Ok(()) }
    }
}

impl TablePage {
    /// Its number.
    pub fn number(&self) -> u32 {
        match self {
            Self::Inner { number, .. } | Self::Leaf { number, .. } => *number,
        }
    }
}
