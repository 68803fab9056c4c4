//! Versions that Go does not write as Go's advisories do.

use super::build_info::{BuildInfo, Module};

/// The toolchain's version as advisories on the standard library order it: `go1.22rc1` is `1.22.0-rc.1` there. What a
/// vendor or an experiment adds (`go1.22.3 X:boringcrypto`, `go1.24.4-fips`) stays as build metadata, which orders
/// nothing.
pub(super) fn of_toolchain(toolchain: &str) -> Option<String> {
    let (is_devel, text) = match toolchain.strip_prefix("devel ") {
        Some(rest) => (true, rest),
        None => (false, toolchain),
    };
    let text = text.strip_prefix("go")?;
    let end = text.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(text.len());
    let (numbers, rest) = text.split_at(end);
    let parts: Vec<&str> = numbers.split('.').collect();
    if !(2..=3).contains(&parts.len()) || parts.iter().any(|part| part.is_empty() || part.len() > 6) {
        return None;
    }
    let mut version = format!("{}.{}.{}", parts[0], parts[1], parts.get(2).unwrap_or(&"0"));
    let (before, metadata) = pre_release(rest);
    let devel = rest.strip_prefix("-devel").or(is_devel.then_some(rest));
    if let Some(commit) = devel {
        version.push_str("-devel");
        let commit = commit.split(' ').next().unwrap_or_default();
        version.extend(identifiers(commit).map(|identifier| format!(".{identifier}")));
        return Some(version);
    }
    version.extend(before.map(|(kind, number)| format!("-{kind}.{number}")));
    for (index, identifier) in identifiers(metadata).enumerate() {
        version.push(if index == 0 { '+' } else { '.' });
        version.push_str(identifier);
    }
    Some(version)
}

/// `rc1…` and what comes after it.
fn pre_release(text: &str) -> (Option<(&str, &str)>, &str) {
    for kind in ["rc", "beta", "alpha"] {
        if let Some(rest) = text.strip_prefix(kind) {
            let end = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
            if (1..=6).contains(&end) {
                return (Some((kind, &rest[..end])), &rest[end..]);
            }
        }
    }
    (None, text)
}

fn identifiers(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_ascii_alphanumeric())
        .filter(|part| !part.is_empty() && part.len() <= 40)
        .take(8)
}

