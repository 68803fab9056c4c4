//! The table for a terminal.

use advisory::Severity;
use comfy_table::{Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, Table, Width, presets};

use super::group::{self, MOST_SINGLE_ROWS, Row};
use super::summary;
use crate::Report;
use crate::escape::plain;

/// A narrower terminal gets lines that are broken by itself.
const NARROWEST: u16 = 60;

/// The report as text: what image, a row for each finding (or package, where there are many), the summary. As wide as
/// `width` says, or as its content without one. Understandable without colour.
pub fn table(report: &Report, width: Option<u16>, colour: bool) -> String {
    let mut text = head(report);
    text.push('\n');
    if !report.findings.is_empty() {
        let many = report.findings.len() > MOST_SINGLE_ROWS;
        let rows = if many { group::grouped(&report.findings) } else { group::single(&report.findings) };
        text.push('\n');
        for line in grid(&rows, width, colour).lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
    }
    text.push('\n');
    for line in summary::lines(report) {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// The image and what it is made of.
fn head(report: &Report) -> String {
    let release = report.inventory.release.as_ref();
    let release = release.and_then(|release| release.pretty_name.clone().or_else(|| Some(release.id.clone())));
    let mut parts = vec![plain(&report.platform)];
    parts.extend(release.filter(|name| !name.is_empty()).map(|name| plain(&name)));
    let layers = report.inventory.layers.len();
    let layers = format!("{layers} layer{}", if layers == 1 { "" } else { "s" });
    parts.push(match report.layers_read {
        0 => format!("{layers} known already"),
        read => format!("{layers}, {read} read now"),
    });
    format!("{}\n{}\n{}", plain(&report.name), report.digest, parts.join(" · "))
}

fn grid(rows: &[Row], width: Option<u16>, colour: bool) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    match width {
        Some(width) => {
            table.set_content_arrangement(ContentArrangement::Dynamic);
            table.set_width(width.max(NARROWEST));
        }
        None => {
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
    }
    if colour {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    let heading = |text: &str| Cell::new(text).add_attribute(Attribute::Bold);
    table.set_header(["SEVERITY", "PACKAGE", "INSTALLED", "FIXED IN", "ID", "LAYER"].map(heading));
    for row in rows {
        table.add_row([
            severity(row.severity),
            Cell::new(&row.package),
            Cell::new(&row.installed),
            Cell::new(&row.fixed),
            Cell::new(&row.id),
            Cell::new(&row.layer),
        ]);
    }
    // The first column must not be broken, or the eye finds nothing.
    if let Some(column) = table.column_mut(0) {
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(12)));
        column.set_padding((0, 2));
    }
    for number in 1..5 {
        if let Some(column) = table.column_mut(number) {
            column.set_padding((0, 2));
        }
    }
    if let Some(column) = table.column_mut(5) {
        column.set_padding((0, 0));
        column.set_cell_alignment(CellAlignment::Right);
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(5)));
    }
    table.to_string()
}

fn severity(severity: Severity) -> Cell {
    let cell = Cell::new(severity.name().to_uppercase());
    match severity {
        Severity::Critical => cell.fg(Color::Red).add_attribute(Attribute::Bold),
        Severity::High => cell.fg(Color::Red),
        Severity::Medium => cell.fg(Color::Yellow),
        Severity::Low => cell.fg(Color::Blue),
        Severity::Negligible | Severity::Unknown => cell.add_attribute(Attribute::Dim),
    }
}
