//! Is what was found little enough, complete, and of a recent day?

use advisory::Severity;
use findings::{Group, Report};
use time::format_description::well_known::Rfc3339;
use time::{Date, Duration, OffsetDateTime, UtcOffset};

use super::{Facts, Requirement, count, plain};
use crate::rule::severity_word;
use crate::{Exception, FindingsLimit, Tolerance, age};

/// How many single findings a reason names; the report has them all.
const NAMED: usize = 5;

/// The clocks of the machine that built the index and of this one may differ by so much; an index from further in the
/// future has an age that nobody can tell.
const CLOCK_SKEW: Duration = Duration::hours(24);

/// A finding that an exception let through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excepted {
    /// The exception's id.
    pub id: String,
    /// Why, as the policy says.
    pub reason: String,
    /// The last day on which it holds.
    pub until: Option<Date>,
    /// The packages in which the finding was let through.
    pub packages: Vec<String>,
}

pub(super) fn judge(
    limit: &FindingsLimit,
    exceptions: &[Exception],
    facts: &Facts<'_>,
    policy: &str,
) -> (Vec<Requirement>, Vec<Excepted>) {
    let unknown = |why: String, mend: String| {
        let found = format!("its findings are not known: {why}");
        let requirement = Requirement { wanted: wanted(limit), met: false, found, details: vec![], mend: Some(mend) };
        (vec![requirement], vec![])
    };
    let report = match known(facts) {
        Ok(report) if report.index.id.is_empty() => {
            let why = "there was no advisory index to look them up in";
            return unknown(why.into(), "fetch one with `plimsoll db update`".into());
        }
        Ok(report) => report,
        Err(why) => return unknown(why, format!("find out with `plimsoll scan {}`", facts.image())),
    };
    let (severe, excepted) = severe(limit, exceptions, facts, report, policy);
    let mut requirements = vec![severe];
    if !limit.allow_unknown {
        requirements.push(covered(report));
        requirements.extend(read(report));
    }
    requirements.extend(limit.index_age.map(|most| recent(most, report, facts.now)));
    (requirements, excepted)
}

/// The report, where there is one and it is of this image.
fn known<'a>(facts: &Facts<'a>) -> Result<&'a Report, String> {
    match &facts.report {
        None => Err("nobody looked".into()),
        Some(Err(error)) => Err(plain(error)),
        Some(Ok(report)) if report.digest != *facts.digest => {
            Err(format!("the report at hand is of another image ({})", report.digest))
        }
        Some(Ok(report)) => Ok(report),
    }
}

fn wanted(limit: &FindingsLimit) -> String {
    let kind = if limit.only_fixable { "finding that has a fix" } else { "finding" };
    match limit.at_most {
        Tolerance::Nothing => format!("no {kind}"),
        Tolerance::UpTo(severity) => format!("no {kind} above {}", severity_word(severity)),
    }
}

fn severe(
    limit: &FindingsLimit,
    exceptions: &[Exception],
    facts: &Facts<'_>,
    report: &Report,
    policy: &str,
) -> (Requirement, Vec<Excepted>) {
    let today = facts.now.to_offset(UtcOffset::UTC).date();
    let mut excepted: Vec<Excepted> = Vec::new();
    let mut above: Vec<Above<'_>> = Vec::new();
    for finding in report.groups().into_iter().filter(|finding| counts(limit, finding)) {
        let named: Vec<_> = exceptions.iter().filter(|exception| finding.is_called(&exception.id)).collect();
        let (in_force, ended): (Vec<_>, Vec<_>) = named.into_iter().partition(|exception| holds(exception, today));
        let others = finding.not_named_by(&in_force.iter().map(|exception| exception.id.as_str()).collect::<Vec<_>>());
        if in_force.is_empty() || !others.is_empty() {
            let ended = ended.iter().filter_map(|exception| exception.until).max();
            let others = if in_force.is_empty() { Vec::new() } else { others };
            above.push(Above { finding, ended, others });
        } else {
            for exception in in_force {
                note(&mut excepted, exception, &finding);
            }
        }
    }
    above.sort_by_key(|above| std::cmp::Reverse(above.finding.severity()));
    let requirement = if above.is_empty() {
        Requirement { wanted: wanted(limit), met: true, found: tally(report, &excepted), details: vec![], mend: None }
    } else {
        let mut details: Vec<String> = above.iter().take(NAMED).map(Above::told).collect();
        if above.len() > NAMED {
            details.push(format!("and {} more", above.len() - NAMED));
        }
        Requirement {
            wanted: wanted(limit),
            met: false,
            found: format!("it has {}", count(above.len(), "such finding")),
            details,
            mend: Some(mend(&above, facts, policy)),
        }
    };
    (requirement, excepted)
}

fn counts(limit: &FindingsLimit, finding: &Group<'_>) -> bool {
    !limit.at_most.admits(finding.severity()) && (!limit.only_fixable || finding.is_fixable())
}

/// The day `until` is the last on which an exception holds, to midnight UTC.
fn holds(exception: &Exception, today: Date) -> bool {
    exception.until.is_none_or(|until| today <= until)
}

