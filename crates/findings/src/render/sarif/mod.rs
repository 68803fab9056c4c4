//! SARIF 2.1.0 (OASIS standard), within what GitHub's code scanning takes: a rule for each vulnerability, a result for
//! each package that has it, placed at the file that tells of the package, relative to the image's root.
//!
//! GitHub's limits ("SARIF support for code scanning"): 25,000 results, of which the last are left out here and
//! counted in a notification; 20 tags a rule. Records of one vulnerability are one result, as
//! they count once everywhere, and so are results that are the same to GitHub (same rule, package and file).

mod results;
mod rules;

use std::collections::BTreeMap;

use serde::Serialize;

use self::results::SarifResult;
use self::rules::Rule;
use super::bill::{TOOL, TOOL_VERSION};
use crate::{Report, escape};

/// Most results of a run that GitHub takes.
pub const MOST_RESULTS: usize = 25_000;

/// A report as SARIF.
#[derive(Clone, Debug)]
pub struct Sarif {
    /// Indented JSON, with a line feed at its end.
    pub json: Vec<u8>,
    /// How many results were left out, since GitHub takes no more than [`MOST_RESULTS`].
    pub left_out: usize,
}

/// The report as SARIF; what is not counted only where `all` is asked for, and then as suppressed.
pub fn sarif(report: &Report, all: bool) -> serde_json::Result<Sarif> {
    let (rules, results) = results::results(report, all);
    let left_out = results.len().saturating_sub(MOST_RESULTS);
    let results: Vec<_> = results.into_iter().take(MOST_RESULTS).collect();
    let (rules, results) = rules::only_used(rules, results);
    let document = Log {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: Driver {
                    name: "Plimsoll",
                    full_name: format!("Plimsoll {TOOL_VERSION}"),
                    semantic_version: TOOL_VERSION,
                    rules,
                },
            },
            // GitHub keeps the alerts of two categories apart, so that two images in one repository do not close
            // each other's.
            automation_details: AutomationDetails { id: format!("{TOOL}/{}/", report.name) },
            invocations: [Invocation {
                execution_successful: true,
                end_time_utc: Some(report.scanned_at.as_str()).filter(|time| !time.is_empty()),
                tool_execution_notifications: notifications(report, left_out),
            }],
            column_kind: "utf16CodeUnits",
            results,
            properties: properties(report),
        }],
    };
    let mut text = escape::json(serde_json::to_string_pretty(&document)?);
    text.push('\n');
    Ok(Sarif { json: text.into_bytes(), left_out })
}

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool<'a>,
    automation_details: AutomationDetails,
    invocations: [Invocation<'a>; 1],
    column_kind: &'static str,
    results: Vec<SarifResult<'a>>,
    properties: BTreeMap<&'static str, serde_json::Value>,
}

#[derive(Serialize)]
struct Tool<'a> {
    driver: Driver<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver<'a> {
    name: &'static str,
    full_name: String,
    semantic_version: &'static str,
    rules: Vec<Rule<'a>>,
}

#[derive(Serialize)]
struct AutomationDetails {
    id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation<'a> {
    execution_successful: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time_utc: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_execution_notifications: Vec<Notification>,
}

#[derive(Serialize)]
struct Notification {
    level: &'static str,
    message: Message,
}

/// Text, and the same as Markdown where it has a form.
#[derive(Debug, Serialize)]
struct Message {
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    markdown: Option<String>,
}

impl Message {
    fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), markdown: None }
    }
}

/// What a reader of the results must know beside them.
fn notifications(report: &Report, left_out: usize) -> Vec<Notification> {
    let mut texts = Vec::new();
    if left_out > 0 {
        texts.push(format!("{left_out} results are left out, since GitHub takes {MOST_RESULTS}; the worst are here"));
    }
    for (ecosystem, packages) in &report.uncovered {
        texts.push(format!("unknown: no loaded advisories cover {packages} packages of {ecosystem}"));
    }
    texts.extend(report.inventory.warnings.iter().map(|warning| format!("not read: {warning}")));
    texts.into_iter().map(|text| Notification { level: "warning", message: Message::text(text) }).collect()
}

fn properties(report: &Report) -> BTreeMap<&'static str, serde_json::Value> {
    BTreeMap::from([
        ("subject", report.subject.name().into()),
        ("name", report.name.as_str().into()),
        ("digest", report.digest.as_str().into()),
        ("platform", report.platform.as_str().into()),
        ("packages", report.inventory.packages.len().into()),
        ("uncoveredPackages", report.uncovered_packages().into()),
        ("advisories", report.index.id.as_str().into()),
    ])
}
