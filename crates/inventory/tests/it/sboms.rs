//! Lists of packages that others wrote, in every form that is read.

use inventory::package::{Located, SourcePackage};
use inventory::sbom::{MOST_BYTES, PackageList, SbomError, read, read_within};
use inventory::{Package, PackageKind};
use proptest::prelude::*;

fn list(text: &str) -> PackageList {
    read(text.as_bytes(), "bom.json").unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn package<'a>(list: &'a PackageList, name: &str) -> &'a Located {
    let found = list.inventory.packages.iter().find(|located| located.package.name == name);
    found.unwrap_or_else(|| panic!("no {name} in {:?}", list.inventory))
}

fn source(name: &str, version: &str) -> SourcePackage {
    SourcePackage { name: name.into(), version: version.into() }
}

const SYFTS_CYCLONEDX: &str = r#"{
  "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json", "specVersion": "1.6",
  "components": [
    { "bom-ref": "a", "type": "library", "publisher": "Ubuntu Developers", "name": "bsdutils", "version": "1:2.38.1-5+b1",
      "licenses": [{ "license": { "id": "GPL-2.0-only" } }, { "license": { "name": "public-domain" } }],
      "purl": "pkg:deb/debian/bsdutils@1%3A2.38.1-5%2Bb1?arch=amd64&distro=debian-12&upstream=util-linux%402.38.1-5",
      "properties": [{ "name": "syft:location:0:path", "value": "/var/lib/dpkg/status" },
                     { "name": "syft:location:0:layerID", "value": "sha256:LAYER" }] },
    { "type": "library", "name": "@babel/core", "version": "7.0.0", "purl": "pkg:npm/%40babel/core@7.0.0" },
    { "type": "library", "group": "org.example", "name": "thing", "version": "1", "purl": "pkg:maven/org.example/thing@1" },
    { "type": "library", "name": "Zope.Interface", "version": "6.0", "purl": "pkg:pypi/zope-interface@6.0" },
    { "type": "application", "name": "busybox", "version": "1.36", "purl": "pkg:generic/busybox@1.36" },
    { "type": "application", "name": "postgres", "version": "16.1", "cpe": "cpe:2.3:a:postgresql:postgresql:16.1" },
    { "type": "file", "name": "/etc/passwd" },
    { "type": "operating-system", "name": "debian", "version": "12",
      "properties": [{ "name": "syft:distro:id", "value": "debian" }, { "name": "syft:distro:versionID", "value": "12" },
                     { "name": "syft:distro:versionCodename", "value": "bookworm" }] }
  ],
  "metadata": { "component": { "type": "container", "name": "app:1" } },
  "bomFormat": "CycloneDX"
}"#;

