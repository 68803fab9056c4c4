//! Bills of materials of ours, read back: what was judged by must be there again.

use findings::render::{Bill, cyclonedx, packages_json, spdx};
use inventory::package::{BuiltFor, Linked, LinkedPackage, symbol_hash};
use inventory::package::{Located, Owner};
use inventory::sbom::{PackageList, read};
use inventory::{Inventory, Package, PackageKind, Release};

use crate::sample::{about, located};

/// Packages with everything that a format could lose.
fn inventory() -> Inventory {
    let release = Release {
        id: "rocky".into(),
        version_id: "9.4".into(),
        codename: None,
        id_like: vec!["rhel".into(), "fedora".into()],
        pretty_name: Some("Rocky Linux 9.4".into()),
    };
    let stdlib =
        |path: &str| Located { path: path.into(), ..located(PackageKind::Golang, "stdlib", "1.22.1", None, 2) };
    let owned = Located {
        owner: Some(Owner {
            kind: PackageKind::Rpm,
            name: "docker-ce".into(),
            version: "3:27.0-1".into(),
            vendor: Some("Docker".into()),
        }),
        ..located(PackageKind::Golang, "golang.org/x/net", "v0.17.0", None, 1)
    };
    let nested = |inside: &str| Located {
        package: Package { inside: Some(inside.into()), ..Package::new(PackageKind::Maven, "org.a:b", "1.0") },
        path: "/app.war".into(),
        ..located(PackageKind::Maven, "org.a:b", "1.0", None, 0)
    };
    let module = Package {
        module: Some("nodejs:18:8090020231019152822:a75119d5".into()),
        vendor: Some("Rocky".into()),
        ..located(PackageKind::Rpm, "nodejs", "1:18.18.2-2", Some("nodejs"), 0).package
    };
    let mut packages = vec![
        Located { package: module, ..located(PackageKind::Rpm, "nodejs", "1:18.18.2-2", Some("nodejs"), 0) },
        owned,
        stdlib("/usr/bin/one"),
        stdlib("/usr/bin/other"),
        nested("WEB-INF/lib/b.jar"),
        nested("WEB-INF/lib/c.jar"),
    ];
    for located in &mut packages {
        located.purl = located.package.purl(Some(&release));
    }
    packages.sort_by_key(|located| (located.package.kind, located.package.name.clone(), located.path.clone()));
    let mut symbols: Vec<u32> = ["Server.Serve", "Client.Do", "parse"].map(symbol_hash).to_vec();
    symbols.sort_unstable();
    let linked = |module: &str, packages: Vec<LinkedPackage>| Linked {
        module: module.into(),
        built_for: Some(BuiltFor { os: "linux".into(), architecture: "arm64".into() }),
        packages,
    };
    let http = LinkedPackage { path: "net/http".into(), symbols: symbols.clone() };
    let crypto = LinkedPackage { path: "crypto/tls".into(), symbols: vec![] };
    let net = located(PackageKind::Golang, "golang.org/x/net", "", None, 0).path;
    Inventory {
        release: Some(release),
        packages,
        layers: ["0", "1", "2"].map(|layer| image::Digest::sha256(layer.as_bytes())).to_vec(),
        content_sets: vec!["rhel-9-for-x86_64-baseos-rpms".into()],
        unverified: vec![1],
        warnings: vec!["/x: not read".into()],
        linked: vec![
            ("/usr/bin/one".into(), linked("stdlib", vec![crypto, http])),
            ("/usr/bin/other".into(), Linked { built_for: None, ..linked("stdlib", vec![]) }),
            (net, linked("golang.org/x/net", vec![])),
        ],
        ..Inventory::default()
    }
}

fn back(document: &[u8]) -> PackageList {
    read(document, "bom.json").unwrap_or_else(|error| panic!("{error}"))
}

fn documents(bill: &Bill<'_>) -> [Vec<u8>; 3] {
    [cyclonedx(bill), spdx(bill), packages_json(bill)].map(|written| written.expect("a document"))
}

#[test]
fn what_is_judged_by_comes_back_from_each_form() {
    let (about, inventory) = (about(), inventory());
    for document in documents(&Bill::of_inventory(&about, &inventory)) {
        let mut list = back(&document);
        list.inventory.linked.sort_by(|one, other| one.0.cmp(&other.0));
        assert_eq!(list.subject.as_deref(), Some(about.name.as_str()), "{}", list.format);
        assert_eq!(list.platform.as_deref(), Some("linux/amd64"), "{}", list.format);
        assert_eq!(list.history, about.history, "{}", list.format);
        assert_eq!(list.inventory, inventory, "{}", list.format);
    }
}
