//! One import's tables, read in place.

use std::cmp::Ordering;

use zerocopy::{FromBytes, Immutable, KnownLayout, Unaligned};

use super::format::{
    AffectedRow, CUSTOM, EcosystemRow, EpssRow, EventRow, FIXED, INTRODUCED, ImportRow, KevRow, LAST_AFFECTED, LIMIT,
    PackageRow, RangeRow, RatingRow, RecordRow, Rows, SEGMENT_MAGIC, SEMVER, SegmentHeader, TABLES, Table, TableRow,
    Text,
};
use super::mapping::{Blocks, Damage};
use crate::evaluate::Event;
use crate::severity::{Rating, Severity};

/// What can be read of a segment; borrows the mapping.
#[derive(Clone, Copy)]
pub(crate) struct Segment<'a> {
    map: &'a [u8],
    place: &'a Place,
}

/// Where a segment and its tables lie, checked to lie within the file.
#[derive(Debug)]
pub(super) struct Place {
    blocks: Blocks,
    tables: [(u64, u64); TABLES],
}

type Read<T> = Result<T, Damage>;

impl Place {
    pub(super) fn find(map: &[u8], begin: u64, length: u64) -> Read<Self> {
        let blocks = Blocks::at(map, begin, length)?;
        let bytes = blocks.read(map, 0, size_of::<SegmentHeader>() as u64)?;
        let header = SegmentHeader::ref_from_bytes(bytes).map_err(|_| Damage("a segment has no header"))?;
        if header.magic != SEGMENT_MAGIC {
            return Err(Damage("a segment does not begin like one"));
        }
        let place = |table: &TableRow| (table.offset.get(), table.length.get());
        let tables = header.tables.each_ref().map(place);
        for (offset, bytes) in tables {
            if offset.checked_add(bytes).is_none_or(|end| end > length) {
                return Err(Damage("a table lies outside its segment"));
            }
        }
        Ok(Self { blocks, tables })
    }

    pub(super) fn check_all(&self, map: &[u8]) -> Read<()> {
        self.blocks.check_all(map)
    }
}

impl<'a> Segment<'a> {
    pub(super) fn new(map: &'a [u8], place: &'a Place) -> Self {
        Self { map, place }
    }

