//! Modules of Red Hat's family: one name, several streams side by side (`nodejs:16`, `nodejs:18`), each with fixes of its
//! own. OSV has no field for the stream, so by plain rules a record of `nodejs:18` hits every build of `nodejs:16`.
//!
//! A record names its streams in its summary (`Important: nodejs:18 security update`); a package has them in its
//! modularity label, and its build (`.module_el8.7.0+3343+ea2b7901`) stands among the fixed versions of a record of its
//! stream. Where neither tells, a stream that is a number begins its packages' versions.

use inventory::PackageKind;

use super::{Case, Read, Rule, Suppression};
use crate::claim::Reading;

/// A module and its stream.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stream {
    module: String,
    stream: String,
}

/// Suppresses a record of another stream than the package's, one of module builds where the package is of no module,
/// and one of ordinary builds where it is.
pub(super) fn judge(case: &Case<'_>) -> Read<Option<Suppression>> {
    let package = &case.image.located.package;
    if package.kind != PackageKind::Rpm {
        return Ok(None);
    }
    let fixes: Vec<&str> = case.claim.fixes(Reading::Plain)?.into_iter().map(|(_, version)| version).collect();
    if fixes.is_empty() {
        return Ok(None);
    }
    let modular = fixes.iter().filter(|fixed| build(fixed).is_some()).count();
    let label = package.module.as_deref().and_then(of_label);
    let own_build = build(&package.version);
    let is_modular = package.module.is_some() || own_build.is_some();
    let suppress = |reason: String| Ok(Some(Suppression { rule: Rule::ModuleStream, reason }));
    match (is_modular, modular) {
        (true, 0) => {
            return suppress(format!(
                "the fixed build is of no module, and {} is of {}",
                package.name,
                words(label.as_slice())
            ));
        }
        (false, all) if all == fixes.len() => {
            let of = of_record(case, &fixes)?;
            return suppress(format!("the fixed build is of {}, and {} is of no module", words(&of), package.name));
        }
        (true, all) if all == fixes.len() => {}
        _ => return Ok(None),
    }
    let theirs = of_record(case, &fixes)?;
    if theirs.is_empty() {
        return Ok(None);
    }
    let own: Vec<Stream> = match (label, own_build) {
        (Some(label), _) => vec![label],
        (None, Some(build)) => of_build(case, build)?,
        (None, None) => Vec::new(),
    };
    if own.is_empty() {
        return Ok(other_number(&package.version, &fixes, &theirs));
    }
    if own.iter().any(|own| theirs.iter().any(|their| own.is(their))) {
        return Ok(None);
    }
    suppress(format!("the record is about {}, and {} is of {}", words(&theirs), package.name, words(&own)))
}

impl Stream {
    /// A module's development files are a module of their own that goes with it (`virt` and `virt-devel`).
    fn is(&self, other: &Self) -> bool {
        let name = |stream: &Self| stream.module.strip_suffix("-devel").unwrap_or(&stream.module).to_owned();
        self.stream == other.stream && name(self) == name(other)
    }
}

fn words(streams: &[Stream]) -> String {
    match streams {
        [] => "a module".into(),
        streams => {
            let names: Vec<String> =
                streams.iter().map(|stream| format!("{}:{}", stream.module, stream.stream)).collect();
            format!("module {}", names.join(", "))
        }
    }
}

/// `nodejs:16:8060020220523:ad008a3a`.
fn of_label(label: &str) -> Option<Stream> {
    let mut fields = label.split(':');
    let (module, stream) = (fields.next()?, fields.next()?);
    (!module.is_empty() && !stream.is_empty()).then(|| Stream { module: module.into(), stream: stream.into() })
}

/// The words of a text that are a module and its stream.
fn of_text(text: &str) -> Vec<Stream> {
    let mut streams = Vec::new();
    for word in text.split_ascii_whitespace() {
        let word = word.trim_matches([',', ';', '.', '(', ')', '"', '\'']);
        let Some((module, stream)) = word.split_once(':') else { continue };
        // `httpd:2.4/mod_http2` names a package of the module too; an address is no module.
        let stream = stream.split_once('/').map_or(stream, |(stream, _)| stream);
        let fits = |text: &str| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte))
        };
        if fits(module) && fits(stream) {
            streams.push(Stream { module: module.into(), stream: stream.into() });
        }
    }
    streams
}

