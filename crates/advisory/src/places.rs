//! Under which of its names a segment tells of an ecosystem and release.
//!
//! | asked of | looked up |
//! |---|---|
//! | `Debian:12` | `Debian:12`, then `Debian`: records for every release |
//! | `Maven`, `Packagist`, `VSCode` | the name, then with each repository's address behind it (`Maven:https://maven.google.com`): names are unique across them |
//! | `Red Hat:enterprise_linux:9` | every product of that major release, those of the base system first |

use crate::ecosystem;
use crate::index::{Damage, EcosystemRow, Segment};
use crate::qualifier::red_hat::{self, Product};

/// An ecosystem's row in a segment, with its name there.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) row: &'a EcosystemRow,
    pub(crate) name: &'a str,
    /// Whether it is another product of Red Hat's than the base system.
    pub(crate) is_other_product: bool,
}

/// The rows to look a package up in. Only the last of it is ever allocated, for the few ecosystems that have it.
pub(crate) struct Places<'a> {
    release: Option<Place<'a>>,
    every_release: Option<Place<'a>>,
    others: Vec<Place<'a>>,
}

impl<'a> Places<'a> {
    /// Where a segment tells of an ecosystem.
    pub(crate) fn of(segment: Segment<'a>, ecosystem: &str) -> Result<Self, Damage> {
        let base = ecosystem::base(ecosystem);
        let release = exactly(segment, ecosystem)?;
        let every_release = if base == ecosystem { None } else { exactly(segment, base)? };
        let mut others = Vec::new();
        match base {
            "Maven" | "Packagist" | "VSCode" if base == ecosystem => {
                add_others(&mut others, segment, base, |suffix| suffix.contains("://").then_some(false))?;
            }
            "Red Hat" => {
                let wanted = red_hat::release(ecosystem);
                add_others(&mut others, segment, base, |suffix| {
                    let product = Product::read(suffix);
                    (product.release.is_some() && product.release == wanted).then_some(!product.is_base())
                })?;
                others.retain(|other| other.name != ecosystem);
                others.sort_by_key(|place| place.is_other_product);
            }
            _ => {}
        }
        Ok(Self { release, every_release, others })
    }

    /// Whether the segment tells of it at all.
    pub(crate) fn is_covered(&self) -> bool {
        self.iter().next().is_some()
    }

    /// In the order in which to ask.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Place<'a>> {
        self.release.into_iter().chain(self.every_release).chain(self.others.iter().copied())
    }
}

fn exactly<'a>(segment: Segment<'a>, name: &str) -> Result<Option<Place<'a>>, Damage> {
    let Some(row) = segment.ecosystem(name)? else { return Ok(None) };
    Ok(Some(Place { row, name: segment.text(row.name)?, is_other_product: false }))
}

/// Adds the ecosystems of a base whose suffix `wanted` wants; it says whether each is another product.
fn add_others<'a>(
    others: &mut Vec<Place<'a>>,
    segment: Segment<'a>,
    base: &str,
    wanted: impl Fn(&str) -> Option<bool>,
) -> Result<(), Damage> {
    for row in segment.ecosystems()? {
        let name = segment.text(row.name)?;
        let suffix = name.strip_prefix(base).and_then(|rest| rest.strip_prefix(':'));
        if let Some(is_other_product) = suffix.and_then(&wanted) {
            others.push(Place { row, name, is_other_product });
        }
    }
    Ok(())
}