    /// The ecosystem of that name, if the segment covers it.
    pub(crate) fn ecosystem(self, name: &str) -> Read<Option<&'a EcosystemRow>> {
        self.search(Table::Ecosystems, self.all::<EcosystemRow>(Table::Ecosystems), name, |row: &EcosystemRow| row.name)
    }

    /// Every ecosystem that it covers.
    pub(crate) fn ecosystems(self) -> Read<&'a [EcosystemRow]> {
        self.rows(Table::Ecosystems, self.all::<EcosystemRow>(Table::Ecosystems))
    }

    pub(crate) fn package(self, ecosystem: &EcosystemRow, name: &str) -> Read<Option<&'a PackageRow>> {
        self.search(Table::Packages, ecosystem.packages, name, |row: &PackageRow| row.name)
    }

    pub(crate) fn affected(self, package: &PackageRow) -> Read<&'a [AffectedRow]> {
        self.rows(Table::Affected, package.affected)
    }

    /// The ranges of OSV's plain rules and Go's custom ones.
    pub(crate) fn ranges(self, affected: &AffectedRow) -> Read<&'a [RangeRow]> {
        self.rows(Table::Ranges, affected.ranges)
    }

    /// A range's events, each of which was read once: going over them again neither fails nor allocates.
    pub(crate) fn events(self, range: &RangeRow) -> Read<Events<'a>> {
        let rows = self.rows::<EventRow>(Table::Events, range.events)?;
        for row in rows {
            self.event(row)?;
        }
        Ok(Events { segment: self, rows: rows.iter() })
    }

    fn event(self, row: &EventRow) -> Read<Event<'a>> {
        let version = self.text(row.version)?;
        Ok(match row.kind.get() {
            INTRODUCED => Event::Introduced(version),
            FIXED => Event::Fixed(version),
            LAST_AFFECTED => Event::LastAffected(version),
            LIMIT => Event::Limit(version),
            _ => return Err(Damage("an event of no known kind")),
        })
    }

    pub(crate) fn imports(self, affected: &AffectedRow) -> Read<&'a [ImportRow]> {
        self.rows(Table::Imports, affected.imports)
    }

    /// CISA's entry for a CVE.
    pub(crate) fn kev(self, cve: u64) -> Read<Option<&'a KevRow>> {
        self.find(Table::Kev, self.all::<KevRow>(Table::Kev), |row: &KevRow| Ok(row.cve.get().cmp(&cve)))
    }

    /// FIRST's score of a CVE.
    pub(crate) fn epss(self, cve: u64) -> Read<Option<&'a EpssRow>> {
        self.find(Table::Epss, self.all::<EpssRow>(Table::Epss), |row: &EpssRow| Ok(row.cve.get().cmp(&cve)))
    }

    pub(crate) fn record(self, number: u32) -> Read<&'a RecordRow> {
        let rows = self.rows(Table::Records, Rows { first: number.into(), count: 1.into() })?;
        rows.first().ok_or(Damage("a record that is not there"))
    }

    /// Every record, by id.
    pub(crate) fn records(self) -> Read<&'a [RecordRow]> {
        self.rows(Table::Records, self.all::<RecordRow>(Table::Records))
    }

    pub(crate) fn record_by_id(self, id: &str) -> Read<Option<&'a RecordRow>> {
        self.search(Table::Records, self.all::<RecordRow>(Table::Records), id, |row: &RecordRow| row.id)
    }

    /// The texts of a list.
    pub(crate) fn list(self, rows: Rows) -> Read<&'a [Text]> {
        self.rows(Table::Lists, rows)
    }

    /// The texts of a list, owned.
    pub(crate) fn owned_list(self, rows: Rows) -> Read<Vec<String>> {
        self.list(rows)?.iter().map(|text| Ok(self.text(*text)?.to_owned())).collect()
    }

    pub(crate) fn text(self, text: Text) -> Read<&'a str> {
        let bytes = self.bytes(Table::Strings, text.offset.get().into(), text.length.get().into())?;
        std::str::from_utf8(bytes).map_err(|_| Damage("a text is not UTF-8"))
    }

    pub(crate) fn owned_text(self, text: Text) -> Read<String> {
        Ok(self.text(text)?.to_owned())
    }

    /// A text that may be absent.
    pub(crate) fn optional_text(self, text: Text) -> Read<Option<String>> {
        Ok(Some(self.owned_text(text)?).filter(|text| !text.is_empty()))
    }

    pub(crate) fn rating(self, row: &RatingRow) -> Read<Rating> {
        let severity = Severity::WORST_FIRST.into_iter().find(|severity| *severity as u8 == row.severity);
        Ok(Rating {
            severity: severity.ok_or(Damage("a severity of no known kind"))?,
            score: (row.has_score != 0).then(|| f32::from(row.score.get()) / 10.0),
            source: self.optional_text(row.source)?,
        })
    }

    /// A record's deflated details.
    pub(crate) fn details(self, record: &RecordRow) -> Read<&'a [u8]> {
        self.bytes(Table::Details, record.details_offset.get(), record.details_length.get().into())
    }

    fn all<R>(self, table: Table) -> Rows {
        let rows = self.place.tables[table as usize].1 / size_of::<R>() as u64;
        Rows { first: 0.into(), count: u32::try_from(rows).unwrap_or(u32::MAX).into() }
    }

    fn rows<R: FromBytes + KnownLayout + Immutable + Unaligned>(self, table: Table, rows: Rows) -> Read<&'a [R]> {
        let width = size_of::<R>() as u64;
        let bytes = self.bytes(table, u64::from(rows.first.get()) * width, u64::from(rows.count.get()) * width)?;
        <[R]>::ref_from_bytes(bytes).map_err(|_| Damage("rows that are none"))
    }

    fn bytes(self, table: Table, offset: u64, length: u64) -> Read<&'a [u8]> {
        let (begin, size) = self.place.tables[table as usize];
        if offset.checked_add(length).is_none_or(|end| end > size) {
            return Err(Damage("a place outside its table is named"));
        }
        self.place.blocks.read(self.map, begin + offset, length)
    }

    /// Finds the row of a name among rows in the order of their names.
    fn search<R: FromBytes + KnownLayout + Immutable + Unaligned>(
        self,
        table: Table,
        among: Rows,
        name: &str,
        name_of: impl Fn(&R) -> Text,
    ) -> Read<Option<&'a R>> {
        self.find(table, among, |row| Ok(self.text(name_of(row))?.cmp(name)))
    }

    /// Finds the row that `order` calls equal to what is looked for, among rows in that order.
    fn find<R: FromBytes + KnownLayout + Immutable + Unaligned>(
        self,
        table: Table,
        among: Rows,
        order: impl Fn(&R) -> Read<Ordering>,
    ) -> Read<Option<&'a R>> {
        let (mut low, mut high) = (0, among.count.get());
        while low < high {
            let middle = low + (high - low) / 2;
            let first = among.first.get().checked_add(middle).ok_or(Damage("a row that is not there"))?;
            let rows = self.rows::<R>(table, Rows { first: first.into(), count: 1.into() })?;
            let row = rows.first().ok_or(Damage("a row that is not there"))?;
            match order(row)? {
                Ordering::Equal => return Ok(Some(row)),
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
            }
        }
        Ok(None)
    }
}

/// The events of a range, read in place. See [`Segment::events`].
#[derive(Clone)]
pub(crate) struct Events<'a> {
    segment: Segment<'a>,
    rows: std::slice::Iter<'a, EventRow>,
}

impl<'a> Iterator for Events<'a> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Event<'a>> {
        self.segment.event(self.rows.next()?).ok()
    }
}

impl RangeRow {
    /// Whether its versions are semantic ones, whatever the ecosystem's order is.
    pub(crate) fn is_semver(&self) -> bool {
        self.kind.get() == SEMVER
    }

    /// Whether it is one of Go's custom ranges.
    pub(crate) fn is_custom(&self) -> bool {
        self.kind.get() == CUSTOM
    }
}
