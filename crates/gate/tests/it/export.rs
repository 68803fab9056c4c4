//! The rules in other programs' words, held against those programs or their schemas.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use gate::Policy;
use gate::export::{ExportFormat, Exported};

use super::material::{folder, policy};

/// One rule of every kind.
fn rich() -> Policy {
    policy(
        r#"
[teams]
payments = { keys = ["release.pub", "second.pub"] }

[revocation]
keys = ["third.pub"]

[[rule]]
images = "registry.example.com/payments/legacy"
mode = "off"

[[rule]]
images = "registry.example.com/payments/**"
mode = "enforce"
signers = [
    { team = "payments", threshold = 2, hardware = true, roots = ["root.pem"], touch = "cached" },
    { keys = ["third.pub"], bind = "repository" },
]
findings = { at-most = "high" }

[[rule]]
images = "registry.example.com/payments/api"
mode = "enforce"
signers = { keys = ["third.pub"] }

[[rule]]
images = "*.example.com/partner-*/**"
mode = "warn"
signers = { certificates = ["root.pem"], formats = ["notation"] }

[[rule]]
images = "docker.io/library/debian"
mode = "enforce"
signers = { keys = ["release.pub", "second.pub", "third.pub"], threshold = 2, not-older-than = "90d", bind = "tag" }
"#,
    )
}

fn told(exported: &Exported) -> String {
    let unsaid: Vec<String> = exported.unsaid.iter().map(|unsaid| format!("- {unsaid}")).collect();
    format!("{}\n{}", exported.text, unsaid.join("\n"))
}

#[test]
fn a_policy_is_told_in_each_format_with_what_it_cannot_say() {
    for format in ExportFormat::ALL {
        insta::assert_snapshot!(format!("export_{}", format.as_str()), told(&rich().export(format)));
    }
}

#[test]
fn an_empty_policy_demands_nothing_in_any_format() {
    let all: Vec<String> = ExportFormat::ALL.iter().map(|format| told(&Policy::default().export(*format))).collect();
    insta::assert_snapshot!(all.join("\n----\n"));
}

/// A program, or why the test is passed over; with `PLIMSOLL_REQUIRE` set there is no passing over.
fn wanted(program: &str, is_there: bool) -> bool {
    if !is_there {
        assert!(
            std::env::var_os("PLIMSOLL_REQUIRE").is_none(),
            "{program} is missing; scripts/install.sh test brings it"
        );
        eprintln!("skipped: {program} is missing");
    }
    is_there
}

