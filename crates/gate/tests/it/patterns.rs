//! The pattern matcher against a slow one that is plainly right.

use gate::{Pattern, normalise};
use proptest::prelude::*;

/// What the documentation of patterns says, word for word, without a thought for speed.
fn matches_plainly(pattern: &[&str], name: &[&str]) -> bool {
    match (pattern, name) {
        ([], []) => true,
        (["**", rest @ ..], _) => (0..=name.len()).any(|taken| matches_plainly(rest, &name[taken..])),
        ([first, rest @ ..], [segment, segments @ ..]) => {
            within(first.as_bytes(), segment.as_bytes()) && matches_plainly(rest, segments)
        }
        _ => false,
    }
}

fn within(pattern: &[u8], text: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [b'*', rest @ ..] => (0..=text.len()).any(|taken| within(rest, &text[taken..])),
        [byte, rest @ ..] => text.first() == Some(byte) && within(rest, &text[1..]),
    }
}

fn segments_of_pattern() -> impl Strategy<Value = Vec<String>> {
    let segment = prop_oneof![Just("**".to_owned()), Just("*".to_owned()), "[ab](\\*?[ab]){0,3}\\*?"];
    prop::collection::vec(segment, 1..6)
}

fn segments_of_name() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[ab]{1,5}", 1..6)
}

proptest! {
    #[test]
    fn the_matcher_agrees_with_the_plain_one(pattern in segments_of_pattern(), name in segments_of_name()) {
        let (pattern, name) = (format!("r.io/{}", pattern.join("/")), format!("r.io/{}", name.join("/")));
        let expected = matches_plainly(
            &pattern.split('/').collect::<Vec<_>>(),
            &name.split('/').collect::<Vec<_>>(),
        );
        prop_assert_eq!(pattern.parse::<Pattern>().unwrap().matches(&name), expected, "{} {}", pattern, name);
    }

    #[test]
    fn a_name_matches_itself_and_with_two_stars_for_any_part_of_it(
        name in segments_of_name(), from in 0usize..6, to in 0usize..6,
    ) {
        let (from, to) = (from.min(name.len()), to.min(name.len()));
        let (from, to) = (from.min(to), from.max(to));
        let whole = format!("r.io/{}", name.join("/"));
        prop_assert!(whole.parse::<Pattern>().unwrap().matches(&whole));
        let mut parts = vec!["r.io"];
        parts.extend(name[..from].iter().map(String::as_str));
        parts.push("**");
        parts.extend(name[to..].iter().map(String::as_str));
        prop_assert!(parts.join("/").parse::<Pattern>().unwrap().matches(&whole), "{:?} {}", parts, whole);
    }

    #[test]
    fn any_text_is_a_pattern_or_an_error_that_says_something(text in "\\PC{0,40}|[a-z.:/*@-]{0,40}") {
        match text.parse::<Pattern>() {
            Ok(pattern) => { let _ = pattern.matches("docker.io/library/debian"); }
            Err(error) => prop_assert!(error.to_string().len() > 10),
        }
    }

    #[test]
    fn normalising_twice_changes_nothing(name in "[a-zA-Z.]{1,8}/[a-z/]{1,12}|docker.io/[a-z*]{1,5}(/[a-z*]{1,5})?") {
        let once = normalise(&name);
        prop_assert_eq!(normalise(&once), once);
    }
}

/// With a matcher that tries every split this needs some 2^100 steps, and the test never ends.
#[test]
fn a_hostile_pattern_costs_no_more_than_its_length_times_the_names() {
    let stars = format!("r.io/{}b", "a*".repeat(100));
    assert!(!stars.parse::<Pattern>().unwrap().matches(&format!("r.io/{}", "a".repeat(200))));
    let deep = format!("r.io/{}b", "**/a/".repeat(60));
    assert!(!deep.parse::<Pattern>().unwrap().matches(&format!("r.io/{}", vec!["a"; 120].join("/"))));
}
