//! The table for a terminal.

use advisory::Severity;
use comfy_table::{Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Table, Width, presets};

use super::fields::wrapped;
use super::rows::{self, Row};
use super::{summary, todo};
use crate::escape::plain;
use crate::{Group, Report};

/// A narrower terminal gets lines that are broken by itself.
const NARROWEST: u16 = 60;

/// How to show a report.
#[derive(Clone, Copy, Debug, Default)]
pub struct View {
    /// Columns; as wide as the content where there are none.
    pub width: Option<u16>,
    /// Whether colour is wanted. The text is understandable without.
    pub colour: bool,
    /// A row for each finding, however many, and what is not counted with the reason.
    pub all: bool,
}

/// The report as text: what image, a row for each finding (or package, where there are many), what to do, the summary.
pub fn table(report: &Report, view: View) -> String {
    let groups = report.groups();
    let mut text = head(report);
    text.push('\n');
    if !groups.is_empty() {
        text.push('\n');
        push(&mut text, &grid(&rows::rows(&groups, view.all, is_narrow(view)), view));
    }
    if view.all && !report.suppressed.is_empty() {
        text.push_str("\nNOT COUNTED\n");
        push(&mut text, &not_counted(report, view));
    }
    let release = report.inventory.release.as_ref().and_then(|release| release.pretty_name.as_deref());
    if let Some(block) = todo::block(&report.actions(), release, view.width, view.all) {
        text.push('\n');
        push(&mut text, &block);
    }
    text.push('\n');
    for line in summary::lines(report, &groups, view.all) {
        push(&mut text, &wrapped(&line, view.width, 2));
    }
    text
}

/// Whether versions and ids have to share few columns.
fn is_narrow(view: View) -> bool {
    view.width.is_some_and(|width| width < 100)
}

/// Whether there is room for where packages lie.
fn is_wide(view: View) -> bool {
    view.width.is_none_or(|width| width >= 140)
}

fn push(text: &mut String, block: &str) {
    for line in block.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
}

/// The image and what it is made of.
fn head(report: &Report) -> String {
    let release = report.inventory.release.as_ref();
    let release = release.and_then(|release| release.pretty_name.clone().or_else(|| Some(release.id.clone())));
    let mut parts = Vec::from_iter(Some(plain(&report.platform)).filter(|platform| !platform.is_empty()));
    parts.extend(release.filter(|name| !name.is_empty()).map(|name| plain(&name)));
    let layers = report.inventory.layers.len();
    let layers = format!("{layers} layer{}", if layers == 1 { "" } else { "s" });
    parts.push(match report.layers_read {
        0 => format!("{layers} known already"),
        read => format!("{layers}, {read} read now"),
    });
    format!("{}\n{}\n{}", plain(&report.name), report.digest, parts.join(" · "))
}

