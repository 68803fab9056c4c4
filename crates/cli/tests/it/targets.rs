//! What can be scanned beside an image, and bills of materials on their way out and in again.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::plimsoll::Home;

const STATUS: &str = "Package: bsdutils\nStatus: install ok installed\nArchitecture: amd64\nSource: util-linux (2.38.1-5)\n\
    Version: 1:2.38.1-5+b1\n\nPackage: python3-idna\nStatus: install ok installed\nArchitecture: all\nSource: python-idna\n\
    Version: 3.3-1\n\n";

/// A small Debian with a Python package that dpkg owns and an npm package that nobody does.
pub(crate) fn tree(root: &Path) {
    let files = [
        (
            "etc/os-release",
            "ID=debian\nVERSION_ID=12\nVERSION_CODENAME=bookworm\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n",
        ),
        ("var/lib/dpkg/status", STATUS),
        ("root/buildinfo/content_manifests/app.json", r#"{"content_sets": ["rhel-9-for-x86_64-baseos-rpms"]}"#),
        (
            "var/lib/dpkg/info/python3-idna.list",
            "/.\n/usr\n/usr/lib\n/usr/lib/python3\n/usr/lib/python3/dist-packages\n\
             /usr/lib/python3/dist-packages/idna-3.3.egg-info\n\
             /usr/lib/python3/dist-packages/idna-3.3.dist-info\n\
             /usr/lib/python3/dist-packages/idna-3.3.dist-info/METADATA\n",
        ),
        (
            "usr/lib/python3/dist-packages/idna-3.3.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: idna\nVersion: 3.3\nLicense: BSD-3-Clause\n\n",
        ),
        ("usr/lib/python3/dist-packages/idna-3.3.dist-info/RECORD", "idna/__init__.py,,\n"),
        (
            "app/node_modules/@Scope/Left/package.json",
            r#"{"name": "@scope/left", "version": "1.0.0", "license": "MIT OR Apache-2.0"}"#,
        ),
    ];
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// The tree as the only layer of a docker archive.
pub(crate) fn archive(home: &Home, root: &Path) -> PathBuf {
    let work = home.path("archive");
    fs::create_dir(&work).unwrap();
    let tar = |from: &Path, into: &Path, names: &[&str]| {
        let mut command = Command::new("tar");
        command.args(["--sort=name", "--owner=0", "--group=0", "-C"]).arg(from).arg("-cf").arg(into).args(names);
        assert!(command.status().unwrap().success());
    };
    tar(root, &work.join("layer.tar"), &["."]);
    let diff_id = image::Digest::sha256(&fs::read(work.join("layer.tar")).unwrap());
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": {},
        "rootfs": { "type": "layers", "diff_ids": [diff_id.as_str()] },
        "history": [{ "created_by": "COPY . / # buildkit" }],
    });
    fs::write(work.join("config.json"), config.to_string()).unwrap();
    let manifest = json!([{ "Config": "config.json", "RepoTags": ["app:1"], "Layers": ["layer.tar"] }]);
    fs::write(work.join("manifest.json"), manifest.to_string()).unwrap();
    let archive = home.path("image.tar");
    tar(&work, &archive, &["manifest.json", "config.json", "layer.tar"]);
    archive
}

pub(crate) fn advisories(home: &Home) {
    let folder = home.path("records");
    fs::create_dir(&folder).unwrap();
    let record = |id: &str, ecosystem: &str, name: &str, fixed: &str| {
        let record = json!({
            "id": id, "modified": "2026-01-01T00:00:00Z", "aliases": [format!("CVE-{id}")], "summary": "bad",
            "severity": [{ "type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H" }],
            "affected": [{ "package": { "ecosystem": ecosystem, "name": name },
                "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": "0" }, { "fixed": fixed }] }] }],
        });
        fs::write(folder.join(format!("{id}.json")), record.to_string()).unwrap();
    };
    record("DEBIAN-1", "Debian:12", "util-linux", "2.38.1-5+deb12u1");
    record("DEBIAN-2", "Debian:12", "python-idna", "3.3-1+deb12u1");
    record("PYSEC-1", "PyPI", "idna", "3.7");
    record("GHSA-1", "npm", "@scope/left", "1.0.1");
    home.run(&["db", "import", folder.to_str().unwrap()]).with(0);
}

