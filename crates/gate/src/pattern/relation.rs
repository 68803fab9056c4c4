//! How two patterns stand to each other.

use super::{Pattern, Segment, covers_within};

impl Pattern {
    /// Whether every repository that `other` matches is matched by this one; `false` where that is not plain.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        if self == other {
            return true;
        }
        let (prefix, is_open) = match self.segments.split_last() {
            Some((Segment::Any, prefix)) => (prefix, true),
            _ => (&self.segments[..], false),
        };
        // A `*` of the other is a letter like others here: only one of ours stands for it, and for all that it can be.
        let covers_part = |pair: (&Segment, &Segment)| match pair {
            (Segment::One(ours), Segment::One(other)) => covers_within(ours.as_bytes(), other.as_bytes()),
            _ => false,
        };
        let long_enough =
            if is_open { other.segments.len() >= prefix.len() } else { other.segments.len() == prefix.len() };
        long_enough && prefix.iter().zip(&other.segments).all(covers_part)
    }

    /// Whether there can be a repository that both match; `true` where that is not plain.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        let (a, b) = (&self.segments, &other.segments);
        // `reach[j]`: the first i segments of `a` and the first j of `b` can be the same names.
        let mut reach = vec![false; b.len() + 1];
        for i in 0..=a.len() {
            let mut row = vec![false; b.len() + 1];
            for j in 0..=b.len() {
                let (x, y) = (i.checked_sub(1).map(|i| &a[i]), j.checked_sub(1).map(|j| &b[j]));
                row[j] = match (x, y) {
                    (None, None) => true,
                    // `**` stands for nothing, or for one more segment of the other.
                    (x, y) if x == Some(&Segment::Any) || y == Some(&Segment::Any) => {
                        (x == Some(&Segment::Any) && (reach[j] || (j > 0 && row[j - 1])))
                            || (y == Some(&Segment::Any) && ((j > 0 && row[j - 1]) || (i > 0 && reach[j])))
                    }
                    (Some(Segment::One(x)), Some(Segment::One(y))) => reach[j - 1] && may_be_same(x, y),
                    _ => false,
                };
            }
            reach = row;
        }
        reach[b.len()]
    }
}

/// Whether two parts, each perhaps with `*`, can stand for the same text: by what stands before the first `*` and
/// after the last.
fn may_be_same(a: &str, b: &str) -> bool {
    let ends = |text: &str| {
        let (start, rest) = text.split_once('*').map_or((text.to_owned(), None), |(s, r)| (s.to_owned(), Some(r)));
        let end = rest.map(|rest| rest.rsplit('*').next().unwrap_or_default().to_owned());
        (start, end)
    };
    let agree = |a: &str, b: &str| a.starts_with(b) || b.starts_with(a);
    let agree_back = |a: &str, b: &str| a.ends_with(b) || b.ends_with(a);
    match (ends(a), ends(b)) {
        ((_, None), (_, None)) => a == b,
        ((_, None), _) => covers_within(b.as_bytes(), a.as_bytes()),
        (_, (_, None)) => covers_within(a.as_bytes(), b.as_bytes()),
        ((a, Some(a_end)), (b, Some(b_end))) => agree(&a, &b) && agree_back(&a_end, &b_end),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        text.parse().unwrap()
    }

    #[test]
    fn a_prefix_covers_what_lies_below_it() {
        let covers = |a: &str, b: &str| pattern(a).covers(&pattern(b));
        assert!(covers("**", "r.example.com/a"));
        assert!(covers("r.example.com/a/**", "r.example.com/a"));
        assert!(covers("r.example.com/a/**", "r.example.com/a/*/b/**"));
        assert!(!covers("r.example.com/a/**", "r.example.com/ab"));
        assert!(!covers("r.example.com/a", "r.example.com/a/**"));
        assert!(covers("r.example.com/*/**", "r.example.com/a/b"));
        assert!(covers("*.example.com/**", "eu.example.com/a/**"));
        assert!(covers("r.example.com/team-*", "r.example.com/team-a*"));
        assert!(!covers("r.example.com/team-a*", "r.example.com/team-*"));
        assert!(!covers("*.example.com/**", "*/a"));
        assert!(!covers("r.example.com/*", "r.example.com/**"));
        assert!(!covers("r.example.com/*/**", "r.example.com/**"), "none is not one");
        assert!(!covers("r.example.com/**/a", "r.example.com/b/a"), "not plain");
    }

    #[test]
    fn patterns_meet_where_one_name_can_match_both() {
        let meets = |a: &str, b: &str| {
            let (a, b) = (pattern(a), pattern(b));
            assert_eq!(a.meets(&b), b.meets(&a), "{a} {b}");
            a.meets(&b)
        };
        assert!(meets("**", "r.example.com/a"));
        assert!(meets("r.example.com/*/b", "r.example.com/a/**"));
        assert!(meets("r.example.com/a/**", "r.example.com/a"));
        assert!(meets("*.example.com/**/x", "eu.example.com/a/b/x"));
        assert!(meets("r.example.com/te*", "r.example.com/*am"));
        assert!(!meets("r.example.com/a/**", "r.example.com/b/**"));
        assert!(!meets("r.example.com/a", "r.example.com/a/b"));
        assert!(!meets("r.example.com/te*", "r.example.com/xe*"));
        assert!(!meets("*.example.com/**", "example.com/a"));
    }
}
