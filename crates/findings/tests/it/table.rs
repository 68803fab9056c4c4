//! What a person sees at a terminal.

use findings::ignore::IgnoreFile;
use findings::render::{View, table};
use findings::{About, Report};
use time::macros::date;

use advisory::{Severity, Verdict};
use inventory::PackageKind;
use inventory::package::Located;

use crate::sample::{about, identity, inventory, large, located, matched, small, urgent};

fn view(width: u16, colour: bool) -> View {
    View { width: Some(width), colour, all: false }
}

#[test]
fn the_table_fits_a_terminal_of_eighty_columns() {
    let text = table(&small(), view(80, false));
    // A digest and a command are not broken: they are there to be copied.
    let is_whole = |line: &str| line.starts_with("sha256:") || line.trim_start().starts_with("apt-get");
    assert!(text.lines().all(|line| line.chars().count() <= 80 || is_whole(line)), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn the_table_fits_a_terminal_of_a_hundred_and_forty_columns() {
    insta::assert_snapshot!(table(&small(), view(140, false)));
}

#[test]
fn many_findings_become_one_row_for_each_package_to_renew() {
    insta::assert_snapshot!(table(&large(), view(100, false)));
}

#[test]
fn colour_is_added_to_the_same_text_and_only_when_wanted() {
    let (plain, coloured) = (table(&small(), view(100, false)), table(&small(), view(100, true)));
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
    let text = table(&small(), View::default());
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
    let all = [fine, unknown, empty].map(|report| table(&report, view(100, false))).join("\n---\n");
    insta::assert_snapshot!(all);
}

#[test]
fn an_image_whose_distribution_is_over_says_since_when() {
    let of = |release: &str, scanned_at: &str| {
        let mut inventory = inventory(Vec::new());
        inventory.release = Some(inventory::Release::parse_override(release).expect("a release"));
        let about = About { scanned_at: scanned_at.into(), ..about() };
        table(&Report::of_verdicts(about, inventory, identity(), Vec::new()), View::default())
    };
    let told = of("debian:10", "2026-11-25T00:00:00Z");
    assert!(told.contains("debian 10 has had no security support since 2024-06-30:"), "{told}");
    assert!(!of("debian:12", "2026-11-25T00:00:00Z").contains("security support"));
    assert!(of("debian:12", "2028-07-01T00:00:00Z").contains("since 2028-06-30"));
    assert!(!of("fedora:99", "2026-11-25T00:00:00Z").contains("security support"));
}

#[test]
fn everything_is_listed_with_its_reason_when_all_is_asked_for() {
    let mut report = urgent();
    let ignore = "[[ignore]]\nid = \"CVE-2014-1402\"\nreason = \"templates are our own\"\nuntil = 2027-01-31\n";
    IgnoreFile::parse(ignore, "ignore.toml").expect("sound").apply(&mut report, date!(2026 - 11 - 25));
    let wide = View { width: Some(160), colour: false, all: true };
    insta::assert_snapshot!(table(&report, wide));
}

#[test]
fn what_is_exploited_stands_first_and_headers_last() {
    insta::assert_snapshot!(table(&urgent(), view(80, false)));
}

#[test]
fn a_module_in_several_programs_is_one_row_that_says_where_it_is() {
    let paths = ["/usr/bin/one", "/usr/bin/two", "/opt/three"];
    let packages: Vec<_> = paths
        .iter()
        .map(|path| Located {
            path: (*path).into(),
            ..located(PackageKind::Golang, "golang.org/x/text", "v0.3.5", None, 1)
        })
        .collect();
    let verdict =
        || Verdict::Covered(vec![matched("GO-2021-0113", &["CVE-2021-38561"], Severity::High, None, Some("0.3.7"))]);
    let verdicts = packages.iter().map(|_| verdict()).collect();
    let report = Report::of_verdicts(about(), inventory(packages), identity(), verdicts);
    let rows = |view: View| {
        let text = table(&report, view);
        text.lines().filter(|line| line.starts_with("HIGH")).map(str::to_owned).collect::<Vec<_>>()
    };
    let folded = rows(view(100, false));
    assert!(folded.len() == 1 && folded[0].contains("(3 places)"), "{folded:?}");
    let wide = rows(view(160, false));
    assert!(wide.len() == 1 && wide[0].ends_with("/opt/three and 2 more"), "{wide:?}");
    let all = rows(View { width: None, colour: false, all: true });
    assert_eq!(all.len(), 3, "{all:?}");
    for path in paths {
        assert!(all.iter().any(|row| row.ends_with(path)), "{all:?}");
    }
}