pub(crate) fn scan(home: &Home, target: &str) -> Value {
    let ended = home.run(&["scan", "--offline", "--format", "json", target]).with(0);
    serde_json::from_str(&ended.stdout).unwrap()
}

fn ids(report: &Value) -> BTreeSet<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    findings.map(|finding| format!("{} {}", finding["id"], finding["package"]["name"])).collect()
}

#[test]
fn a_bill_of_an_image_that_is_scanned_again_gives_the_same_findings() {
    let home = Home::new();
    let root = home.path("root");
    tree(&root);
    advisories(&home);
    let target = format!("docker-archive:{}", archive(&home, &root).display());
    let of_image = scan(&home, &target);
    assert!(of_image["findings"].as_array().unwrap().len() >= 3, "{of_image:#}");
    for (format, whose) in [("cyclonedx", "sbom"), ("spdx", "sbom"), ("cyclonedx", "scan"), ("spdx", "scan")] {
        let file = home.path(&format!("{format}-{whose}"));
        let mut arguments = vec![whose, "--format", format, "--output", file.to_str().unwrap(), target.as_str()];
        if whose == "scan" {
            arguments.extend(["--offline", "--all"]);
        }
        home.run(&arguments).with(0);
        let of_bill = scan(&home, &format!("sbom:{}", file.display()));
        for part in ["findings", "suppressed", "packages", "uncovered", "summary"] {
            assert_eq!(of_bill[part], of_image[part], "{part} by {whose} --format {format}");
        }
        for part in ["platform", "distribution", "layers"] {
            assert_eq!(of_bill["image"][part], of_image["image"][part], "{part} by {whose} --format {format}");
        }
        assert_eq!(of_bill["image"]["kind"], "package-list");
        let again = home.run(&["sbom", "--format", "spdx", &format!("sbom:{}", file.display())]).with(0).stdout;
        assert!(again.contains("rhel-9-for-x86_64-baseos-rpms"), "content sets by {whose} --format {format}");
    }
}

#[test]
fn a_bill_needs_no_advisories_and_is_the_same_each_time() {
    let home = Home::new();
    let root = home.path("root");
    tree(&root);
    let target = format!("dir:{}", root.display());
    let at = [("SOURCE_DATE_EPOCH", "1700000000")];
    for format in ["cyclonedx", "spdx", "json"] {
        let once = home.run_with(&["sbom", "--format", format, &target], &at).with(0).stdout;
        let again = home.run_with(&["sbom", "--format", format, &target], &at).with(0).stdout;
        assert_eq!(once, again);
        assert!(once.contains("2023-11-14T22:13:20Z"), "{once}");
    }
    let json: Value = serde_json::from_str(&home.run(&["sbom", "--format", "json", &target]).with(0).stdout).unwrap();
    assert_eq!(json["packages"].as_array().unwrap().len(), 4);
    assert!(json.get("findings").is_none(), "nobody asked");
}