/// The main module's version where the linker was told one (`-ldflags "-X main.version=v1.2.3"`) and `go` itself knew
/// none: only a whole version, of a variable that says that it is one, in a package of the module, and only where all
/// such variables agree.
pub(super) fn of_main(info: &BuildInfo, main: &Module) -> Option<String> {
    if !matches!(main.version.as_str(), "" | "(devel)") {
        return None;
    }
    let mut found: Option<&str> = None;
    for (variable, value) in linked_values(info.setting("-ldflags")?) {
        let Some((package, name)) = variable.rsplit_once('.') else { continue };
        let is_of_module = package == "main"
            || package.strip_prefix(&main.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let says_so = matches!(
            name.to_ascii_lowercase().as_str(),
            "version" | "gitversion" | "buildversion" | "appversion" | "semver" | "gittag" | "releaseversion"
        );
        let value = value.strip_prefix('v').unwrap_or(value);
        if !is_of_module || !says_so || !is_whole(value) {
            continue;
        }
        if found.is_some_and(|other| other != value) {
            return None;
        }
        found = Some(value);
    }
    let version = found?;
    // A module's path ends with its major version from 2 on; one that does not follows no such rule.
    let major = version.split('.').next().unwrap_or_default();
    match major_of(&main.path) {
        Some(suffix) if suffix == major => Some(format!("v{version}")),
        Some(_) => None,
        None if matches!(major, "0" | "1") => Some(format!("v{version}")),
        None => Some(format!("v{version}+incompatible")),
    }
}

/// The main module of a program that was built without modules (docker's own are), where its path is one of a host whose
/// repositories' places are known, and the linker was told its version.
pub(super) fn main_by_path(info: &BuildInfo) -> Option<Module> {
    if info.main.is_some() {
        return None;
    }
    let mut parts = info.path.splitn(5, '/');
    let host = parts.next().filter(|host| matches!(*host, "github.com" | "gitlab.com" | "bitbucket.org"))?;
    let (owner, repository) = (parts.next()?, parts.next()?);
    let mut path = format!("{host}/{owner}/{repository}");
    if let Some(part) = parts.next().filter(|part| major_of(part).is_some()) {
        path = format!("{path}/{part}");
    }
    let module = Module { path, version: String::new(), replaced_by: None };
    of_main(info, &module).is_some().then_some(module)
}

/// `2` of `example.com/a/v2` and of `gopkg.in/a.v2`.
fn major_of(path: &str) -> Option<&str> {
    let last = path.rsplit('/').next().unwrap_or_default();
    let last = if path.starts_with("gopkg.in/") { last.rsplit('.').next().unwrap_or_default() } else { last };
    last.strip_prefix('v').filter(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// `1.2.3` or `1.2.3-rc.1`: three numbers, and nothing that says that it is no release's commit (`-dirty`, `-5-gabc`).
fn is_whole(version: &str) -> bool {
    let (numbers, pre) = version.split_once('-').map_or((version, None), |(numbers, pre)| (numbers, Some(pre)));
    let is_number = |part: &str| {
        (1..=6).contains(&part.len())
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && (part == "0" || !part.starts_with('0'))
    };
    let is_release = |pre: &str| {
        let pre = pre.to_ascii_lowercase();
        let known = ["alpha", "beta", "rc", "pre"].iter().find_map(|kind| pre.strip_prefix(kind));
        known.is_some_and(|rest| rest.len() <= 8 && rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
    };
    let parts: Vec<&str> = numbers.split('.').collect();
    parts.len() == 3 && parts.into_iter().all(is_number) && pre.is_none_or(is_release)
}

/// Variables and values of `-X name=value`, `-X=name=value` and `-X 'name=value'`.
fn linked_values(flags: &str) -> Vec<(&str, &str)> {
    let mut values = Vec::new();
    let mut rest = flags;
    while let Some(at) = rest.find("-X") {
        let follows = at == 0 || rest[..at].ends_with([' ', '\'', '"', '\n', '\t']);
        rest = &rest[at + 2..];
        let value = rest.trim_start_matches([' ', '=', '\t', '\n']);
        if !follows || value.len() == rest.len() {
            continue;
        }
        let (quote, value) = match value.chars().next() {
            Some(quote @ ('\'' | '"')) => (Some(quote), &value[1..]),
            _ => (None, value),
        };
        let end = value.find(|character: char| quote.map_or(character.is_whitespace(), |quote| character == quote));
        let (pair, after) = value.split_at(end.unwrap_or(value.len()));
        values.extend(pair.trim_matches(['\'', '"']).split_once('='));
        rest = after;
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_toolchains_version_is_written_as_advisories_order_it() {
        let version = |text| of_toolchain(text).unwrap();
        assert_eq!(version("go1.22.3"), "1.22.3");
        assert_eq!(version("go1.20"), "1.20.0");
        assert_eq!(version("go1.22rc1"), "1.22.0-rc.1");
        assert_eq!(version("go1.9beta2"), "1.9.0-beta.2");
        assert_eq!(version("go1.21.9 X:boringcrypto,nocoverageredesign"), "1.21.9+X.boringcrypto.nocoverageredesign");
        assert_eq!(version("go1.24.4-fips"), "1.24.4+fips");
        assert_eq!(version("go1.24.4+auto"), "1.24.4+auto");
        assert_eq!(version("go1.21.9 (Red Hat 1.21.9-1.el9_4)"), "1.21.9+Red.Hat.1.21.9.1.el9.4");
        assert_eq!(version("devel go1.23-d8392e6997 Tue May 7"), "1.23.0-devel.d8392e6997");
        assert_eq!(version("go1.25-devel_ad3f6b3 Mon"), "1.25.0-devel.ad3f6b3");
        for text in ["", "go", "go1", "gccgo 12", "devel +abc", "go1..2", "go1.2.3.4"] {
            assert_eq!(of_toolchain(text), None, "{text}");
        }
    }

    fn linked(path: &str, flags: &str) -> Option<String> {
        let info = BuildInfo { settings: vec![("-ldflags".into(), flags.into())], ..BuildInfo::default() };
        of_main(&info, &Module { path: path.into(), version: "(devel)".into(), replaced_by: None })
    }

    #[test]
    fn the_linkers_version_counts_where_it_is_exact() {
        let version = |path, flags| linked(path, flags).unwrap();
        assert_eq!(version("a.b/c", "-s -w -X main.version=1.2.3 -X main.commit=abc"), "v1.2.3");
        assert_eq!(version("a.b/c/v2", "-X 'a.b/c/v2/internal.Version=v2.0.1'"), "v2.0.1");
        assert_eq!(version("a.b/c", r#"-X "main.Version=v20.10.24""#), "v20.10.24+incompatible");
        assert_eq!(version("a.b/c", "-X=main.gitVersion=v1.0.0-rc.1 -X main.version=1.0.0-rc.1"), "v1.0.0-rc.1");
        for (path, flags) in [
            ("a.b/c", "-X main.version=1.2"),
            ("a.b/c", "-X main.version=1.2.3-dirty"),
            ("a.b/c", "-X main.version=1.2.3-5-gabcdef1"),
            ("a.b/c", "-X main.version=01.2.3"),
            ("a.b/c", "-X other.com/lib.Version=1.2.3"),
            ("a.b/c", "-X a.b/cd.Version=1.2.3"),
            ("a.b/c", "-X main.version=1.2.3 -X a.b/c/x.Version=1.2.4"),
            ("a.b/c", "-X main.goVersion=1.22.3"),
            ("a.b/c/v2", "-X main.version=1.2.3"),
            ("a.b/c", "-X"),
            ("a.b/c", "-Xmain.version=1.2.3"),
        ] {
            assert_eq!(linked(path, flags), None, "{flags}");
        }
    }

    #[test]
    fn a_program_without_modules_is_told_by_its_path_and_the_linkers_version() {
        let module = |path: &str, flags: &str| {
            let settings = vec![("-ldflags".to_owned(), flags.to_owned())];
            let info = BuildInfo { path: path.into(), settings, ..BuildInfo::default() };
            main_by_path(&info).map(|module| (module.path.clone(), of_main(&info, &module).unwrap()))
        };
        let pair = |path: &str, version: &str| Some((path.to_owned(), version.to_owned()));
        let docker = r#" -X "github.com/docker/cli/cli/version.GitCommit=e6534b4" -X "github.com/docker/cli/cli/version.Version=28.2.2""#;
        let told = module("github.com/docker/cli/cmd/docker", docker);
        assert_eq!(told, pair("github.com/docker/cli", "v28.2.2+incompatible"));
        let told = module("gitlab.com/a/b/v2/cmd/c", "-X main.version=2.1.0");
        assert_eq!(told, pair("gitlab.com/a/b/v2", "v2.1.0"));
        for (path, flags) in [
            ("github.com/docker/cli/cmd/docker", "-X github.com/docker/cli/cli/version.Version=20.10.24+dfsg1"),
            ("github.com/docker/cli/cmd/docker", "-X github.com/other/cli/version.Version=1.2.3"),
            ("github.com/docker", "-X main.version=1.2.3"),
            ("example.com/a/b/c", "-X main.version=1.2.3"),
            ("command-line-arguments", "-X main.version=1.2.3"),
        ] {
            assert_eq!(module(path, flags), None, "{path} {flags}");
        }
    }
}