/// The streams that the record is about: what it says, else what others say of the builds that it calls fixed.
fn of_record(case: &Case<'_>, fixes: &[&str]) -> Read<Vec<Stream>> {
    let record = case.claim.segment.record(case.claim.rows[0].record.get())?;
    let named = of_text(case.claim.segment.text(record.summary)?);
    if !named.is_empty() {
        return Ok(named);
    }
    let mut of_builds = Vec::new();
    for build in fixes.iter().filter_map(|fixed| build(fixed)) {
        of_builds.extend(of_build(case, build)?);
    }
    Ok(of_builds)
}

/// The streams of the records that call a build of this package fixed.
fn of_build(case: &Case<'_>, wanted: &str) -> Read<Vec<Stream>> {
    let segment = case.claim.segment;
    let mut streams: Vec<Stream> = Vec::new();
    for rows in case.of_package.chunk_by(|left, right| left.record == right.record) {
        let claim = crate::claim::Claim { rows, ..case.claim };
        if claim.fixes(Reading::Plain)?.iter().any(|(_, fixed)| build(fixed) == Some(wanted)) {
            let record = segment.record(rows[0].record.get())?;
            for stream in of_text(segment.text(record.summary)?) {
                if !streams.contains(&stream) {
                    streams.push(stream);
                }
            }
        }
    }
    Ok(streams)
}

/// What marks a release as a module's build: AlmaLinux writes `.module_el8…`, the others `.module+el8…`.
fn build(version: &str) -> Option<&str> {
    let at = version.find(".module_").or_else(|| version.find(".module+"))?;
    Some(&version[at..])
}

/// Whether the version cannot be of the record's streams, since these are numbers with which their packages' versions
/// begin, and it begins otherwise.
fn other_number(version: &str, fixes: &[&str], theirs: &[Stream]) -> Option<Suppression> {
    let upstream = |version: &str| {
        let version = version.split_once(':').map_or(version, |(_, rest)| rest);
        version.split('-').next().unwrap_or_default().to_owned()
    };
    let begins = |version: &str, stream: &Stream| {
        upstream(version)
            .strip_prefix(stream.stream.as_str())
            .is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_digit()))
    };
    let is_number = |stream: &Stream| stream.stream.starts_with(|first: char| first.is_ascii_digit());
    let numbered =
        theirs.iter().all(is_number) && fixes.iter().all(|fixed| theirs.iter().any(|stream| begins(fixed, stream)));
    if !numbered || theirs.iter().any(|stream| begins(version, stream)) {
        return None;
    }
    let reason = format!("the record is about {}, of which {} is no build", words(theirs), upstream(version));
    Some(Suppression { rule: Rule::ModuleStream, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        of_text(text).into_iter().map(|stream| format!("{}:{}", stream.module, stream.stream)).collect()
    }

    #[test]
    fn streams_are_read_out_of_the_summaries_of_each_vendor() {
        assert_eq!(names("Important: nodejs:18 security, bug fix, and enhancement update"), ["nodejs:18"]);
        assert_eq!(names("Low: virt:rhel and virt-devel:rhel security update"), ["virt:rhel", "virt-devel:rhel"]);
        assert_eq!(names("Red Hat Security Advisory: python39:3.9 security update"), ["python39:3.9"]);
        assert_eq!(names("new module: container-tools:2.0"), ["container-tools:2.0"]);
        assert_eq!(names("Important: httpd:2.4/mod_http2 security update"), ["httpd:2.4"]);
        assert_eq!(names("Moderate: ruby security update; see https://example.com"), [""; 0]);
    }

    #[test]
    fn a_module_and_its_development_files_go_together() {
        let stream = |text: &str| of_label(text).expect("a stream");
        assert!(stream("virt:rhel:1:a").is(&stream("virt-devel:rhel")));
        assert!(!stream("nodejs:16").is(&stream("nodejs:18")));
        assert_eq!(of_label("nodejs"), None);
    }
}