#[test]
fn a_folder_is_scanned_like_the_layer_that_it_would_make_and_never_left() {
    let home = Home::new();
    let root = home.path("root");
    tree(&root);
    advisories(&home);
    let of_image = scan(&home, &format!("docker-archive:{}", archive(&home, &root).display()));
    // What lies outside, a way out, a loop, and what waits for ever when it is opened.
    let outside = home.path("outside/node_modules/evil");
    fs::create_dir_all(&outside).unwrap();
    fs::write(outside.join("package.json"), r#"{"name": "evil", "version": "1.0.0"}"#).unwrap();
    symlink(home.path("outside"), root.join("out")).unwrap();
    symlink("../outside/node_modules", root.join("node_modules")).unwrap();
    symlink(".", root.join("loop")).unwrap();
    symlink(home.path("outside/node_modules/evil/package.json"), root.join("app/node_modules/package.json")).unwrap();
    assert!(Command::new("mkfifo").arg(root.join("app/node_modules/@Scope/package.json")).status().unwrap().success());
    fs::create_dir_all(root.join("a/.wh.b/node_modules/kept")).unwrap();
    let of_folder = scan(&home, &format!("dir:{}", root.display()));
    assert_eq!(of_folder["findings"], of_image["findings"]);
    assert_eq!(of_folder["suppressed"], of_image["suppressed"]);
    assert_eq!((&of_folder["image"]["kind"], &of_folder["image"]["platform"]), (&json!("folder"), &json!("")));
    let missing = home.run(&["scan", "--offline", "dir:/no/such/folder"]).with(2);
    assert!(missing.stderr.contains("dir:/no/such/folder"), "{}", missing.stderr);
}

#[test]
fn a_folder_that_may_not_be_read_is_said_and_costs_itself_alone() {
    let home = Home::new();
    let root = home.path("root");
    tree(&root);
    advisories(&home);
    fs::create_dir(root.join("secret")).unwrap();
    fs::set_permissions(root.join("secret"), fs::Permissions::from_mode(0o000)).unwrap();
    let target = format!("dir:{}", root.display());
    let ended = home.run_bound_by_modes(&["scan", "--offline", "--format", "json", &target]);
    fs::set_permissions(root.join("secret"), fs::Permissions::from_mode(0o700)).unwrap();
    let report: Value = serde_json::from_str(&ended.with(0).stdout).unwrap();
    assert!(report["warnings"].to_string().contains("/secret: not read"), "{}", report["warnings"]);
    assert!(!report["packages"].as_array().unwrap().is_empty());
}

#[test]
fn what_is_no_list_is_refused_with_what_would_be_one() {
    let home = Home::new();
    advisories(&home);
    let file = home.path("x.json");
    fs::write(&file, "{\"a\": 1}").unwrap();
    let ended = home.run(&["scan", "--offline", &format!("sbom:{}", file.display())]).with(2);
    assert!(ended.stderr.contains("CycloneDX") && ended.stderr.contains("x.json"), "{}", ended.stderr);
    let ended = home.run(&["scan", "--offline", "nerdctl:docker.io/a"]).with(2);
    assert!(ended.stderr.contains("containerd:NAME"), "{}", ended.stderr);
}

/// Syft where `scripts/install.sh test` put it; `None` with a word where it is not there.
fn syft() -> Option<PathBuf> {
    let folder = |variable: &str| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let tools = folder("PLIMSOLL_TOOLS").or_else(|| Some(folder("HOME")?.join(".cache/plimsoll/tools")))?;
    let installed = fs::read_dir(tools).into_iter().flatten().flatten().map(|entry| entry.path());
    let syft =
        installed.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("syft-")));
    let found = syft.map(|folder| folder.join("bin/syft")).find(|path| path.exists());
    if found.is_none() {
        assert!(std::env::var_os("PLIMSOLL_REQUIRE").is_none(), "syft is required: scripts/install.sh test");
        println!("skipped: no syft in PLIMSOLL_TOOLS or ~/.cache/plimsoll/tools; scripts/install.sh test brings it");
    }
    found
}

#[test]
fn what_syft_writes_of_an_image_gives_its_findings() {
    let Some(syft) = syft() else { return };
    let home = Home::new();
    let root = home.path("root");
    tree(&root);
    advisories(&home);
    let archive = archive(&home, &root);
    let of_image = scan(&home, &format!("docker-archive:{}", archive.display()));
    let formats = ["cyclonedx-json", "cyclonedx-xml", "spdx-json", "spdx-tag-value", "syft-json"];
    let mut command = Command::new(syft);
    command.arg("scan").arg(format!("docker-archive:{}", archive.display())).env("SYFT_CHECK_FOR_APP_UPDATE", "false");
    for format in formats {
        command.arg("-o").arg(format!("{format}={}", home.path(format).display()));
    }
    let run = command.output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    for format in formats {
        let of_list = scan(&home, &format!("sbom:{}", home.path(format).display()));
        assert!(ids(&of_list).is_superset(&ids(&of_image)), "{format}: {:?} {:?}", ids(&of_list), ids(&of_image));
        assert_eq!(of_list["image"]["distribution"]["id"], "debian", "{format}");
        let path = of_list["findings"][0]["package"]["path"].as_str().unwrap();
        assert!(path.starts_with('/'), "{format} tells where: {path}");
    }
}
