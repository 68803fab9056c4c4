//! Red Hat's products: which of them a record speaks of, and which of them an image is of.
//!
//! OSV's suffix is a CPE without its begin (`enterprise_linux:9::appstream`, `rhel_eus:9.2::baseos`,
//! `openshift:4.14::el9`). Each product numbers its builds by itself: a fix of an extended update stream (`el8_6.1`)
//! says nothing of the base system's build. Which repositories an image's packages may have come from stands in its content manifests
//! (`content_sets`), where it has some: then the records of these repositories' products count, and no others' do. Where it has none,
//! or one of its content sets is of a product that is not known here, a package that the base system has is judged by the base
//! system's records, and one that it does not have by those of the products that do.

use super::{Case, Rule, Suppression};

/// A product as a suffix names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Product<'a> {
    name: &'a str,
    /// Its own version (`4.14` of `openshift:4.14::el9`).
    version: &'a str,
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
        Self { name, version, release: from_edition.or(from_version) }
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
    if !case.place.is_other_product {
        return None;
    }
    let suffix = case.place.name.strip_prefix("Red Hat:").unwrap_or(case.place.name);
    let sets = &case.image.inventory.content_sets;
    let products: Vec<_> = sets.iter().map(|set| product_of(set)).collect();
    let wanted = Product::read(suffix);
    let has = |product: &(&str, &str)| {
        product.0 == wanted.name && (product.1.is_empty() || wanted.version.is_empty() || product.1 == wanted.version)
    };
    if products.iter().flatten().any(has) {
        return None;
    }
    let reason = if case.in_base {
        format!(
            "the record is about {suffix}, and {} is a package of Red Hat Enterprise Linux itself, whose own records count",
            case.name
        )
    } else if !sets.is_empty() && products.iter().all(Option::is_some) {
        format!("the record is about {suffix}, and the image's content sets ({}) are of other products", shown(sets))
    } else {
        return None;
    };
    Some(Suppression { rule: Rule::Repository, reason })
}

/// A few content sets for people.
fn shown(sets: &[String]) -> String {
    const SHOWN: usize = 4;
    let more = sets.len().saturating_sub(SHOWN);
    let shown = sets.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

/// The product that a content set is of, as OSV's suffixes call it, and its version where the name tells one; `None` where that
/// is not known. After the names in Red Hat's repository-to-cpe.json:
///
/// | content set | product |
/// |---|---|
/// | `rhel-9-for-x86_64-baseos-rpms`, `ubi-9-appstream-rpms`, `codeready-builder-for-rhel-9-…`, `rhel-7-server-rpms` | `enterprise_linux` |
/// | `rhel-8-for-x86_64-baseos-eus-rpms__8_DOT_6` | `rhel_eus`, `8.6`; so `aus`, `e4s`, `tus`, `els` |
/// | `rhocp-4.14-for-rhel-9-x86_64-rpms`, `rhel-7-server-ose-3.11-rpms` | `openshift`, `4.14`, `3.11` |
/// | `rhel-server-rhscl-7-rpms` | `rhel_software_collections` |
/// | `jb-eap-7.4-for-rhel-8-x86_64-rpms` | `jboss_enterprise_application_platform`, `7.4` |
/// | `ansible-automation-platform-2.4-for-rhel-9-…` | `ansible_automation_platform`, `2.4` |
fn product_of(set: &str) -> Option<(&'static str, &str)> {
    const STREAMS: [(&str, &str); 5] = [
        ("-eus-", "rhel_eus"),
        ("-aus-", "rhel_aus"),
        ("-e4s-", "rhel_e4s"),
        ("-tus-", "rhel_tus"),
        ("-els-", "rhel_els"),
    ];
    const LAYERED: [(&str, &str); 3] = [
        ("rhocp-", "openshift"),
        ("jb-eap-", "jboss_enterprise_application_platform"),
        ("ansible-automation-platform-", "ansible_automation_platform"),
    ];
    let number = |text: &'_ str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
    for (begin, product) in LAYERED {
        if let Some(rest) = set.strip_prefix(begin) {
            return Some((product, &rest[..number(rest)]));
        }
    }
    if let Some(rest) = set.strip_prefix("rhel-7-server-ose-") {
        return Some(("openshift", &rest[..number(rest)]));
    }
    if set.contains("-rhscl-") {
        return Some(("rhel_software_collections", ""));
    }
    if let Some((_, product)) = STREAMS.iter().find(|(mark, _)| set.contains(mark)) {
        // The minor release is written `8_DOT_6`, which no suffix is: the product alone has to do.
        return Some((product, ""));
    }
    let is_of_release = |begin: &str| set.strip_prefix(begin).is_some_and(|rest| number(rest) > 0);
    let base = ["rhel-", "ubi-", "codeready-builder-for-rhel-", "codeready-builder-for-ubi-"];
    base.into_iter().any(is_of_release).then_some(("enterprise_linux", ""))
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
    fn a_content_set_is_of_the_product_that_its_name_tells() {
        for (set, product) in [
            ("rhel-9-for-x86_64-baseos-rpms", Some(("enterprise_linux", ""))),
            ("rhel-8-for-aarch64-appstream-source-rpms", Some(("enterprise_linux", ""))),
            ("ubi-9-appstream-rpms", Some(("enterprise_linux", ""))),
            ("codeready-builder-for-rhel-9-x86_64-rpms", Some(("enterprise_linux", ""))),
            ("rhel-7-server-rpms", Some(("enterprise_linux", ""))),
            ("rhel-8-for-x86_64-baseos-eus-rpms__8_DOT_6", Some(("rhel_eus", ""))),
            ("rhel-8-for-x86_64-appstream-aus-rpms", Some(("rhel_aus", ""))),
            ("rhocp-4.14-for-rhel-9-x86_64-rpms", Some(("openshift", "4.14"))),
            ("rhel-7-server-ose-3.11-rpms", Some(("openshift", "3.11"))),
            ("rhel-server-rhscl-7-rpms", Some(("rhel_software_collections", ""))),
            ("jb-eap-7.4-for-rhel-8-x86_64-rpms", Some(("jboss_enterprise_application_platform", "7.4"))),
            ("rhceph-5-tools-for-rhel-8-x86_64-rpms", None),
            ("rhel-", None),
            ("", None),
        ] {
            assert_eq!(product_of(set), product, "{set}");
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
