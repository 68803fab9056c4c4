//! Under which of its names a segment tells of an ecosystem and release.
//!
//! | asked of | looked up |
//! |---|---|
//! | `Debian:12` | `Debian:12`, then `Debian`: records for every release |
//! | `Maven`, `Packagist`, `VSCode` | the name, then with each repository's address behind it (`Maven:https://maven.google.com`): names are unique across them |
//! | `Red Hat:enterprise_linux:9` | every product of that major release, those of the base system first |
//! | `SUSE:Linux Enterprise Server 15 SP5` | then every product of that release that has `Linux Enterprise` before it: its packages come out of modules (`Linux Enterprise Module for Basesystem 15 SP5`), and long-term support goes on numbering the same builds (`Linux Enterprise Server 15 SP5-LTSS`) |

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
            "SUSE" => {
                let wanted = suse_release(ecosystem);
                add_others(&mut others, segment, base, |suffix| {
                    let release = suse_release(suffix);
                    (release.is_some() && release == wanted).then_some(false)
                })?;
                others.retain(|other| other.name != ecosystem);
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

/// `15 SP5` of `SUSE:Linux Enterprise Server 15 SP5` and of its long-term support (`15 SP5-LTSS`); none of what is numbered
/// otherwise (`Linux Enterprise Micro 5.5`).
fn suse_release(ecosystem: &str) -> Option<&str> {
    let product = ecosystem.strip_prefix("SUSE:").unwrap_or(ecosystem);
    let product = product.strip_prefix("Linux Enterprise ").filter(|product| !product.starts_with("Micro"))?;
    let starts_with_digit = |text: &str| text.starts_with(|first: char| first.is_ascii_digit());
    let release = &product[product.find(|character: char| character.is_ascii_digit())?..];
    // `Module for Python 3 15 SP5`: a number of the module's own comes first.
    let release =
        release.split_once(' ').map(|(_, rest)| rest).filter(|rest| starts_with_digit(rest)).unwrap_or(release);
    release.split('-').next()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_suse_that_share_a_release_are_told_by_its_number() {
        for (name, release) in [
            ("SUSE:Linux Enterprise Server 15 SP5", Some("15 SP5")),
            ("Linux Enterprise Server 15 SP5-LTSS", Some("15 SP5")),
            ("Linux Enterprise Module for Python 3 15 SP5", Some("15 SP5")),
            ("Linux Enterprise Module for Basesystem 15 SP5", Some("15 SP5")),
            ("Linux Enterprise Server 15", Some("15")),
            ("Linux Enterprise Server 16.0", Some("16.0")),
            ("Linux Enterprise Micro 5.5", None),
            ("Manager Proxy 4.3", None),
            ("Linux Enterprise Server", None),
        ] {
            assert_eq!(suse_release(name), release, "{name}");
        }
    }
}
