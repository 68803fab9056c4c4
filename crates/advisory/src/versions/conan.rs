//! Conan: like semver with any number of parts that may be words; trailing zeros mean nothing (conan `Version`).

use std::cmp::Ordering;

use super::digits::{compare as compare_numbers, only as is_number};

/// Compares two versions. Every text is a version to Conan.
pub(super) fn compare(left: &str, right: &str) -> Ordering {
    let (left, right) = (Parts::of(left), Parts::of(right));
    let prereleases = match (left.prerelease, right.prerelease) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(left), Some(right)) => items(left, right),
    };
    let builds = match (left.build, right.build) {
        (None, build) => {
            if build.is_some() {
                Ordering::Less
            } else {
                Ordering::Equal
            }
        }
        (Some(_), None) => Ordering::Greater,
        (Some(left), Some(right)) => items(left, right),
    };
    items(left.main, right.main).then(prereleases).then(builds)
}

struct Parts<'a> {
    main: &'a str,
    prerelease: Option<&'a str>,
    build: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Self {
        let (rest, build) =
            text.trim().rsplit_once('+').map_or((text.trim(), None), |(rest, build)| (rest, Some(build)));
        let (main, prerelease) = rest.split_once('-').map_or((rest, None), |(main, pre)| (main, Some(pre)));
        Self { main, prerelease, build }
    }
}

/// The parts of a text, without zeros at its end.
fn parts(text: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = text.split('.').collect();
    while parts.last().is_some_and(|last| is_number(last) && last.bytes().all(|digit| digit == b'0')) {
        parts.pop();
    }
    parts
}

fn items(left: &str, right: &str) -> Ordering {
    let (left, right) = (parts(left), parts(right));
    let pairs = left.iter().zip(&right).map(|(left, right)| match (is_number(left), is_number(right)) {
        (true, true) => compare_numbers(left, right),
        _ => left.cmp(right),
    });
    pairs.into_iter().find(|ordering| ordering.is_ne()).unwrap_or_else(|| left.len().cmp(&right.len()))
}
