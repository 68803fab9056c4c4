//! rpm's SQLite database and its write-ahead log, which may come from different layers, as SQLite would see them
//! together: the table's tree with the pages that the log has anew in place of the database's. A package counts whose
//! row the tree still leads to.

use std::collections::{HashMap, HashSet};

use crate::paths::split;
use crate::record::{Catalogued, Fact, PackageTable, TablePage};

/// Which packages of which files do not count, as the log says.
#[derive(Debug, Default)]
pub(super) struct Removed {
    /// By place in the list of files, and place among the file's packages.
    places: HashSet<(usize, usize)>,
    /// Logs, by place in the list of files, of which it cannot be told what they removed.
    pub(super) unknown: Vec<usize>,
}

impl Removed {
    /// Looks at files that are read together.
    pub(super) fn of(files: &[&Catalogued]) -> Self {
        let mut removed = Self::default();
        let tables: Vec<Option<&PackageTable>> = files.iter().map(|file| table(file)).collect();
        for (place, log) in tables.iter().enumerate() {
            let Some(log) = log.filter(|table| table.is_log) else { continue };
            let (folder, _) = split(&files[place].path);
            let is_its_database = |other: &usize| {
                tables[*other].is_some_and(|table| !table.is_log) && split(&files[*other].path).0 == folder
            };
            let database = (0..files.len()).find(is_its_database);
            let Some(live) = live(database.and_then(|database| tables[database]), log) else {
                removed.unknown.push(place);
                continue;
            };
            removed.take(place, &log.rows, |row| live.contains(&row));
            if let Some((database, table)) = database.and_then(|database| Some((database, tables[database]?))) {
                // What the log wrote anew counts as the log has it.
                let anew: HashSet<u64> = log.rows.iter().copied().collect();
                removed.take(database, &table.rows, |row| live.contains(&row) && !anew.contains(&row));
            }
        }
        removed
    }

    fn take(&mut self, file: usize, rows: &[u64], counts: impl Fn(u64) -> bool) {
        let gone = rows.iter().enumerate().filter(|(_, row)| !counts(**row));
        self.places.extend(gone.map(|(package, _)| (file, package)));
    }

    /// Whether it does not count.
    pub(super) fn has(&self, file: usize, package: usize) -> bool {
        !self.places.is_empty() && self.places.contains(&(file, package))
    }
}

/// What the file tells of its table, where that fits the packages that it tells.
fn table(file: &Catalogued) -> Option<&PackageTable> {
    let table =
        file.facts.iter().find_map(|fact| if let Fact::PackageTable(table) = fact { Some(table) } else { None })?;
    let packages = file.facts.iter().filter(|fact| matches!(fact, Fact::Package(_))).count();
    (table.rows.len() == packages).then_some(table)
}

/// The rows that the tree leads to; none where a part of it is in neither file.
fn live(database: Option<&PackageTable>, log: &PackageTable) -> Option<HashSet<u64>> {
    let root = log.root.or(database.and_then(|table| table.root))?;
    let before = database.into_iter().flat_map(|table| &table.pages);
    let pages: HashMap<u32, &TablePage> = before.chain(&log.pages).map(|page| (page.number(), page)).collect();
    let mut rows = HashSet::new();
    let mut seen = HashSet::from([root]);
    let mut waiting = vec![root];
    while let Some(number) = waiting.pop() {
        match pages.get(&number)? {
            TablePage::Leaf { rows: of_page, .. } => rows.extend(of_page),
            TablePage::Inner { children, .. } => {
                let new = children.iter().copied().filter(|child| seen.insert(*child));
                waiting.extend(new);
            }
        }
    }
    Some(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inner(number: u32, children: &[u32]) -> TablePage {
        TablePage::Inner { number, children: children.to_vec() }
    }

    fn leaf(number: u32, rows: &[u64]) -> TablePage {
        TablePage::Leaf { number, rows: rows.to_vec() }
    }

    fn table(is_log: bool, root: Option<u32>, pages: Vec<TablePage>) -> PackageTable {
        PackageTable { is_log, root, pages, rows: vec![] }
    }

    fn sorted(database: Option<&PackageTable>, log: &PackageTable) -> Option<Vec<u64>> {
        let mut rows: Vec<u64> = live(database, log)?.into_iter().collect();
        rows.sort_unstable();
        Some(rows)
    }

    #[test]
    fn pages_of_the_log_take_the_place_of_the_databases() {
        let database = table(false, Some(2), vec![inner(2, &[3, 4]), leaf(3, &[1, 2]), leaf(4, &[3])]);
        assert_eq!(sorted(Some(&database), &table(true, None, vec![])), Some(vec![1, 2, 3]));
        assert_eq!(sorted(Some(&database), &table(true, None, vec![leaf(3, &[2])])), Some(vec![2, 3]));
        // A leaf that nothing leads to any more is not in the log itself.
        assert_eq!(sorted(Some(&database), &table(true, None, vec![inner(2, &[4])])), Some(vec![3]));
        assert_eq!(sorted(Some(&database), &table(true, None, vec![leaf(2, &[9])])), Some(vec![9]));
        assert_eq!(sorted(None, &table(true, Some(7), vec![leaf(7, &[1])])), Some(vec![1]));
    }

    #[test]
    fn a_tree_that_is_not_whole_says_nothing_and_one_in_a_circle_ends() {
        let database = table(false, Some(2), vec![inner(2, &[2, 3]), leaf(3, &[1])]);
        assert_eq!(sorted(Some(&database), &table(true, None, vec![inner(3, &[2])])), Some(vec![]));
        assert_eq!(sorted(Some(&database), &table(true, None, vec![inner(3, &[5])])), None);
        assert_eq!(sorted(None, &table(true, None, vec![leaf(3, &[1])])), None);
    }
}
