//! `artifact-version.jar`: how repositories and builds name what they put there.

/// An archive's name in its two parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileName<'a> {
    pub(super) artifact: &'a str,
    pub(super) version: Option<&'a str>,
}

/// What follows a number and still is of the version (Maven's ComparableVersion, and what projects made of it).
const QUALIFIERS: &[&str] = &[
    "alpha",
    "beta",
    "milestone",
    "m",
    "rc",
    "cr",
    "snapshot",
    "ga",
    "final",
    "release",
    "sp",
    "b",
    "a",
    "pre",
    "jre",
    "android",
    "incubating",
    "redhat",
    "jbossorg",
    "atlassian",
    "patch",
    "build",
    "hotfix",
    "preview",
    "ea",
];

impl<'a> FileName<'a> {
    pub(super) fn split(file_name: &'a str) -> Self {
        let stem = file_name.rsplit_once('.').map_or(file_name, |(stem, _)| stem);
        let Some(at) = version_at(stem) else { return Self { artifact: stem, version: None } };
        Self { artifact: &stem[..at], version: Some(without_classifier(&stem[at + 1..])) }
    }
}

/// The first dash before a digit after which no other name comes: `log4j-1.2-api-2.17.1` has its version at the end.
fn version_at(stem: &str) -> Option<usize> {
    let mut found = None;
    let mut named_since = false;
    let mut at = 0;
    for (index, part) in stem.split('-').enumerate() {
        if index > 0 {
            let starts_with_digit = part.starts_with(|first: char| first.is_ascii_digit());
            let is_version = starts_with_digit && (part.contains('.') || part.len() >= 6 || found.is_none());
            if is_version && (found.is_none() || (named_since && part.contains('.'))) {
                found = Some(at - 1);
                named_since = false;
            } else if !starts_with_digit && !is_qualifier(part) {
                named_since = true;
            }
        }
        at += part.len() + 1;
    }
    found.filter(|at| *at > 0)
}

/// `4.1.70.Final-linux-x86_64`, `1.0-tests`, `2.0-jar-with-dependencies`: what comes behind is no version.
fn without_classifier(version: &str) -> &str {
    let mut at = 0;
    for (index, part) in version.split('-').enumerate() {
        let goes_on = index == 0 || is_qualifier(part) || part.starts_with(|first: char| first.is_ascii_digit());
        if !goes_on {
            return &version[..at - 1];
        }
        at += part.len() + 1;
    }
    version
}

fn is_qualifier(part: &str) -> bool {
    let word = part.split(['.', '_']).next().unwrap_or(part).trim_end_matches(|last: char| last.is_ascii_digit());
    QUALIFIERS.iter().any(|qualifier| qualifier.eq_ignore_ascii_case(word))
        // A commit or a build's date and number: `202109080827`, `r4`.
        || (part.len() >= 7 && part.bytes().all(|byte| byte.is_ascii_hexdigit()))
        || (part.starts_with(['r', 'v']) && part.len() > 1 && part[1..].bytes().all(|byte| byte.is_ascii_digit()))
        || part == "r"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_begin_at_a_number() {
        for (name, artifact, version) in [
            ("commons-io-2.6.jar", "commons-io", Some("2.6")),
            ("guava-30.1-jre.jar", "guava", Some("30.1-jre")),
            ("spring-beans-4.3.30.RELEASE.jar", "spring-beans", Some("4.3.30.RELEASE")),
            ("zstd-jni-1.5.0-1.jar", "zstd-jni", Some("1.5.0-1")),
            ("log4j-1.2-api-2.17.1.jar", "log4j-1.2-api", Some("2.17.1")),
            ("kafka_2.13-3.3.1.jar", "kafka_2.13", Some("3.3.1")),
            ("geronimo-jta_1.1_spec-1.1.1.jar", "geronimo-jta_1.1_spec", Some("1.1.1")),
            (
                "netty-transport-native-epoll-4.1.70.Final-linux-x86_64.jar",
                "netty-transport-native-epoll",
                Some("4.1.70.Final"),
            ),
            ("app-1.0-SNAPSHOT.war", "app", Some("1.0-SNAPSHOT")),
            ("app-0.0.1-SNAPSHOT-exec.jar", "app", Some("0.0.1-SNAPSHOT")),
            ("org.eclipse.jgit-5.13.0.202109080827-r.jar", "org.eclipse.jgit", Some("5.13.0.202109080827-r")),
            ("app-1.0-beta-2.jar", "app", Some("1.0-beta-2")),
            ("bcprov-jdk15on-1.65.jar", "bcprov-jdk15on", Some("1.65")),
            ("json-20180813.jar", "json", Some("20180813")),
            ("javax.inject-1.jar", "javax.inject", Some("1")),
            ("js-1.7R2.jar", "js", Some("1.7R2")),
            ("mssql-jdbc-9.4.0.jre8.jar", "mssql-jdbc", Some("9.4.0.jre8")),
            ("catalina.jar", "catalina", None),
            ("http2-server.jar", "http2-server", None),
            ("x.jar", "x", None),
            (".jar", "", None),
            ("-1.jar", "-1", None),
            ("noending", "noending", None),
        ] {
            assert_eq!(FileName::split(name), FileName { artifact, version }, "{name}");
        }
    }
}
