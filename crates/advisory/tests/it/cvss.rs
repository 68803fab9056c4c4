//! Scores of CVSS vectors are those of FIRST's published examples and of another library.

use std::path::Path;
use std::process::Command;

use advisory::severity::cvss_score;

/// From FIRST's documents of examples for versions 2 (guide, section 3.3), 3.0, 3.1 and 4.0.
const PUBLISHED: &[(&str, f64)] = &[
    // CVE-2002-0392, CVE-2003-0818, CVE-2003-0062.
    ("AV:N/AC:L/Au:N/C:N/I:N/A:C", 7.8),
    ("AV:N/AC:L/Au:N/C:C/I:C/A:C", 10.0),
    ("AV:L/AC:H/Au:N/C:C/I:C/A:C", 6.2),
    // CVE-2013-1937, CVE-2013-0375, CVE-2014-3566, CVE-2012-1516, CVE-2009-0783, CVE-2012-0384, CVE-2014-0160.
    ("CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1),
    ("CVSS:3.0/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 6.4),
    ("CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 3.1),
    ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H", 9.9),
    ("CVSS:3.1/AV:L/AC:L/PR:H/UI:N/S:U/C:L/I:L/A:L", 4.2),
    ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", 8.8),
    ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", 7.5),
    // CVE-2020-3549, CVE-2022-41741.
    ("CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:P/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 7.7),
    ("CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 7.3),
];

#[test]
fn the_published_examples_have_their_published_scores() {
    for (vector, score) in PUBLISHED {
        assert_eq!(cvss_score(vector), Some(*score), "{vector}");
    }
}

#[test]
fn what_a_vector_says_beyond_its_base_changes_no_base_score_and_loses_none() {
    for (vector, score) in [
        ("AV:N/AC:L/Au:N/C:N/I:N/A:C/E:F/RL:OF/RC:C", 7.8),
        ("CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N/E:P/RL:O/RC:C", 6.1),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N/E:U/CR:H/MAV:L", 7.5),
        // Version 4 has one score, and what else is known is part of it.
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/S:P/AU:Y/R:U/V:C/RE:L/U:Red", 9.3),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/E:P", 8.9),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N/CR:L/IR:L/AR:L/MAV:A", 7.3),
    ] {
        assert_eq!(cvss_score(vector), Some(score), "{vector}");
    }
}

#[test]
fn thousands_of_random_vectors_score_as_another_library_says() {
    let has = Command::new("python3").args(["-c", "import cvss"]).output().is_ok_and(|run| run.status.success());
    if !has {
        // No distribution packages it, so that it cannot be asked for.
        println!("skipped: python3 has no library `cvss` (pip install cvss)");
        return;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/random_vectors.py");
    let run = Command::new("python3").arg(script).arg("4000").output().expect("python runs");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let (mut checked, mut wrong) = (0, Vec::new());
    for line in String::from_utf8(run.stdout).expect("text").lines() {
        let (vector, score) = line.split_once('\t').expect("two fields");
        let expected: f64 = score.parse().expect("a score");
        if cvss_score(vector) != Some(expected) {
            wrong.push(format!("{vector}: {:?}, the library {expected}", cvss_score(vector)));
        }
        checked += 1;
    }
    assert_eq!(wrong.len(), 0, "of {checked}: {:#?}", &wrong[..wrong.len().min(20)]);
    assert!(checked >= 20_000, "{checked}");
}
