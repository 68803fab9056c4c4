//! What the image's distribution itself means for the answer: that it is over, or that somebody else named it.

use advisory::end_of_life::end_of_life;

use crate::Report;
use crate::escape::plain;

/// The lines, each a sentence.
pub(super) fn lines(report: &Report) -> Vec<String> {
    let Some(release) = &report.inventory.release else { return Vec::new() };
    let numbered = match release.version_id.as_str() {
        "" => plain(&release.id),
        version => format!("{} {}", plain(&release.id), plain(version)),
    };
    let mut lines = Vec::new();
    if report.inventory.release_told {
        lines.push(format!("judged as {numbered}, as --distro says"));
    }
    // Both begin with the day, year first.
    if let Some(day) = end_of_life(release).filter(|day| report.scanned_at.as_str() > *day) {
        let name = release.pretty_name.as_deref().map_or(numbered, plain);
        lines.push(format!(
            "{name} has had no security support since {day}: what is found in it is not mended any more, and not all of it \
             told; move to a newer release"
        ));
    }
    lines
}