#[test]
fn a_cyclonedx_of_syft_is_read_and_what_is_left_out_is_said() {
    let list = list(&SYFTS_CYCLONEDX.replace("LAYER", &"a".repeat(64)));
    assert_eq!(list.format, "CycloneDX 1.6 JSON");
    assert_eq!(list.subject.as_deref(), Some("app:1"));
    let inventory = &list.inventory;
    let release = inventory.release.as_ref().unwrap();
    assert_eq!((release.id.as_str(), release.version_id.as_str()), ("debian", "12"));
    assert_eq!(release.codename.as_deref(), Some("bookworm"));
    let bsdutils = package(&list, "bsdutils");
    assert_eq!(bsdutils.package.version, "1:2.38.1-5+b1");
    assert_eq!(bsdutils.package.source, Some(source("util-linux", "2.38.1-5")));
    assert_eq!(bsdutils.package.architecture.as_deref(), Some("amd64"));
    assert_eq!(bsdutils.package.licences, ["GPL-2.0-only", "public-domain"]);
    assert_eq!(bsdutils.package.vendor, None, "a maintainer is no vendor");
    assert_eq!(bsdutils.path, "/var/lib/dpkg/status");
    assert_eq!(package(&list, "@babel/core").package.kind, PackageKind::Npm);
    assert_eq!(package(&list, "org.example:thing").path, "bom.json");
    assert_eq!(package(&list, "Zope.Interface").package.kind, PackageKind::Pypi);
    insta::assert_snapshot!(inventory.warnings.join("\n"), @r"
    1 entry without a package URL, such as postgres 16.1
    1 entry of type generic, which is not known here
    ");
}

const TRIVYS_CYCLONEDX: &str = r#"{ "bomFormat": "CycloneDX", "specVersion": "1.5",
  "metadata": { "component": { "type": "container", "name": "app", "properties": [
    { "name": "aquasecurity:trivy:DiffID", "value": "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
    { "name": "aquasecurity:trivy:DiffID", "value": "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" }] } },
  "components": [
    { "type": "operating-system", "name": "redhat", "version": "9.4", "properties": [
      { "name": "aquasecurity:trivy:Class", "value": "os-pkgs" }, { "name": "aquasecurity:trivy:Type", "value": "redhat" }] },
    { "type": "library", "name": "bash", "version": "5.1.8-9.el9",
      "purl": "pkg:rpm/redhat/bash@5.1.8-9.el9?arch=x86_64&distro=redhat-9.4&epoch=2", "properties": [
      { "name": "aquasecurity:trivy:SrcName", "value": "bash" }, { "name": "aquasecurity:trivy:SrcVersion", "value": "5.1.8" },
      { "name": "aquasecurity:trivy:SrcRelease", "value": "9.el9" }, { "name": "aquasecurity:trivy:SrcEpoch", "value": "2" },
      { "name": "aquasecurity:trivy:LayerDiffID", "value": "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" }] },
    { "type": "application", "name": "app/package-lock.json", "properties": [
      { "name": "aquasecurity:trivy:Type", "value": "npm" }] },
    { "type": "library", "name": "idna", "version": "3.4", "purl": "pkg:pypi/idna@3.4", "properties": [
      { "name": "aquasecurity:trivy:FilePath", "value": "usr/lib/idna-3.4.dist-info/METADATA" }] } ] }"#;

#[test]
fn a_cyclonedx_of_trivy_is_read_with_its_own_properties() {
    let list = list(TRIVYS_CYCLONEDX);
    assert!(list.inventory.warnings.is_empty(), "{:?}", list.inventory.warnings);
    assert_eq!(list.inventory.release.as_ref().unwrap().id, "rhel");
    let bash = package(&list, "bash");
    assert_eq!(bash.package.version, "2:5.1.8-9.el9");
    assert_eq!(bash.package.source, Some(source("bash", "2:5.1.8-9.el9")));
    assert_eq!((bash.layer, list.inventory.layers.len()), (1, 2));
    assert_eq!(package(&list, "idna").path, "/usr/lib/idna-3.4.dist-info/METADATA");
}

#[test]
fn spdx_is_read_as_json_and_as_tag_value_alike() {
    let json = list(
        r#"{ "spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "app", "packages": [
            { "SPDXID": "SPDXRef-Root", "name": "app", "primaryPackagePurpose": "CONTAINER" },
            { "SPDXID": "SPDXRef-1", "name": "root-of-a-folder", "versionInfo": "1" },
            { "SPDXID": "SPDXRef-OS", "name": "alpine", "versionInfo": "3.19.1", "primaryPackagePurpose": "OPERATING-SYSTEM" },
            { "SPDXID": "SPDXRef-2", "name": "libssl3", "versionInfo": "3.1.4-r5", "licenseDeclared": "Apache-2.0",
              "sourceInfo": "acquired package info from APK DB: /lib/apk/db/installed",
              "externalRefs": [
                { "referenceCategory": "SECURITY", "referenceType": "cpe23Type", "referenceLocator": "cpe:2.3:a:x" },
                { "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                  "referenceLocator": "pkg:apk/alpine/libssl3@3.1.4-r5?arch=x86_64&upstream=openssl&distro=3.19.1" }] },
            { "SPDXID": "SPDXRef-3", "name": "nameless", "versionInfo": "2" }],
          "relationships": [{ "spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-1" }] }"#,
    );
    let tags = list(
        "SPDXVersion: SPDX-2.3\nDataLicense: CC0-1.0\nSPDXID: SPDXRef-DOCUMENT\nDocumentName: app\n\
         Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-1\n\
         PackageName: root-of-a-folder\nSPDXID: SPDXRef-1\nPackageVersion: 1\n\
         ##### Package: alpine\n\nPackageName: alpine\nSPDXID: SPDXRef-OS\nPackageVersion: 3.19.1\n\
         PrimaryPackagePurpose: OPERATING-SYSTEM\n\
         PackageName: libssl3\nSPDXID: SPDXRef-2\nPackageVersion: 3.1.4-r5\nPackageLicenseDeclared: Apache-2.0\n\
         PackageSourceInfo: <text>acquired package info from APK DB: /lib/apk/db/installed</text>\n\
         ExternalRef: SECURITY cpe23Type cpe:2.3:a:x\n\
         ExternalRef: PACKAGE-MANAGER purl pkg:apk/alpine/libssl3@3.1.4-r5?arch=x86_64&upstream=openssl&distro=3.19.1\n\
         PackageName: nameless\nSPDXID: SPDXRef-3\nPackageVersion: 2\nFileName: ./x\nSPDXID: SPDXRef-4\n",
    );
    assert_eq!((json.format.as_str(), tags.format.as_str()), ("SPDX 2.3 JSON", "SPDX 2.3 tag-value"));
    assert_eq!(json.inventory, tags.inventory);
    assert_eq!(json.inventory.warnings, ["1 entry without a package URL, such as nameless 2"]);
    let libssl = package(&json, "libssl3");
    assert_eq!(libssl.package.source, Some(source("openssl", "3.1.4-r5")));
    assert_eq!((libssl.path.as_str(), libssl.package.licences.len()), ("/lib/apk/db/installed", 1));
    assert_eq!(json.inventory.release.as_ref().unwrap().version_id, "3.19.1");
}

#[test]
fn syfts_own_json_is_read_with_its_layers() {
    let (lower, upper) = ("a".repeat(64), "b".repeat(64));
    let list = list(&format!(
        r#"{{ "artifacts": [
            {{ "name": "bash", "version": "0:5.1.8-9.el9", "type": "rpm",
               "locations": [{{ "path": "/var/lib/rpm/rpmdb.sqlite", "layerID": "sha256:{upper}" }}],
               "licenses": [{{ "value": "GPLv3+" }}, "MIT"],
               "purl": "pkg:rpm/almalinux/bash@5.1.8-9.el9?arch=x86_64&upstream=bash-5.1.8-9.el9.src.rpm&distro=almalinux-9.4",
               "metadata": {{ "vendor": "AlmaLinux", "modularityLabel": "a:b" }} }},
            {{ "name": "no-purl", "version": "1", "type": "binary" }}],
          "source": {{ "type": "image", "metadata": {{ "userInput": "app:1", "layers": [
             {{ "digest": "sha256:{lower}" }}, {{ "digest": "sha256:{upper}" }}] }} }},
          "distro": {{ "id": "almalinux", "versionID": "9.4", "idLike": ["rhel", "centos"], "prettyName": "AlmaLinux 9.4" }},
          "schema": {{ "version": "16.0.0" }} }}"#
    ));
    assert_eq!((list.format.as_str(), list.subject.as_deref()), ("Syft JSON", Some("app:1")));
    let bash = package(&list, "bash");
    assert_eq!(bash.package.source, Some(source("bash", "5.1.8-9.el9")));
    assert_eq!((bash.package.vendor.as_deref(), bash.package.module.as_deref()), (Some("AlmaLinux"), Some("a:b")));
    assert_eq!((bash.layer, bash.package.licences.len()), (1, 2));
    assert_eq!(list.inventory.release.as_ref().unwrap().id_like, ["rhel", "centos"]);
    assert_eq!(list.inventory.warnings, ["1 entry without a package URL, such as no-purl 1"]);
}

