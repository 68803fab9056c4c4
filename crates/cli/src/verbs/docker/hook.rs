//! A hook's request and its answer.

use std::collections::BTreeMap;
use std::process::ExitCode;

use serde::{Deserialize, Serialize};

use super::calling;
use super::command_line::{CommandLine, Verb};
use super::{push, report};

/// Longest request: a failed build's whole output may be in it.
const MOST_BYTES: usize = 1 << 20;
/// Docker's client 29 refuses an answer with more lines.
const MOST_LINES: usize = 10;

/// What docker tells (docker/cli, `hooks.Request`). New members may come.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Request {
    /// The hook that matched: `push`, `image push`.
    root_cmd: String,
    /// Flags that were set.
    flags: Option<BTreeMap<String, String>>,
    /// Why the command failed; empty where it did not.
    command_error: String,
}

/// What docker reads (docker/cli, `hooks.Response`).
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Response {
    /// 0: next steps. The only kind that both 28 and 29 know.
    r#type: u8,
    template: String,
}

/// Answers a request. Whatever happens, docker gets an answer that it can read: a hook is a guest.
pub(crate) fn perform(request: &str) -> ExitCode {
    let steps = answer(request);
    let response = Response { r#type: 0, template: template(&steps) };
    if let Ok(text) = serde_json::to_string(&response) {
        // Docker may have been killed meanwhile.
        let _ = crate::output::write(format!("{text}\n").as_bytes());
    }
    ExitCode::SUCCESS
}

/// Next steps, a line each, mostly none.
fn answer(request: &str) -> Vec<String> {
    if request.len() > MOST_BYTES {
        return Vec::new();
    }
    let Ok(request) = serde_json::from_str::<Request>(request) else { return Vec::new() };
    if !request.command_error.is_empty() && !is_of_the_container(&request) {
        return Vec::new();
    }
    let flags = request.flags.unwrap_or_default();
    if flags.get("help").is_some_and(|help| help == "true") {
        return Vec::new();
    }
    let called = calling::arguments().map(|arguments| CommandLine::parse(&arguments, &flags));
    match called {
        Ok(Some(line)) if line.verb == Verb::Push => push::after(&line),
        Ok(Some(line)) => report::after(&line),
        // What was not understood is not guessed; docker itself can still name the image.
        _ if request.root_cmd.ends_with("push") => {
            vec!["this image is not signed; sign it with: plimsoll sign ".to_owned() + IMAGE]
        }
        _ => Vec::new(),
    }
}

/// Whether a run did not fail: the container did, with a code of its own. Docker's codes for what it could not start are 125 to 127.
fn is_of_the_container(request: &Request) -> bool {
    let code = request.command_error.strip_prefix("exit status ").and_then(|code| code.parse::<u8>().ok());
    request.root_cmd.ends_with("run") && code.is_some_and(|code| !(125..=127).contains(&code))
}

/// Docker's own word for the first argument, in the form that 28 and 29 both know.
const IMAGE: &str = "{{arg . 0}}";

/// Text as a Go template that says the same: two braces would be an action.
fn template(steps: &[String]) -> String {
    let lines: Vec<String> = steps
        .iter()
        .flat_map(|step| step.lines())
        .take(MOST_LINES)
        .map(|line| {
            let escaped = |text: &str| crate::output::plain(text).replace("{{", "{{\"{{\"}}");
            line.split(IMAGE).map(escaped).collect::<Vec<_>>().join(IMAGE)
        })
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text_in_a_go_template() {
        let steps = vec!["a {{.Name}} b".to_owned(), format!("sign {IMAGE}"), "c\u{1b}[2J".to_owned()];
        assert_eq!(template(&steps), "a {{\"{{\"}}.Name}} b\nsign {{arg . 0}}\nc\\u{1b}[2J");
    }

    #[test]
    fn no_answer_has_more_lines_than_docker_takes() {
        let steps = vec!["x\n".repeat(50)];
        assert!(template(&steps).matches('\n').count() < MOST_LINES);
    }

    #[test]
    fn a_failed_command_and_bytes_that_are_no_request_are_left_alone() {
        for request in [
            r#"{"RootCmd":"push","Flags":{},"CommandError":"denied"}"#,
            "",
            "{",
            "[]",
            "null",
            r#"{"RootCmd":7}"#,
            r#"{"RootCmd":"push","Flags":{"help":"true"}}"#,
        ] {
            assert_eq!(answer(request), Vec::<String>::new(), "{request}");
        }
        assert_eq!(answer(&"x".repeat(MOST_BYTES + 1)), Vec::<String>::new());
    }

    #[test]
    fn a_container_that_ended_with_a_code_of_its_own_was_run() {
        for (command, error, is_run) in [
            ("run", "exit status 3", true),
            ("container run", "exit status 130", true),
            ("run", "exit status 125", false),
            ("run", "exit status 127", false),
            ("push", "exit status 1", false),
            ("run", "no such image", false),
        ] {
            let request = Request { root_cmd: command.into(), command_error: error.into(), flags: None };
            assert_eq!(is_of_the_container(&request), is_run, "{command}: {error}");
        }
    }

    #[test]
    fn what_was_not_understood_is_named_by_docker_itself() {
        // The parent of a test is no docker with a command line of ours.
        let steps = answer(r#"{"RootCmd":"image push","Flags":null,"CommandError":"","New":1}"#);
        assert_eq!(steps, ["this image is not signed; sign it with: plimsoll sign {{arg . 0}}"]);
        assert_eq!(answer(r#"{"RootCmd":"run"}"#), Vec::<String>::new());
    }
}
