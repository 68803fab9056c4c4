//! What to do, below the table: each package to upgrade with what goes away by it, then where the fixes come in.

use super::fields::{hanging, wrapped};
use super::words::number;
use crate::actions::{Actions, OfLayer, Upgrade};
use crate::escape::plain;

/// So many upgrades are told unless all are asked for.
const MOST_UPGRADES: usize = 10;

/// The block, without a line at its end; `None` where nothing was found.
pub(super) fn block(actions: &Actions, release: Option<&str>, width: Option<u16>, all: bool) -> Option<String> {
    let (removable, left) = (actions.removable(), actions.without_fix.total());
    if removable == 0 {
        return None;
    }
    let shown = if all { actions.upgrades.len() } else { MOST_UPGRADES.min(actions.upgrades.len()) };
    let found = match (removable, left) {
        (1, 0) => "the one finding goes away".to_owned(),
        (all, 0) => format!("all {all} findings go away"),
        (1, _) => format!("1 of {} findings goes away", removable + left),
        _ => format!("{removable} of {} findings go away", removable + left),
    };
    let rest = if left == 0 { String::new() } else { format!("; {left} cannot be mended yet") };
    let head = format!("WHAT TO DO: {found} by upgrading {}{rest}", number(actions.upgrades.len(), "package"));
    let mut lines = vec![wrapped(&head, width, 2)];
    let digits = actions.upgrades.iter().map(|upgrade| upgrade.removes.total()).max().unwrap_or(0).to_string().len();
    for upgrade in actions.upgrades.iter().take(shown) {
        lines.push(line(upgrade, digits, width));
    }
    let rest = &actions.upgrades[shown..];
    if !rest.is_empty() {
        let findings: usize = rest.iter().map(|upgrade| upgrade.removes.total()).sum();
        lines.push(format!(
            "  {} in {} more (--all lists them)",
            number(findings, "finding"),
            number(rest.len(), "package")
        ));
    }
    lines.extend(actions.base.iter().map(|base| wrapped(&format!("  {}", of_base(base, release)), width, 2)));
    lines.extend(actions.rebuilds.iter().map(|rebuild| wrapped(&format!("  {}", of_rebuild(rebuild)), width, 2)));
    Some(lines.join("\n"))
}

fn line(upgrade: &Upgrade, digits: usize, width: Option<u16>) -> String {
    let versions = upgrade.fixed.iter().map(|version| plain(version)).collect::<Vec<_>>().join(" or ");
    let exploited = match upgrade.exploited {
        0 => String::new(),
        count => format!(" ({count} exploited)"),
    };
    let headers = if upgrade.is_headers { " (kernel headers)" } else { "" };
    let begin = format!("  {:>digits$}  ", upgrade.removes.total());
    let what = format!("{} {} → {versions}{headers}{exploited}", plain(&upgrade.package), plain(&upgrade.installed));
    let indent = digits + 4;
    let Some(command) = &upgrade.command else { return hanging(&begin, &what, width, indent) };
    let length = indent + what.chars().count() + 3 + command.chars().count();
    if width.is_none_or(|width| length <= usize::from(width)) {
        format!("{begin}{what}   {command}")
    } else {
        // A command is not broken: it is there to be copied.
        format!("{}\n{}{command}", hanging(&begin, &what, width, indent), " ".repeat(indent))
    }
}

fn of_base(base: &OfLayer, release: Option<&str>) -> String {
    let release =
        release.map_or_else(|| "the distribution".to_owned(), |release| format!("today's {}", plain(release)));
    let line = base.created_by.as_deref().map(|line| format!(" ({})", shortened(line))).unwrap_or_default();
    format!(
        "a newer base: {} of these came with layer 0, on which all others stand{line}; {release} has the fixes",
        base.removes.total()
    )
}

fn of_rebuild(rebuild: &OfLayer) -> String {
    let line = rebuild.created_by.as_deref().map(shortened).unwrap_or_default();
    format!(
        "build again without the cache: {} of these came with layer {} ({line})",
        rebuild.removes.total(),
        rebuild.layer
    )
}

/// As much of a history line as tells which it is.
fn shortened(line: &str) -> String {
    const MOST: usize = 60;
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut shown: String = line.chars().take(MOST).collect();
    if shown.len() < line.len() {
        shown.push('…');
    }
    plain(&shown)
}
