//! Red Hat's products: which of them a record speaks of, and which of them an image is of.
//!
//! OSV's suffix is a CPE without its begin (`enterprise_linux:9::appstream`, `rhel_eus:9.2::baseos`,
//! `openshift:4.14::el9`). Each product numbers its builds by itself: a fix of an extended update stream (`el8_6.1`)
//! says nothing of the base system's build. Which repositories an image's packages came from is not kept in the image,
//! so a package that the base system has is judged by the base system's records, and one that it does not have by those
//! of the products that do.

use super::{Case, Rule, Suppression};

/// A product as a suffix names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Product<'a> {
    name: &'a str,
    /// The major release of Red Hat Enterprise Linux that it is built for.
    pub(crate) release: Option<u32>,
}

impl<'a> Product<'a> {
    pub(crate) fn read(suffix: &'a str) -> Self {
        let mut fields = suffix.split(':');
        let name = fields.next().unwrap_or_default();
        let version = fields.next().unwrap_or_default();
        let is_release = name == "enterprise_linux" || name.starts_with("rhel_");
        let from_version = if is_release { major(version) } else { None };
        // `openshift:4.14::el9`; `rhel_software_collections:3::el7` has both, and its own version is no release.
        let from_edition = fields.find_map(|field| major(field.strip_prefix("el")?));
        Self { name, release: from_edition.or(from_version) }
    }

    /// Whether it is the distribution itself, as every subscription and the free base images have it.
    pub(crate) fn is_base(&self) -> bool {
        self.name == "enterprise_linux"
    }
}

/// The major release that an ecosystem is of: `Red Hat:enterprise_linux:9::baseos`, `Red Hat:9.4`.
pub(crate) fn release(ecosystem: &str) -> Option<u32> {
    let suffix = ecosystem.strip_prefix("Red Hat:")?;
    major(suffix).or_else(|| Product::read(suffix).release)
}

fn major(version: &str) -> Option<u32> {
    let number = version.split('.').next()?;
    if number.bytes().all(|byte| byte.is_ascii_digit()) { number.parse().ok() } else { None }
}

/// Suppresses what another product says of a package that the base system has too.
pub(super) fn judge(case: &Case<'_>) -> Option<Suppression> {
    if !case.place.is_other_product || !case.in_base {
        return None;
    }
    let product = case.place.name.strip_prefix("Red Hat:").unwrap_or(case.place.name);
    let reason = format!(
        "the record is about {product}, and {} is a package of Red Hat Enterprise Linux itself, whose own records count",
        case.name
    );
    Some(Suppression { rule: Rule::Repository, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_product_is_of_the_release_that_its_cpe_names() {
        for (suffix, release, is_base) in [
            ("enterprise_linux:9::appstream", Some(9), true),
            ("enterprise_linux:10.0", Some(10), true),
            ("rhel_eus:9.2::baseos", Some(9), false),
            ("rhel_aus:8.6::appstream", Some(8), false),
            ("openshift:4.14::el9", Some(9), false),
            ("rhel_software_collections:3::el7", Some(7), false),
            ("jboss_enterprise_application_platform:7.4", None, false),
            ("", None, false),
        ] {
            let product = Product::read(suffix);
            assert_eq!((product.release, product.is_base()), (release, is_base), "{suffix}");
        }
    }

    #[test]
    fn an_image_is_of_a_release_however_its_ecosystem_is_written() {
        for ecosystem in
            ["Red Hat:9", "Red Hat:9.4", "Red Hat:enterprise_linux:9", "Red Hat:enterprise_linux:9::baseos"]
        {
            assert_eq!(release(ecosystem), Some(9), "{ecosystem}");
        }
        assert_eq!(release("Red Hat"), None);
    }
}
