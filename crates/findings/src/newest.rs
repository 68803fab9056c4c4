//! The version that mends all: the newest of several.

use std::cmp::Ordering;

use advisory::versions::Scheme;

/// The newest of versions; the first where nobody knows their order.
pub(crate) fn newest<'a>(scheme: Option<Scheme>, versions: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    versions.reduce(|newest, version| if is_older(scheme, newest, version) { version } else { newest })
}

/// Adds a version to those that are needed: older ones are not needed any more, and several stay where nobody knows
/// their order.
pub(crate) fn raise(versions: &mut Vec<String>, version: &str, scheme: Option<Scheme>) {
    let order = |known: &String| scheme.and_then(|scheme| scheme.compare(known, version));
    let is_enough = |known: &String| matches!(order(known), Some(Ordering::Greater | Ordering::Equal));
    if versions.iter().any(|known| known == version || is_enough(known)) {
        return;
    }
    versions.retain(|known| order(known) != Some(Ordering::Less));
    versions.push(version.to_owned());
}

fn is_older(scheme: Option<Scheme>, one: &str, other: &str) -> bool {
    scheme.and_then(|scheme| scheme.compare(one, other)) == Some(Ordering::Less)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raised(scheme: Option<Scheme>, versions: &[&str]) -> Vec<String> {
        let mut kept = Vec::new();
        for version in versions {
            raise(&mut kept, version, scheme);
        }
        kept
    }

    #[test]
    fn an_update_goes_to_the_version_that_mends_all() {
        assert_eq!(raised(Some(Scheme::Dpkg), &["1.10-1", "1.9-1", "1.10-1+deb12u1", "1.10-1"]), ["1.10-1+deb12u1"]);
        assert_eq!(raised(Some(Scheme::Pep440), &["2.0rc1", "2.0", "1.11"]), ["2.0"]);
    }

    #[test]
    fn where_nobody_knows_the_order_all_are_named() {
        assert_eq!(raised(None, &["b", "a", "b"]), ["b", "a"]);
    }
}
