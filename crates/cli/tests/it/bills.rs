//! A bill of materials says all that the image said: scanned again it gives the image's findings, those that do not count
//! included.

use std::fs;
use std::io::{Cursor, Write as _};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::plimsoll::Home;
use crate::targets::{advisories, archive, scan, tree};

/// A Go program of the standard library alone, for a system and an architecture.
fn go_program(into: &Path, os: &str, architecture: &str) -> bool {
    let runs = |program: &&str| Command::new(program).arg("version").output().is_ok_and(|said| said.status.success());
    let Some(go) = ["go", "/usr/local/go/bin/go"].into_iter().find(runs) else {
        assert!(std::env::var_os("PLIMSOLL_REQUIRE").is_none(), "go is required");
        println!("skipped: there is no go to build programs with");
        return false;
    };
    let sources = tempfile::tempdir().unwrap();
    fs::write(sources.path().join("go.mod"), "module example.com/app\ngo 1.18\n").unwrap();
    let main = "package main\n\nimport (\n\t\"net/url\"\n\t\"os\"\n)\n\n\
                func main() {\n\t_, err := url.Parse(os.Args[0])\n\tif err != nil {\n\t\tos.Exit(1)\n\t}\n}\n";
    fs::write(sources.path().join("main.go"), main).unwrap();
    let mut build = Command::new(go);
    build.args(["build", "-buildvcs=false", "-ldflags=-s -w", "-o"]).arg(into).arg(".").current_dir(sources.path());
    build.env("CGO_ENABLED", "0").env("GOOS", os).env("GOARCH", architecture).env("GOFLAGS", "-mod=mod");
    let run = build.output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    true
}