/// A table of so many columns without rules, styled as the view says.
pub(super) fn bare(view: View, headings: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    match view.width {
        Some(width) => {
            table.set_content_arrangement(ContentArrangement::Dynamic);
            table.set_width(width.max(NARROWEST));
        }
        None => {
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
    }
    if view.colour {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table.set_header(headings.iter().map(|text| Cell::new(text).add_attribute(Attribute::Bold)));
    for number in 0..headings.len() {
        if let Some(column) = table.column_mut(number) {
            column.set_padding((0, if number + 1 == headings.len() { 0 } else { 2 }));
        }
    }
    table
}

fn grid(rows: &[Row], view: View) -> String {
    let narrow = is_narrow(view);
    let with_places = is_wide(view) && rows.iter().any(|row| !row.places.is_empty());
    // Where there is little room the two versions share a column: broken ones cannot be compared.
    let mut headings = if narrow {
        vec!["SEVERITY", "PACKAGE", "INSTALLED → FIXED", "ID", "LAYER"]
    } else {
        vec!["SEVERITY", "PACKAGE", "INSTALLED", "FIXED IN", "ID", "LAYER"]
    };
    let last = headings.len() - 1;
    headings.extend(with_places.then_some("PLACE"));
    let mut table = bare(view, &headings);
    for row in rows {
        let mut cells = vec![severity(row, view), Cell::new(&row.package)];
        if narrow {
            let fixed = if row.fixed.is_empty() { String::new() } else { format!("\n→ {}", row.fixed) };
            cells.push(Cell::new(format!("{}{fixed}", row.installed)));
        } else {
            cells.extend([Cell::new(&row.installed), Cell::new(&row.fixed)]);
        }
        cells.extend([Cell::new(&row.id), Cell::new(&row.layer)]);
        cells.extend(with_places.then(|| Cell::new(place(row))));
        table.add_row(cells);
    }
    let lower = |width: usize| ColumnConstraint::LowerBoundary(Width::Fixed(u16::try_from(width).unwrap_or(u16::MAX)));
    // The first column must not be broken, or the eye finds nothing; nor an id, or nobody finds it again.
    if let Some(column) = table.column_mut(0) {
        column.set_constraint(lower(13));
    }
    if let Some(column) = table.column_mut(last - 1) {
        // With room for places there is room for all ids of a finding, too; the place is what may be broken.
        let longest = if with_places {
            rows.iter().map(|row| row.id.chars().count()).max().unwrap_or(0).min(LONGEST_IDS)
        } else {
            let words = rows.iter().flat_map(|row| row.id.split(' ')).map(|word| word.chars().count());
            words.max().unwrap_or(0).min(LONGEST_ID)
        };
        column.set_constraint(lower(longest + 2));
    }
    if let Some(column) = table.column_mut(last) {
        column.set_cell_alignment(CellAlignment::Right);
        column.set_constraint(lower(5));
    }
    table.to_string()
}

/// The first place, and how many more there are.
fn place(row: &Row) -> String {
    match &row.places[..] {
        [] => String::new(),
        [only] => only.clone(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    }
}

/// Ids up to this long are not broken: `(GHSA-hj2j-77xm-mc5v,`.
const LONGEST_ID: usize = 21;
/// Three of these.
const LONGEST_IDS: usize = 56;

fn not_counted(report: &Report, view: View) -> String {
    let mut table = bare(view, &["RULE", "PACKAGE", "ID", "REASON"]);
    for group in report.suppressed_groups() {
        let row = rows::single(&group, is_narrow(view));
        let suppression = group.first().matched.suppressed.as_ref();
        table.add_row([
            Cell::new(suppression.map_or("", |suppression| suppression.rule.name())),
            Cell::new(format!("{} {}", row.package, row.installed)),
            Cell::new(row.id),
            Cell::new(suppression.map(|suppression| plain(&suppression.reason)).unwrap_or_default()),
        ]);
    }
    if let Some(column) = table.column_mut(0) {
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(11)));
    }
    table.to_string()
}

/// The word, and below it (beside it where lines are not broken) what makes it more urgent.
fn severity(row: &Row, view: View) -> Cell {
    let word = if row.is_malware { "MALWARE".to_owned() } else { row.severity.name().to_uppercase() };
    let separator = if view.width.is_some() { '\n' } else { ' ' };
    let text = match &row.mark {
        Some(mark) => format!("{word}{separator}{mark}"),
        None => word,
    };
    let cell = Cell::new(text);
    if row.is_malware || row.mark.is_some() {
        return cell.fg(Color::Red).add_attribute(Attribute::Bold);
    }
    match row.severity {
        Severity::Critical => cell.fg(Color::Red).add_attribute(Attribute::Bold),
        Severity::High => cell.fg(Color::Red),
        Severity::Medium => cell.fg(Color::Yellow),
        Severity::Low => cell.fg(Color::Blue),
        Severity::Negligible | Severity::Unknown => cell.add_attribute(Attribute::Dim),
    }
}

/// The words of a group's severity, for headings.
pub(super) fn word(group: &Group<'_>) -> String {
    if group.is_malware() { "malware".to_owned() } else { group.severity().name().to_owned() }
}
