//! Lists of numbers: Hackage (`1.2.3`) and CRAN (`1.2-3`, the hyphen as good as a dot). A longer list is newer.

use std::cmp::Ordering;

use super::digits::{compare as compare_numbers, only as is_number};

/// Compares two lists whose numbers are divided by any of `separators`; `None` where something else stands in one.
pub(super) fn compare(left: &str, right: &str, separators: &[char]) -> Option<Ordering> {
    let numbers = |text: &str| {
        let parts: Vec<String> = text.trim().split(separators).map(str::to_owned).collect();
        parts.iter().all(|part| is_number(part)).then_some(parts)
    };
    let (left, right) = (numbers(left)?, numbers(right)?);
    let first_difference =
        left.iter().zip(&right).map(|(left, right)| compare_numbers(left, right)).find(|o| o.is_ne());
    Some(first_difference.unwrap_or_else(|| left.len().cmp(&right.len())))
}