#[test]
fn cyclonedx_as_xml_says_the_same_as_json() {
    let list = list(
        r#"<?xml version="1.0"?><!DOCTYPE bom [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;">]>
        <bom xmlns="http://cyclonedx.org/schema/bom/1.4" version="1">
          <metadata><tools><components><component type="application"><name>tool</name></component></components></tools>
            <component type="container"><name>app &amp; more</name><version>1</version></component></metadata>
          <components>
            <component type="operating-system"><name>debian</name><version>12</version></component>
            <component type="library" bom-ref="x">
              <group>org.example</group><name>thing</name><version><![CDATA[1.0]]></version>
              <licenses><license><id>MIT</id></license><license><name>own</name></license></licenses>
              <purl>pkg:maven/org.example/thing@1.0?type=jar&amp;x=&#121;</purl>
              <properties><property name="plimsoll:path">/srv/thing.jar</property></properties>
              <components><component type="library"><name>inner</name><purl>pkg:npm/inner@2</purl></component></components>
              <externalReferences/>
            </component>
            <component type="library"><name>&lol2;nothing</name></component>
          </components></bom>"#,
    );
    assert_eq!((list.format.as_str(), list.subject.as_deref()), ("CycloneDX 1.4 XML", Some("app & more")));
    let thing = package(&list, "org.example:thing");
    assert_eq!((thing.path.as_str(), thing.package.version.as_str()), ("/srv/thing.jar", "1.0"));
    assert_eq!(thing.package.licences, ["MIT", "own"]);
    assert_eq!(package(&list, "inner").package.version, "2");
    assert_eq!(list.inventory.release.as_ref().unwrap().id, "debian");
    assert_eq!(list.inventory.warnings, ["1 entry without a package URL, such as nothing"]);
}

