//! Everything that can be wrong with a policy file is named by its line, with what to write instead.

use gate::Policy;

fn error(text: &str) -> String {
    match Policy::parse(text, "policy.toml", &super::material::folder()) {
        Ok(policy) => panic!("taken as good: {policy:?}"),
        Err(error) => error.to_string(),
    }
}

/// A whole rule, with one line more or another one in the place of one.
fn rule_with(line: &str) -> String {
    let key = line.split(['=', ' ']).next().unwrap_or_default();
    let lines =
        ["images = \"registry.example.com/payments/**\"", "mode = \"enforce\"", "findings = { at-most = \"medium\" }"];
    let others = lines.into_iter().filter(|other| !other.starts_with(key));
    std::iter::once("[[rule]]").chain(others).chain([line]).collect::<Vec<_>>().join("\n")
}

fn errors_of_rules(lines: &[&str]) -> String {
    let told = lines.iter().map(|line| format!("{line}\n  {}", error(&rule_with(line)).replace('\n', "\n  ")));
    told.collect::<Vec<_>>().join("\n")
}

#[test]
fn text_that_is_not_toml_is_named_by_its_line() {
    let texts = [
        "[[rule]]\nimages = \"**\"\nmode = enforce\n",
        "[[rule]\n",
        "[[rule]]\nmode = \"off\"\nmode = \"warn\"\n",
        "\u{0}",
    ];
    let all: Vec<String> = texts.iter().map(|text| format!("{text:?}\n  {}", error(text))).collect();
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn unknown_keys_are_named_with_the_one_that_was_meant() {
    insta::assert_snapshot!(errors_of_rules(&[
        "image = \"**\"",
        "exception = []",
        "colour = 1",
        "findings = { atmost = \"low\" }",
        "findings = { at-most = \"low\", only_fixable = true }",
        "signers = { keys = [\"release.pub\"], treshold = 1 }",
        "signers = { key = \"release.pub\" }",
    ]));
    insta::assert_snapshot!(error("rules = []\n[defaults]\nmode = \"off\"\n"));
}

#[test]
fn wrong_types_are_told_with_what_was_found() {
    insta::assert_snapshot!(errors_of_rules(&[
        "images = [\"a\"]",
        "mode = true",
        "findings = \"medium\"",
        "findings = { at-most = 7.0 }",
        "findings = { at-most = \"low\", only-fixable = \"yes\" }",
        "findings = { at-most = \"low\", index-age = 7 }",
        "signers = [\"release.pub\"]",
        "signers = { keys = \"release.pub\" }",
        "signers = { keys = [1] }",
        "signers = { keys = [\"release.pub\"], threshold = \"1\" }",
        "exceptions = { id = \"CVE-2026-1\" }",
        "exceptions = [\"CVE-2026-1\"]",
        "exceptions = [{ id = 1, reason = 2, until = 3 }]",
    ]));
    insta::assert_snapshot!(error("rule = 1\n"));
}

#[test]
fn words_that_mean_nothing_are_told_with_those_that_do() {
    insta::assert_snapshot!(errors_of_rules(&[
        "mode = \"enforced\"",
        "mode = \"strict\"",
        "mode = \"Enforce\"",
        "findings = { at-most = \"hihg\" }",
        "findings = { at-most = \"unknown\" }",
        "findings = { at-most = \"low\", index-age = \"a week\" }",
        "findings = { at-most = \"low\", index-age = \"0d\" }",
        "findings = { at-most = \"low\", index-age = \"99999999999d\" }",
    ]));
}

#[test]
fn patterns_that_match_nothing_or_something_else_are_refused() {
    insta::assert_snapshot!(errors_of_rules(&[
        "images = \"\"",
        "images = \"debian\"",
        "images = \"payments/**\"",
        "images = \"registry.example.com\"",
        "images = \"registry.example.com//x\"",
        "images = \"/x\"",
        "images = \"registry.example.com/x/\"",
        "images = \"registry.example.com/x**\"",
        "images = \"registry.example.com/x:1.2\"",
        "images = \"registry.example.com/x@sha256:abc\"",
        "images = \"registry.example.com/Payments/*\"",
        "images = \"registry.example.com/ pay\"",
        "images = \"https://registry.example.com/x\"",
    ]));
}

#[test]
fn keys_that_cannot_count_are_refused() {
    insta::assert_snapshot!(errors_of_rules(&[
        "signers = { keys = [] }",
        "signers = {}",
        "signers = { keys = [\"\"] }",
        "signers = { keys = [\"missing.pub\"] }",
        "signers = { keys = [\"../keys\"] }",
        "signers = { keys = [\"../errors.rs\"] }",
        "signers = { keys = [\"private.key\"] }",
        "signers = { keys = [\"release.pub\", \"./release.pub\"] }",
        "signers = { keys = [\"release.pub\"], threshold = 0 }",
        "signers = { keys = [\"release.pub\"], threshold = -1 }",
        "signers = { keys = [\"release.pub\", \"second.pub\"], threshold = 3 }",
    ]));
}

#[test]
fn an_exception_needs_an_id_a_reason_and_a_real_day() {
    insta::assert_snapshot!(errors_of_rules(&[
        "exceptions = [{}]",
        "exceptions = [{ id = \"CVE-2026-1\" }]",
        "exceptions = [{ id = \"CVE-2026-1\", reason = \"  \" }]",
        "exceptions = [{ id = \"\", reason = \"why\" }]",
        "exceptions = [{ id = \"CVE-*\", reason = \"why\" }]",
        "exceptions = [{ id = \"CVE-2026-1\", reason = \"why\", until = \"2027-01-31\" }]",
        "exceptions = [{ id = \"CVE-2026-1\", reason = \"why\", until = 2027-01-31T12:00:00Z }]",
        "exceptions = [{ id = \"CVE-2026-1\", reason = \"why\", until = 12:00:00 }]",
        "exceptions = [{ id = \"CVE-2026-1\", reason = \"why\", until = 2027-02-29 }]",
    ]));
}

#[test]
fn rules_without_effect_are_refused() {
    let rule = |images: &str| format!("[[rule]]\nimages = \"{images}\"\nmode = \"off\"\n");
    let all = [
        error("[[rule]]\n"),
        error("[[rule]]\nimages = \"**\"\nmode = \"enforce\"\n"),
        error(
            &rule_with("signers = { keys = [\"release.pub\"] }")
                .replace("findings", "#")
                .lines()
                .chain(["exceptions = [{ id = \"CVE-1\", reason = \"x\" }]"])
                .collect::<Vec<_>>()
                .join("\n"),
        ),
        error(&[rule("docker.io/debian"), rule("docker.io/library/debian")].concat()),
        error(&[rule("**"), rule("docker.io/library/debian")].concat()),
    ];
    insta::assert_snapshot!(all.join("\n\n"));
}

#[test]
fn all_that_is_wrong_is_told_at_once_in_the_order_of_lines() {
    insta::assert_snapshot!(error(
        "\
# who may run what
[[rule]]
images   = \"payments/**\"
mode     = \"enforc\"
signers  = { keys = [\"gone.pub\"], treshold = 2 }
findings = { at-most = \"medium\", index-age = \"soon\" }

[[rule.exceptions]]
id = \"CVE-2026-1234\"
until = \"tomorrow\"
"
    ));
}

#[test]
fn hostile_files_end_in_an_error() {
    let deep = format!("rule = {}", "[".repeat(100_000));
    assert!(error(&deep).starts_with("policy.toml:1: not TOML"), "{}", error(&deep).len());
    let long = format!("[[rule]]\nimages = \"r.io/{}\"\nmode = \"off\"\n", "a".repeat(100_000));
    assert!(error(&long).contains("512 is the most"), "{}", error(&long));
    let key = format!("[[rule]]\n{} = 1\nimages = \"**\"\nmode = \"off\"\n", "k".repeat(100_000));
    assert!(error(&key).contains("unknown key"));
    assert!(error(&key).len() < 1_000, "an error is for reading");
}

#[test]
fn a_teams_key_that_cannot_be_read_is_told_once() {
    let text = "[teams]\npayments = { keys = [\"release.pub\", \"gone.pub\"] }\n\
                [[rule]]\nimages = \"**\"\nmode = \"enforce\"\nsigners = { team = \"payments\", threshold = 2 }\n";
    let told = error(text);
    assert!(told.contains("gone.pub") && !told.contains("threshold"), "{told}");
}
