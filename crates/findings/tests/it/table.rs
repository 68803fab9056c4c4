//! What a person sees at a terminal.

use findings::render::table;
use findings::{About, Report};

use crate::sample::{about, identity, inventory, large, small};

#[test]
fn the_table_fits_a_terminal_of_eighty_columns() {
    let text = table(&small(), Some(80), false);
    assert!(text.lines().all(|line| line.chars().count() <= 80 || !line.starts_with(char::is_uppercase)), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn the_table_fits_a_terminal_of_a_hundred_and_forty_columns() {
    insta::assert_snapshot!(table(&small(), Some(140), false));
}

#[test]
fn many_findings_become_one_row_for_each_package_to_renew() {
    insta::assert_snapshot!(table(&large(), Some(100), false));
}

#[test]
fn colour_is_added_to_the_same_text_and_only_when_wanted() {
    let (plain, coloured) = (table(&small(), Some(100), false), table(&small(), Some(100), true));
    assert!(!plain.contains('\u{1b}'));
    let mut stripped = String::new();
    let mut rest = coloured.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        stripped.push_str(before);
        rest = after.split_once('m').expect("an escape sequence ends").1;
    }
    stripped.push_str(rest);
    let trimmed = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
    assert_eq!(trimmed(&stripped), trimmed(&plain));
    assert_ne!(coloured, plain);
}

#[test]
fn without_a_terminal_no_line_is_broken() {
    let text = table(&small(), None, false);
    assert!(
        text.lines().any(|line| line.contains("CVE-2016-10745 (PYSEC-2019-220)") && line.contains("2.8.1")),
        "{text}"
    );
}

#[test]
fn an_image_in_which_nothing_is_wrong_or_nothing_known_says_so() {
    let nothing_found = small();
    let packages = nothing_found.inventory.packages[..2].to_vec();
    let fine = Report::of_verdicts(
        about(),
        inventory(packages.clone()),
        identity(),
        vec![advisory::Verdict::Covered(Vec::new()), advisory::Verdict::Covered(Vec::new())],
    );
    let old = About { scanned_at: "2026-12-24T00:00:00Z".into(), layers_read: 0, ..about() };
    let unknown = Report::new(old, inventory(packages), None).expect("no index, no damage");
    let empty = Report::of_verdicts(about(), inventory(Vec::new()), identity(), Vec::new());
    let all = [fine, unknown, empty].map(|report| table(&report, Some(100), false)).join("\n---\n");
    insta::assert_snapshot!(all);
}