#[test]
fn package_urls_line_by_line_are_a_list_too() {
    let list = list(
        "pkg:deb/debian/curl@7.88.1-10?distro=debian-12&epoch=1\n# a comment\n\npkg:npm/a@1\nnonsense\npkg:deb/x\n",
    );
    assert_eq!(list.format, "package URLs");
    assert_eq!(package(&list, "curl").package.version, "1:7.88.1-10");
    assert_eq!(list.inventory.release.as_ref().unwrap().version_id, "12");
    assert_eq!(list.inventory.warnings, ["2 entries that cannot be read, such as nonsense"]);
}

#[test]
fn a_statement_about_an_image_is_looked_into() {
    let inner = r#"{"bomFormat":"CycloneDX","specVersion":"1.4","components":[{"type":"library","name":"a","purl":"pkg:npm/a@1"}]}"#;
    let list = list(&format!(r#"{{"_type":"https://in-toto.io/Statement/v0.1","predicate":{inner}}}"#));
    assert_eq!(package(&list, "a").package.kind, PackageKind::Npm);
}

#[test]
fn distributions_are_told_by_package_urls_where_nothing_else_does() {
    let release = |purl: &str| {
        let release = list(purl).inventory.release.unwrap_or_default();
        (release.id, release.version_id, release.codename.unwrap_or_default())
    };
    let is = |id: &str, version: &str, codename: &str| (id.to_owned(), version.to_owned(), codename.to_owned());
    assert_eq!(release("pkg:rpm/redhat/a@1?distro=rhel-9.4"), is("rhel", "9.4", ""));
    assert_eq!(release("pkg:rpm/opensuse/a@1?distro=opensuse-leap-15.5"), is("opensuse-leap", "15.5", ""));
    assert_eq!(release("pkg:apk/alpine/a@1?distro=3.19.1"), is("alpine", "3.19.1", ""));
    assert_eq!(release("pkg:deb/debian/a@1?distro=debian-trixie"), is("debian", "", "trixie"));
    assert_eq!(release("pkg:apk/wolfi/a@1?arch=x86_64"), is("wolfi", "", ""));
    assert_eq!(release("pkg:rpm/alma/a@1?distro=alma-9"), is("almalinux", "9", ""));
    assert_eq!(release("pkg:npm/a@1"), is("", "", ""));
}

#[test]
fn what_is_no_list_is_refused_with_a_word() {
    let error = |text: &[u8]| read(text, "x").unwrap_err();
    for other in
        [&b""[..], b"hello", b"[]", b"\x1f\x8b\x08", b"{}", br#"{"packages":{"a":1},"name":"x"}"#, b"<html></html>"]
    {
        assert!(matches!(error(other), SbomError::Unknown), "{:?}", String::from_utf8_lossy(other));
    }
    assert!(matches!(error(br#"{"@context":"https://spdx.org/rdf/3.0.1/","@graph":[]}"#), SbomError::Unsupported(..)));
    assert!(matches!(error(br#"{"bomFormat":"CycloneDX","components":["#), SbomError::Malformed { .. }));
    assert!(matches!(
        error(b"<bom xmlns=\"http://cyclonedx.org/schema/bom/1.4\"><components>"),
        SbomError::Malformed { .. }
    ));
    assert!(matches!(read_within(&b"{ \"a\": 1 }"[..], "x", 5), Err(SbomError::TooLarge(5))));
}

#[test]
fn a_gigabyte_is_refused_without_being_read() {
    struct Endless(u64);
    impl std::io::Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.0 += buffer.len() as u64;
            buffer.fill(b' ');
            Ok(buffer.len())
        }
    }
    let mut endless = Endless(0);
    assert!(matches!(read_within(&mut endless, "x", 1 << 20), Err(SbomError::TooLarge(_))));
    assert!(endless.0 < 4 << 20);
    const { assert!(MOST_BYTES < 1 << 30) };
}

#[test]
fn nesting_without_end_costs_its_entry_and_not_the_list() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let nested = "{\"components\":[".repeat(200) + &"]}".repeat(200);
    let list = list(&format!(
        r#"{{"bomFormat":"CycloneDX","specVersion":"1.4","x":{deep},"components":[{deep},{nested},"text",7,null,
           {{"type":"library","name":"a","purl":"pkg:npm/a@1"}},{{"type":"library","name":"\ud800","purl":"pkg:npm/b@1"}}]}}"#
    ));
    assert_eq!(list.inventory.packages.len(), 1);
    assert!(
        list.inventory.warnings.iter().any(|warning| warning.contains("cannot be read")),
        "{:?}",
        list.inventory.warnings
    );
    let deep = "<a>".repeat(100_000);
    assert!(matches!(read(deep.as_bytes(), "x"), Err(SbomError::Malformed { .. })));
}

#[test]
fn an_entry_of_absurd_size_costs_itself_only() {
    let huge = "a".repeat(5 << 20);
    let long = "b".repeat(4096);
    let list = list(&format!(
        r#"{{"bomFormat":"CycloneDX","components":[{{"type":"library","name":"{huge}","purl":"pkg:npm/x@1"}},
           {{"type":"library","name":"x","purl":"pkg:npm/{long}@1"}},
           {{"type":"library","name":"\u001b[2J","purl":"pkg:npm/%1b%5b2J@1"}},
           {{"type":"library","name":"a","purl":"pkg:npm/a@1","publisher":"{long}","licenses":[{{"license":{{"name":"{long}{long}"}}}}]}}]}}"#
    ));
    assert_eq!(list.inventory.packages.len(), 1);
    assert_eq!(package(&list, "a").package, Package::new(PackageKind::Npm, "a", "1"));
    assert!(list.inventory.warnings[0].starts_with("3 entries that cannot be read"), "{:?}", list.inventory.warnings);
}

