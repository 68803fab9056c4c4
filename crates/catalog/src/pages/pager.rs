//! Long lists in pieces.

use serde::Serialize;

use crate::failure::Failure;
use crate::request::Asked;

/// Which piece of a list is shown, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Pager {
    /// This page, 1 first.
    pub(crate) page: usize,
    /// How many there are, at least 1.
    pub(crate) pages: usize,
    /// How many things the whole list has.
    pub(crate) total: usize,
}

/// Rows on a page: enough to scroll through, few enough for a phone.
pub(crate) const ROWS: usize = 100;

impl Pager {
    /// Cuts a list down to the page that was asked for. Beyond the end is the last page: lists shrink.
    pub(crate) fn cut<T>(asked: &Asked, list: Vec<T>) -> Result<(Self, Vec<T>), Failure> {
        let total = list.len();
        let pages = total.div_ceil(ROWS).max(1);
        let page = asked.number("page", 1, 1_000_000)?.unwrap_or(1).min(pages);
        let piece = list.into_iter().skip((page - 1) * ROWS).take(ROWS).collect();
        Ok((Self { page, pages, total }, piece))
    }

    /// The number of the first row on this page, 1 first; 0 of an empty list.
    pub(crate) fn first(&self) -> usize {
        if self.total == 0 { 0 } else { (self.page - 1) * ROWS + 1 }
    }

    /// The number of the last row on this page.
    pub(crate) fn last(&self) -> usize {
        (self.page * ROWS).min(self.total)
    }

    /// The page before.
    pub(crate) fn previous(&self) -> Option<usize> {
        (self.page > 1).then(|| self.page - 1)
    }

    /// The page after.
    pub(crate) fn next(&self) -> Option<usize> {
        (self.page < self.pages).then(|| self.page + 1)
    }
}
