//! Who built a Debian package that the distribution did not build.
//!
//! dpkg does not keep the repository that a package came from. What its builders write into the package tells: the
//! address of the maintainer, marks in the version, the field `Vendor` that no distribution writes and that the builders
//! of other people's packages (fpm, nfpm, omnibus) do. Versions of such packages are of another line than the
//! distribution's of the same name, so that its advisories would be wrong both ways: Debian's `nodejs` 18.19.0 has fixes
//! that NodeSource's 18.19.0-1nodesource1 has not.
//!
//! A sign is in the table only if no package of Debian's own bears it: addresses stand there whole where people write
//! from the same domain as Debian maintainers.

/// Something by which a builder's packages are known.
enum Sign {
    /// The maintainer's address, or its domain where it begins with `@`.
    Address(&'static str),
    /// The maintainer's name, where the field has no address.
    Name(&'static str),
    /// A part of the version.
    Version(&'static str),
}

use Sign::{Address, Name, Version};

/// Each builder with its signs, as of November 2026, out of its own repository's packages.
const BUILDERS: &[(&str, &[Sign])] = &[
    // apt.postgresql.org: the maintainers are Debian's own, the version says it.
    ("PostgreSQL Global Development Group", &[Version(".pgdg"), Version("~pgdg")]),
    ("NodeSource", &[Address("@nodesource.com"), Version("nodesource")]),
    ("Docker", &[Address("support@docker.com"), Address("@containerd.io"), Address("@docker.com")]),
    // packages.sury.org and its twins on Launchpad.
    ("deb.sury.org", &[Version("deb.sury.org"), Version("+0~20")]),
    ("nginx.org", &[Address("@nginx.com"), Address("@nginx.org"), Address("nginx-packaging@f5.com")]),
    ("MariaDB", &[Version("+maria~"), Address("developers@lists.mariadb.org")]),
    ("MySQL", &[Address("mysql-build@oss.oracle.com")]),
    ("Percona", &[Address("@percona.com")]),
    ("MongoDB", &[Address("@mongodb.com"), Address("@10gen.com")]),
    ("Redis", &[Address("@redis.com"), Address("@redis.io")]),
    ("Elastic", &[Address("@elastic.co")]),
    ("Grafana Labs", &[Address("@grafana.com")]),
    ("Kubernetes", &[Address("@kubernetes.io"), Address("kubernetes-dev+release@googlegroups.com")]),
    ("Yarn", &[Address("yarn@dan.cx")]),
    ("HashiCorp", &[Name("HashiCorp"), Address("@hashicorp.com")]),
    ("GitLab", &[Address("support@gitlab.com"), Address("@gitlab.com")]),
    ("GitHub", &[Name("GitHub")]),
    (
        "Microsoft",
        &[
            Address("@microsoft.com"),
            Address("dotnetpackages@dotnetfoundation.org"),
            Address("powershellteam@hotmail.com"),
        ],
    ),
    (
        "Google",
        &[
            Address("chromium-dev@chromium.org"),
            Address("chromium-browser@google.com"),
            Address("cloudsdk@google.com"),
            Address("google-cloud-sdk@google.com"),
            Address("gc-team@google.com"),
            Address("linux-packages-keymaster@google.com"),
        ],
    ),
    ("NVIDIA", &[Address("cudatools@nvidia.com"), Address("sw-cuda-installer@nvidia.com")]),
    ("Amazon Corretto", &[Address("corretto-team@amazon.com")]),
    ("Eclipse Adoptium", &[Address("temurin-dev@eclipse.org")]),
    ("Azul", &[Address("@azul.com"), Address("@azulsystems.com")]),
    ("BellSoft", &[Address("@bell-sw.com")]),
    // apt.llvm.org builds each night's state: `1:17.0.6~++20231208085846+6009708b4367-1~exp1~20231208085949.74`.
    ("apt.llvm.org", &[Version("~exp1~20")]),
    ("RabbitMQ", &[Address("@rabbitmq.com"), Address("rabbitmq-core@groups.vmware.com")]),
    ("ClickHouse", &[Address("@clickhouse.com"), Address("@yandex-team.ru")]),
    ("InfluxData", &[Address("@influxdata.com")]),
    ("Confluent", &[Address("@confluent.io")]),
    ("Timescale", &[Address("@timescale.com"), Address("@timescaledb.com")]),
    ("Citus Data", &[Address("@citusdata.com")]),
    ("Datadog", &[Address("@datadoghq.com")]),
    ("New Relic", &[Address("@newrelic.com")]),
    ("Splunk", &[Address("@splunk.com")]),
    ("Wazuh", &[Address("@wazuh.com")]),
    ("Zabbix", &[Address("@zabbix.com")]),
    ("Icinga", &[Address("info@icinga.com")]),
    ("Puppet", &[Address("@puppetlabs.com"), Address("@puppet.com")]),
    ("Chef", &[Address("@chef.io"), Address("@getchef.com")]),
    ("Neo4j", &[Address("@neo4j.com"), Address("@neotechnology.com")]),
    ("Couchbase", &[Address("@couchbase.com")]),
    ("OpenResty", &[Address("@openresty.com")]),
    ("HAProxy Technologies", &[Address("@haproxy.com")]),
    ("Varnish Software", &[Address("@varnish-software.com")]),
    ("Cloudflare", &[Address("@cloudflare.com")]),
    ("Tailscale", &[Address("@tailscale.com")]),
    ("Proxmox", &[Address("@proxmox.com")]),
    ("Jenkins", &[Address("kk@kohsuke.org"), Address("jenkinsci-dev@googlegroups.com")]),
    // Rebuilds of the distribution's packages with fixes of their own.
    ("Root", &[Version(".root.io")]),
    ("TuxCare", &[Version("tuxcare"), Address("@cloudlinux.com")]),
];

/// Who built a package, where it is known not to be the distribution.
pub(super) fn builder(
    maintainer: Option<&str>,
    origin: Option<&str>,
    vendor: Option<&str>,
    version: &str,
) -> Option<String> {
    let (name, address) = person(maintainer.unwrap_or_default());
    let lower = address.to_lowercase();
    let has = |sign: &Sign| match sign {
        Address(domain) if domain.starts_with('@') => lower.ends_with(domain),
        Address(whole) => lower == *whole,
        Name(whole) => address.is_empty() && name == *whole,
        Version(part) => version.contains(part),
    };
    if let Some((builder, _)) = BUILDERS.iter().find(|(_, signs)| signs.iter().any(has)) {
        return Some((*builder).to_owned());
    }
    if let Some(vendor) = vendor {
        let (vendor, _) = person(vendor);
        return match vendor.to_lowercase().as_str() {
            // What fpm writes for who says nothing.
            "none" | "unknown" | "" => Some(if name.is_empty() { "an unnamed builder" } else { name }.to_owned()),
            "debian" | "ubuntu" => None,
            _ => Some(vendor.to_owned()),
        };
    }
    // Ubuntu's own packages say so, and Launchpad's personal archives say which one.
    origin.filter(|origin| !["debian", "ubuntu"].contains(&origin.to_lowercase().as_str())).map(str::to_owned)
}

/// `Name <address>`.
fn person(text: &str) -> (&str, &str) {
    match text.split_once('<') {
        Some((name, rest)) => (name.trim().trim_matches('"'), rest.trim_end().trim_end_matches('>')),
        None if text.contains('@') => ("", text.trim()),
        None => (text.trim(), ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_of_other_builders_are_told_by_what_they_write() {
        for (maintainer, version, expected) in [
            ("Debian PostgreSQL Maintainers <team+postgresql@tracker.debian.org>", "16.1-1.pgdg120+1", "PostgreSQL"),
            ("NodeSource Support <support@nodesource.com>", "20.20.2-1nodesource1", "NodeSource"),
            ("Docker <support@docker.com>", "5:24.0.7-1~debian.12~bookworm", "Docker"),
            ("Containerd team <help@containerd.io>", "1.6.26-1", "Docker"),
            ("Debian PHP Maintainers <team+pkg-php@tracker.debian.org>", "8.2.14-1+0~20231222.74+debian12", "deb.sury"),
            ("NGINX Packaging <nginx-packaging@f5.com>", "1.25.3-1~bookworm", "nginx.org"),
            ("MySQL Release Engineering <mysql-build@oss.oracle.com>", "8.0.35-1debian12", "MySQL"),
            ("MariaDB Developers <developers@lists.mariadb.org>", "1:11.2.2+maria~deb12", "MariaDB"),
            (".NET Team <dotnetpackages@dotnetfoundation.org>", "8.0.1-1", "Microsoft"),
            ("HashiCorp", "1.6.6-1", "HashiCorp"),
            ("cudatools <cudatools@nvidia.com>", "12.3.101-1", "NVIDIA"),
            ("Chrome Linux Team <chromium-dev@chromium.org>", "120.0.6099.129-1", "Google"),
            ("Kubernetes Authors <dev@kubernetes.io>", "1.28.2-1.1", "Kubernetes"),
        ] {
            let builder = builder(Some(maintainer), None, None, version);
            assert!(
                builder.as_deref().is_some_and(|builder| builder.starts_with(expected)),
                "{maintainer}: {builder:?}"
            );
        }
    }

    #[test]
    fn a_distributions_own_packages_are_nobody_elses() {
        for (maintainer, origin, version) in [
            ("Debian PostgreSQL Maintainers <team+postgresql@tracker.debian.org>", None, "15.5-0+deb12u1"),
            ("Ubuntu Developers <ubuntu-devel-discuss@lists.ubuntu.com>", Some("Ubuntu"), "1:8.0.0-1ubuntu1"),
            ("Debian Chromium Team <chromium@packages.debian.org>", None, "120.0.6099.129-1~deb12u1"),
            ("Debian Javascript Maintainers <pkg-javascript-devel@alioth-lists.debian.net>", None, "18.19.0+dfsg-6"),
            // Debian maintainers who write from their employers.
            ("Brandon Weeks <bweeks@google.com>", None, "0.7.0-2"),
            ("Alex Doyle <adoyle@nvidia.com>", None, "3.0.0-1"),
            ("LLVM Packaging Team <pkg-llvm-team@lists.alioth.debian.org>", None, "1:14.0.6-12"),
            ("Debian Go Packaging Team <team+pkg-go@tracker.debian.org>", None, "20.10.24+dfsg1-1+b3"),
        ] {
            assert_eq!(builder(Some(maintainer), origin, None, version), None, "{maintainer}");
        }
        assert_eq!(builder(None, None, None, "1"), None);
    }

    #[test]
    fn the_field_that_no_distribution_writes_names_the_builder() {
        let told = |maintainer, vendor| builder(Some(maintainer), None, Some(vendor), "1");
        assert_eq!(told("<root@build>", "Acme, Inc. <packages@acme.example>").as_deref(), Some("Acme, Inc."));
        assert_eq!(told("Jane Doe <jane@acme.example>", "none").as_deref(), Some("Jane Doe"));
        assert_eq!(told("<root@build>", "none").as_deref(), Some("an unnamed builder"));
        assert_eq!(builder(None, Some("LP-PPA-ondrej-php"), None, "1").as_deref(), Some("LP-PPA-ondrej-php"));
    }
}