#[test]
fn skopeo_reads_the_policy_and_refuses_what_nobody_signed() {
    let is_there = Command::new("skopeo").arg("--version").output().is_ok();
    if !wanted("skopeo", is_there) {
        return;
    }
    let work = tempfile::tempdir().unwrap();
    let layout = work.path().join("layout");
    fs::create_dir_all(layout.join("blobs/sha256")).unwrap();
    // `dir:` and `oci:` are transports without rules, so that the judge is asked for its reading of the file.
    let file = work.path().join("policy.json");
    let strict = policy(
        "[[rule]]\nimages = \"localhost:1/team/**\"\nmode = \"enforce\"\nsigners = { keys = [\"release.pub\"] }\n",
    );
    fs::write(&file, strict.export(ExportFormat::Containers).text).unwrap();
    let copy = |file: &PathBuf| {
        let output = Command::new("skopeo")
            .arg("--policy")
            .arg(file)
            .args(["copy", "--src-tls-verify=false", "docker://localhost:1/team/app:1"])
            .arg(format!("dir:{}", work.path().join("out").display()))
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let said = copy(&file);
    assert!(!said.contains("policy"), "the file was read, and the registry is not there: {said}");
    fs::write(&file, "{\"default\":[{\"type\":\"sigstoreSigned\"}]}").unwrap();
    assert!(copy(&file).contains("policy"), "the judge does refuse files");
}

/// Where what the tests build and fetch lies.
fn tools() -> PathBuf {
    let usual = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cache/plimsoll/tools");
    std::env::var_os("PLIMSOLL_TOOLS").map_or_else(usual, PathBuf::from)
}

#[test]
fn notation_reads_the_trust_policy() {
    let judge = tools().join("bin/notation-judge");
    // Go's proxy may not serve what it is made of; install.sh says so, and the judge is not asked then.
    if !judge.exists() {
        eprintln!("skipped: there is no judge over notation-go");
        return;
    }
    let work = tempfile::tempdir().unwrap();
    let file = work.path().join("trustpolicy.json");
    let strict = policy(
        "[[rule]]\nimages = \"r.example.com/a\"\nmode = \"enforce\"\nsigners = { certificates = [\"root.pem\"] }\n",
    );
    let judged = |text: &str| {
        fs::write(&file, text).unwrap();
        Command::new(&judge).arg("policy").arg(&file).output().unwrap()
    };
    for exported in [rich(), Policy::default(), strict].map(|policy| policy.export(ExportFormat::Notation)) {
        let output = judged(&exported.text);
        assert!(output.status.success(), "{}{}", exported.text, String::from_utf8_lossy(&output.stderr));
    }
    let wrong = rich().export(ExportFormat::Notation).text.replacen("strict", "strictest", 1);
    assert!(!judged(&wrong).status.success(), "the judge does refuse files");
}

#[test]
fn the_kubernetes_policies_fit_their_schemas() {
    let schemas = tools().join("schemas");
    // Go's proxy may not serve the modules that ship them; install.sh says so, and they are not asked then.
    let names = ["clusterimagepolicies.yaml", "imagevalidatingpolicies.yaml"];
    if !names.iter().all(|name| schemas.join(name).exists()) {
        eprintln!("skipped: the definitions of Kubernetes policies are not there");
        return;
    }
    let script = folder().join("../crd.py");
    let work = tempfile::tempdir().unwrap();
    for (format, schema, documents) in [
        (ExportFormat::ClusterImagePolicy, "clusterimagepolicies.yaml", "7"),
        (ExportFormat::Kyverno, "imagevalidatingpolicies.yaml", "3"),
    ] {
        let file = work.path().join("policy.yaml");
        fs::write(&file, rich().export(format).text).unwrap();
        let output = Command::new(schemas.join("python/bin/python"))
            .arg(&script)
            .arg(schemas.join(schema))
            .arg(&file)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{format}: {said}{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(said.trim(), documents, "{format}");
    }
}

fn exported(text: &str, format: ExportFormat) -> serde_json::Value {
    serde_json::from_str(&policy(text).export(format).text).unwrap()
}

/// There the longest scope holds, whatever the order: what an earlier rule has already must not be said at all.
#[test]
fn a_rule_that_never_holds_here_opens_nothing_elsewhere() {
    let written = exported(
        "[[rule]]\nimages = \"*.example.com/**\"\nmode = \"enforce\"\nsigners = { keys = [\"release.pub\"] }\n\
         [[rule]]\nimages = \"eu.example.com/**\"\nmode = \"off\"\n",
        ExportFormat::Containers,
    );
    let scopes = written["transports"]["docker"].as_object().unwrap();
    assert!(!scopes.contains_key("eu.example.com"), "{written}");
    assert_eq!(scopes["*.example.com"][0]["type"], "sigstoreSigned");
}

#[test]
fn two_of_three_are_two_of_three_for_podman() {
    let written = exported(
        "[[rule]]\nimages = \"**\"\nmode = \"enforce\"\n\
         signers = { keys = [\"release.pub\", \"second.pub\", \"third.pub\"], threshold = 2 }\n",
        ExportFormat::Containers,
    );
    let demands = written["default"].as_array().unwrap();
    assert_eq!(demands.len(), 3, "each pair has one that signed: {written}");
    assert!(demands.iter().all(|demand| demand["keyDatas"].as_array().unwrap().len() == 2));
}

/// Two files of one name are two authorities, and their rules trust one each.
#[test]
fn notations_stores_are_one_for_each_file() {
    let work = tempfile::tempdir().unwrap();
    for team in ["a", "b"] {
        fs::create_dir(work.path().join(team)).unwrap();
        fs::copy(folder().join("root.pem"), work.path().join(team).join("ca.pem")).unwrap();
    }
    let rule = |team: &str| {
        format!(
            "[[rule]]\nimages = \"r.example.com/{team}\"\nmode = \"enforce\"\n\
             signers = {{ certificates = [\"{team}/ca.pem\"] }}\n"
        )
    };
    let policy = Policy::parse(&(rule("a") + &rule("b")), "policy.toml", work.path()).unwrap();
    let exported = policy.export(ExportFormat::Notation);
    let written: serde_json::Value = serde_json::from_str(&exported.text).unwrap();
    let stores = |place: usize| written["trustPolicies"][place]["trustStores"].clone();
    assert_eq!((stores(0), stores(1)), (serde_json::json!(["ca:ca"]), serde_json::json!(["ca:ca-2"])));
    let unsaid: Vec<String> = exported.unsaid.iter().map(ToString::to_string).collect();
    assert!(unsaid.iter().any(|line| line.contains("b/ca.pem") && line.contains("ca/ca-2/")), "{unsaid:?}");
}
