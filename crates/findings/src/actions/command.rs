//! What to type to upgrade a package.
//!
//! Names and versions come from the image: a word that a shell could read as something else is quoted, and one that
//! begins like an option makes no command at all.

use inventory::{PackageKind, Release};

/// The command that brings packages to a version, where there is one for their format.
pub(super) fn command(
    kind: PackageKind,
    release: Option<&Release>,
    packages: &[String],
    source: &str,
    fixed: &[String],
) -> Option<String> {
    let names = || all_quoted(packages);
    let name = || packages.first().map(String::as_str).filter(|_| packages.len() == 1).unwrap_or(source);
    let version = match fixed {
        [version] => Some(version.as_str()),
        _ => None,
    };
    Some(match kind {
        PackageKind::Deb => format!("apt-get install --only-upgrade {}", names()?),
        PackageKind::Apk => format!("apk upgrade {}", names()?),
        PackageKind::Rpm => format!("{} {}", rpm_manager(release), names()?),
        // An upgrade of single packages is not supported there.
        PackageKind::Alpm => "pacman -Syu".to_owned(),
        PackageKind::Pypi => format!("pip install {}", quoted(&format!("{}>={}", word(name())?, word(version?)?))),
        PackageKind::Conda => format!("conda install {}", quoted(&format!("{}>={}", word(name())?, word(version?)?))),
        PackageKind::Npm => format!("npm install {}", quoted(&format!("{}@^{}", word(name())?, word(version?)?))),
        PackageKind::Gem => format!("bundle update {}", quoted(word(name())?)),
        PackageKind::Golang if name() == "stdlib" => return None,
        PackageKind::Golang => {
            format!("go get {}", quoted(&format!("{}@v{}", word(name())?, word(version?)?.trim_start_matches('v'))))
        }
        PackageKind::Cargo => {
            format!("cargo update --package {} --precise {}", quoted(word(name())?), quoted(word(version?)?))
        }
        PackageKind::Composer => {
            format!("composer require {}", quoted(&format!("{}:^{}", word(name())?, word(version?)?)))
        }
        PackageKind::Nuget => {
            format!("dotnet add package {} --version {}", quoted(word(name())?), quoted(word(version?)?))
        }
        // The version stands in a build file, and each build tool has its own.
        PackageKind::Maven => return None,
    })
}

fn rpm_manager(release: Option<&Release>) -> &'static str {
    let release =
        release.map(|release| (release.id.as_str(), release.version_id.split('.').next().unwrap_or_default()));
    match release {
        Some(("sles" | "sled" | "opensuse-leap" | "opensuse-tumbleweed" | "sle_hpc", _)) => "zypper update",
        Some(("photon" | "azurelinux" | "mariner", _)) => "tdnf upgrade",
        Some(("amzn", "2" | "2018") | ("centos" | "rhel" | "ol", "6" | "7")) => "yum upgrade",
        _ => "dnf upgrade",
    }
}

/// So many packages are named in one command; binaries of one source are seldom more.
const MOST_NAMED: usize = 40;

fn all_quoted(packages: &[String]) -> Option<String> {
    if packages.len() > MOST_NAMED {
        return None;
    }
    let words: Option<Vec<String>> = packages.iter().map(|name| Some(quoted(word(name)?))).collect();
    words.map(|words| words.join(" "))
}

/// A word that no program takes for an option, and that shows as what it is.
fn word(text: &str) -> Option<&str> {
    let is_plain = |character: char| !character.is_control() && !character.is_whitespace();
    let is_word = !text.is_empty() && !text.starts_with('-') && text.chars().all(is_plain);
    (is_word && crate::escape::plain(text) == text).then_some(text)
}

/// For a POSIX shell.
fn quoted(word: &str) -> String {
    let is_safe = |character: char| character.is_ascii_alphanumeric() || "-_.+:@/%,=".contains(character);
    if word.chars().all(is_safe) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(kind: PackageKind, names: &[&str], fixed: &[&str]) -> Option<String> {
        let owned = |list: &[&str]| list.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>();
        command(kind, None, &owned(names), "source", &owned(fixed))
    }

    #[test]
    fn each_format_has_the_command_of_its_own_tool() {
        for (kind, name, fixed, expected) in [
            (PackageKind::Deb, "libc6", "2.36-9+deb12u8", "apt-get install --only-upgrade libc6"),
            (PackageKind::Apk, "curl", "8.1-r0", "apk upgrade curl"),
            (PackageKind::Rpm, "curl", "8.1-1.el9", "dnf upgrade curl"),
            (PackageKind::Pypi, "Jinja2", "2.11.3", "pip install 'Jinja2>=2.11.3'"),
            (PackageKind::Npm, "@babel/traverse", "7.23.2", "npm install '@babel/traverse@^7.23.2'"),
            (PackageKind::Golang, "golang.org/x/net", "0.17.0", "go get golang.org/x/net@v0.17.0"),
            (PackageKind::Cargo, "time", "0.3.1", "cargo update --package time --precise 0.3.1"),
            (PackageKind::Composer, "a/b", "1.2", "composer require 'a/b:^1.2'"),
        ] {
            assert_eq!(typed(kind, &[name], &[fixed]).as_deref(), Some(expected));
        }
        assert_eq!(typed(PackageKind::Golang, &["stdlib"], &["1.21.5"]), None);
        assert_eq!(typed(PackageKind::Pypi, &["a"], &["1", "2"]), None);
    }

    #[test]
    fn a_name_out_of_an_image_cannot_become_a_command_or_an_option() {
        let typed = |name| typed(PackageKind::Deb, &[name], &["1"]);
        assert_eq!(typed("a; rm -rf /"), None);
        assert_eq!(typed("a;reboot").as_deref(), Some("apt-get install --only-upgrade 'a;reboot'"));
        assert_eq!(typed("it's$(id)").as_deref(), Some(r"apt-get install --only-upgrade 'it'\''s$(id)'"));
        assert_eq!(typed("--allow-unauthenticated"), None);
        assert_eq!(typed("a\u{1b}[2J"), None);
        assert_eq!(typed("a\u{202e}b"), None);
    }
}