fn note(excepted: &mut Vec<Excepted>, exception: &Exception, finding: &Group<'_>) {
    let package = package(finding);
    match excepted.iter_mut().find(|known| known.id == exception.id) {
        Some(known) => known.packages.push(package),
        None => excepted.push(Excepted {
            id: exception.id.clone(),
            reason: exception.reason.clone(),
            until: exception.until,
            packages: vec![package],
        }),
    }
}

fn package(finding: &Group<'_>) -> String {
    let package = &finding.located().package;
    plain(&format!("{} {}", package.name, package.version))
}

/// A finding that is not let through.
struct Above<'a> {
    finding: Group<'a>,
    /// The day on which the last of its exceptions ended.
    ended: Option<Date>,
    /// Of a notice about several CVEs those that no exception names, where some are.
    others: Vec<&'a str>,
}

impl Above<'_> {
    /// `CVE-2026-1 high in curl 7.88 (fixed in 7.89)`.
    fn told(&self) -> String {
        let finding = &self.finding;
        let fixed = match finding.fixed() {
            Some(version) => format!("fixed in {}", plain(version)),
            None => "no fix yet".to_owned(),
        };
        let ended = self.ended.map(|date| format!(", its exception ended with {date}")).unwrap_or_default();
        let (id, others) = match self.others.as_slice() {
            [] => (finding.known_as(), String::new()),
            others => {
                let names = plain(&others.iter().take(NAMED).copied().collect::<Vec<_>>().join(", "));
                (finding.key(), format!(", which is also about {names} that no exception names"))
            }
        };
        format!("{} {} in {}, {fixed}{ended}{others}", plain(id), severity_word(finding.severity()), package(finding))
    }
}

fn mend(above: &[Above<'_>], facts: &Facts<'_>, policy: &str) -> String {
    let list = format!("`plimsoll scan {}` lists all", facts.image());
    let fixable = above.iter().filter(|above| above.finding.is_fixable()).count();
    let update = if fixable == above.len() {
        "update these packages and push again".to_owned()
    } else if fixable > 0 {
        format!("update what has a fix ({fixable} of {}) and push again", above.len())
    } else {
        "none has a fix yet".to_owned()
    };
    format!("{update}, or write an exception with its reason into {policy}; {list}")
}

fn tally(report: &Report, excepted: &[Excepted]) -> String {
    let counts = report.counts();
    let Some(worst) = counts.worst() else { return "nothing was found".to_owned() };
    let unscored = counts.of(Severity::Unknown);
    let unscored = if unscored > 0 { format!(", {unscored} without a severity") } else { String::new() };
    let excepted = match excepted.len() {
        0 => String::new(),
        some => format!(", {} let through by exception", count(some, "id")),
    };
    let findings = count(counts.total(), "finding");
    format!("{findings} in all, the worst {}{unscored}{excepted}", severity_word(worst))
}

/// What was not read may hold anything.
fn read(report: &Report) -> Option<Requirement> {
    let unread = &report.inventory.unread;
    (!unread.is_empty()).then(|| Requirement {
        wanted: "that all of it was read".to_owned(),
        met: false,
        found: format!("{} in it could not be read and may hide packages", count(unread.len(), "part")),
        details: unread.iter().take(NAMED).map(|sentence| plain(sentence)).collect(),
        mend: Some(
            "build the image so that these are plain files of a usual size, and push again; or give the rule \
             `allow-unknown = true`"
                .to_owned(),
        ),
    })
}

/// What no source covers was not looked at: it is unknown, never clean.
fn covered(report: &Report) -> Requirement {
    let wanted = "advisories for all of its packages".to_owned();
    let uncovered: usize = report.uncovered.iter().map(|(_, packages)| packages).sum();
    if uncovered == 0 {
        let found = format!("{} looked up", count(report.inventory.packages.len(), "package"));
        return Requirement { wanted, met: true, found, details: vec![], mend: None };
    }
    let details = report
        .uncovered
        .iter()
        .take(NAMED)
        .map(|(ecosystem, packages)| format!("{} of {}", count(*packages, "package"), plain(ecosystem)))
        .collect();
    Requirement {
        wanted,
        met: false,
        found: format!("no loaded source covers {}", count(uncovered, "package")),
        details,
        mend: Some(
            "load their source with `plimsoll db update` or `plimsoll db import`, and scan again; or give the rule \
             `allow-unknown = true`"
                .into(),
        ),
    }
}

fn recent(most: age::Age, report: &Report, now: OffsetDateTime) -> Requirement {
    let wanted = format!("an advisory index of the last {most}");
    let mend = Some("fetch the present one with `plimsoll db update`".to_owned());
    let unmet =
        |found: String| Requirement { wanted: wanted.clone(), met: false, found, details: vec![], mend: mend.clone() };
    let Ok(built) = OffsetDateTime::parse(&report.index.built_at, &Rfc3339) else {
        return unmet(format!("the day of the index is not known ({:?})", plain(&report.index.built_at)));
    };
    let old = now - built;
    let day = built.to_offset(UtcOffset::UTC).date();
    if old < -CLOCK_SKEW {
        return unmet(format!("the index says that it is of {day}, which is yet to come; set this machine's clock"));
    }
    if old > most.duration() {
        return unmet(format!("it is of {day}, more than {} ago", age::in_words(old)));
    }
    let found = format!("it is of {day}, {} ago", age::in_words(old));
    Requirement { wanted, met: true, found, details: vec![], mend: None }
}