proptest! {
    #[test]
    fn any_bytes_are_a_list_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..400), start in 0..5usize) {
        let begin = ["", "{", "<bom xmlns=\"http://cyclonedx.org/schema/bom/1.4\">", "SPDXVersion: SPDX-2.3\n", "pkg:"][start];
        let _ = read(&[begin.as_bytes(), &bytes].concat()[..], "x");
    }

    #[test]
    fn a_list_with_a_byte_changed_is_read_or_refused(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = TRIVYS_CYCLONEDX.as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = read(&bytes[..], "x");
    }
}

#[test]
fn what_a_list_says_of_functions_without_end_is_unknown_and_its_packages_are_read() {
    // A list of ours has 16 MiB of functions at most; what is linked of each module here takes 800 kB.
    let functions = "gYAA".repeat(200_000);
    let package = |number: usize| {
        format!(
            r#"{{"kind": "golang", "name": "example.com/m{number}", "version": "v1.0.0", "purl": "pkg:golang/example.com/m{number}@v1.0.0",
                "path": "/server", "layer": 0, "licences": [], "linked": {{"packages": ["example.com/m{number} {functions}"]}}}}"#
        )
    };
    let packages: Vec<String> = (0..60).map(package).collect();
    let text =
        format!(r#"{{"schema_version": "1.1", "image": {{"name": "a"}}, "packages": [{}]}}"#, packages.join(","));
    let list = list(&text);
    assert_eq!(list.format, "Plimsoll JSON 1.1");
    assert_eq!(list.inventory.packages.len(), 60);
    let known = list.inventory.linked.len();
    assert!((30..50).contains(&known), "{known}");
}

#[test]
fn our_json_of_another_version_and_one_that_is_cut_are_refused() {
    let refused = |text: &str| read(text.as_bytes(), "bom.json").unwrap_err().to_string();
    assert!(refused(r#"{"schema_version": "2.0", "image": {}, "packages": []}"#).contains("later version"));
    assert!(
        refused(r#"{"schema_version": "1.1", "image": {"name": "a"}, "packages": [{"#).contains("no well-formed JSON")
    );
    assert!(refused(r#"{"schema_version": "1.1", "packages": []}"#).contains("no SBOM"));
    // What is of another shape inside costs itself.
    let list = list(
        r#"{"schema_version": "1.1", "image": [], "warnings": {}, "unverified_layers": "x", "packages": [7, {"kind": "deb", "purl": "pkg:deb/debian/a@1",
            "name": 7, "layer": -1, "source": 9, "owner": [], "linked": {"packages": [1]}, "licences": {}}]}"#,
    );
    assert_eq!(list.inventory.packages.len(), 1);
}