fn zipped(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// An archive with the same library twice inside.
fn war() -> Vec<u8> {
    let told = b"groupId=org.example\nartifactId=lib\nversion=1.0\n".to_vec();
    let jar = zipped(&[("META-INF/maven/org.example/lib/pom.properties", told)]);
    zipped(&[("WEB-INF/lib/lib-1.0.jar", jar.clone()), ("WEB-INF/lib/copy/lib-1.0.jar", jar)])
}

/// Records about functions of Go's standard library and about the archive's library.
fn more_advisories(home: &Home) {
    let folder = home.path("more");
    fs::create_dir(&folder).unwrap();
    let write = |id: &str, ecosystem: &str, name: &str, specific: Value| {
        let record = json!({
            "id": id, "modified": "2026-01-01T00:00:00Z", "summary": "bad",
            "affected": [{ "package": { "ecosystem": ecosystem, "name": name }, "ecosystem_specific": specific,
                "ranges": [{ "type": "ECOSYSTEM", "events": [{ "introduced": "0" }, { "fixed": "9.9.9" }] }] }],
        });
        // Go's versions are semantic ones.
        let record = record.to_string().replace("ECOSYSTEM", if ecosystem == "Go" { "SEMVER" } else { "ECOSYSTEM" });
        fs::write(folder.join(format!("{id}.json")), record).unwrap();
    };
    let imports = |import: Value| json!({ "imports": [import] });
    write("GO-LINKED", "Go", "stdlib", imports(json!({ "path": "net/url", "symbols": ["Parse"] })));
    write("GO-UNLINKED", "Go", "stdlib", imports(json!({ "path": "net/url", "symbols": ["JoinPath"] })));
    write("GO-ABSENT", "Go", "stdlib", imports(json!({ "path": "net/http" })));
    write("GO-WINDOWS", "Go", "stdlib", imports(json!({ "path": "net/url", "goos": ["windows"] })));
    write("GO-ARM64", "Go", "stdlib", imports(json!({ "path": "net/url", "goarch": ["arm64", "ppc64le"] })));
    write("JAVA-1", "Maven", "org.example:lib", Value::Null);
    home.run(&["db", "import", folder.to_str().unwrap()]).with(0);
}

fn ids_of(report: &Value, list: &str, path: &str) -> Vec<String> {
    let all = report[list].as_array().unwrap().iter();
    let mut ids: Vec<String> = all
        .filter(|finding| finding["package"]["path"] == path)
        .map(|finding| finding["id"].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    ids
}

#[test]
fn a_bill_of_ours_gives_the_images_findings_in_every_form_and_suppresses_the_same() {
    let home = Home::new();
    let root = home.path("root");
    tree(&root);
    fs::create_dir_all(root.join("srv")).unwrap();
    fs::write(root.join("srv/shop.war"), war()).unwrap();
    for (name, os, architecture) in
        [("amd64", "linux", "amd64"), ("arm64", "linux", "arm64"), ("nt", "windows", "amd64")]
    {
        if !go_program(&root.join("srv").join(name), os, architecture) {
            return;
        }
    }
    advisories(&home);
    more_advisories(&home);
    let target = format!("docker-archive:{}", archive(&home, &root).display());
    let of_image = scan(&home, &target);
    for (path, counts, does_not) in [
        ("/srv/amd64", vec!["GO-LINKED"], vec!["GO-ABSENT", "GO-ARM64", "GO-UNLINKED", "GO-WINDOWS"]),
        ("/srv/arm64", vec!["GO-ARM64", "GO-LINKED"], vec!["GO-ABSENT", "GO-UNLINKED", "GO-WINDOWS"]),
        ("/srv/nt", vec!["GO-LINKED", "GO-WINDOWS"], vec!["GO-ABSENT", "GO-ARM64", "GO-UNLINKED"]),
        ("/srv/shop.war", vec!["JAVA-1", "JAVA-1"], vec![]),
    ] {
        assert_eq!(ids_of(&of_image, "findings", path), counts, "{path}");
        assert_eq!(ids_of(&of_image, "suppressed", path), does_not, "{path}");
    }
    let reasons = of_image["suppressed"].to_string();
    assert!(reasons.contains("net/url (on windows only) is not linked into /srv/amd64"), "{reasons}");
    assert!(reasons.contains("net/url (on arm64, ppc64le only) is not linked into /srv/nt"), "{reasons}");
    for (format, verb) in
        [("cyclonedx", "sbom"), ("spdx", "sbom"), ("json", "sbom"), ("cyclonedx", "scan"), ("spdx", "scan")]
    {
        let file = home.path(&format!("{format}-{verb}"));
        let mut arguments = vec![verb, "--format", format, "--output", file.to_str().unwrap(), target.as_str()];
        if verb == "scan" {
            // By now the image's report is kept, which has no functions.
            arguments.push("--offline");
        }
        home.run(&arguments).with(0);
        let of_bill = scan(&home, &format!("sbom:{}", file.display()));
        for part in ["findings", "suppressed", "packages", "uncovered", "summary", "warnings"] {
            assert!(of_bill[part] == of_image[part], "{part} by {verb} --format {format}");
        }
        for part in ["platform", "distribution", "layers", "content_sets"] {
            assert_eq!(of_bill["image"][part], of_image["image"][part], "{part} by {verb} --format {format}");
        }
        let size = fs::metadata(&file).unwrap().len();
        assert!(size < 1 << 20, "{verb} --format {format} has {size} bytes");
    }
}

#[test]
fn a_report_as_json_is_a_list_too_and_where_functions_are_missing_everything_counts() {
    let home = Home::new();
    let root = home.path("root");
    fs::create_dir(&root).unwrap();
    if !go_program(&root.join("server"), "linux", "amd64") {
        return;
    }
    more_advisories(&home);
    let target = format!("dir:{}", root.display());
    let report = home.path("report.json");
    home.run(&["scan", "--offline", "--format", "json", "--output", report.to_str().unwrap(), &target]).with(0);
    let list = format!("sbom:{}", report.display());
    let ended = home.run(&["scan", "--offline", "--format", "json", "--against", &list, &target]).with(0);
    let against: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(against["summary"]["findings"], 0, "a list ending in .json is a list where its prefix says so");
    let of_report = scan(&home, &list);
    assert_eq!(ids_of(&of_report, "findings", "/server").len(), 5, "nothing says what is linked");
    // A tool that drops properties that it does not know must not make a function seem absent.
    let bill = home.run(&["sbom", &target]).with(0).stdout;
    let mut bill: Value = serde_json::from_str(&bill).unwrap();
    for component in bill["components"].as_array_mut().unwrap() {
        component["properties"]
            .as_array_mut()
            .unwrap()
            .retain(|property| !property["value"].as_str().unwrap().starts_with("net/url "));
    }
    let cut = home.path("cut.json");
    fs::write(&cut, bill.to_string()).unwrap();
    let of_cut = scan(&home, &format!("sbom:{}", cut.display()));
    assert_eq!(ids_of(&of_cut, "findings", "/server").len(), 5);
}
