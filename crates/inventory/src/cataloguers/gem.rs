//! RubyGems: the specification of each installed gem, `specifications/NAME-VERSION.gemspec`, and of those that come
//! with Ruby, under `specifications/default` (RubyGems guides, "Specification Reference").
//!
//! RubyGems writes these files itself, one assignment a line, with a comment at their head that holds all that it needs
//! to list a gem. A gem's own specification, which is a program, is read only where Bundler installed the gem from git,
//! as far as it assigns plain strings.

use super::lines::Lines;
use super::{Cataloguer, Member, Told, Wanted};
use crate::package::{Package, PackageKind};

/// Reads installed gems.
pub(super) struct Gem;

impl Cataloguer for Gem {
    fn id(&self) -> &'static str {
        "gem"
    }

    fn wanted(&self) -> &'static [Wanted] {
        &[
            Wanted::Anywhere("**/specifications/*.gemspec"),
            Wanted::Anywhere("**/specifications/default/*.gemspec"),
            Wanted::Anywhere("**/bundler/gems/*/*.gemspec"),
        ]
    }

    fn catalogue(&self, member: &mut Member<'_>, told: &mut Told) {
        let written_by_rubygems = !member.path.contains("/bundler/gems/");
        let mut specification = Specification::default();
        let mut lines = Lines::new(member.lines());
        loop {
            match lines.next() {
                Ok(Some(line)) => specification.line(&String::from_utf8_lossy(line.bytes)),
                Ok(None) => break,
                Err(error) => {
                    told.warn(format!("reading stopped: {error}"));
                    break;
                }
            }
        }
        let Specification { name, version, platform, licences } = specification;
        if name.is_empty() || version.is_empty() {
            if written_by_rubygems {
                told.warn("it has no name or no version as RubyGems writes them");
            }
            return;
        }
        told.package(Package {
            architecture: Some(platform).filter(|platform| !platform.is_empty() && platform != "ruby"),
            licences,
            ..Package::new(PackageKind::Gem, name, version)
        });
    }
}

#[derive(Default)]
struct Specification {
    name: String,
    version: String,
    /// `ruby` for those that hold no compiled code.
    platform: String,
    licences: Vec<String>,
}

impl Specification {
    fn line(&mut self, line: &str) {
        let line = line.trim();
        if let Some(stub) = line.strip_prefix("# stub: ") {
            // Name, version, platform, paths; further stubs list extensions.
            if let [name, version, platform, ..] = stub.split_whitespace().collect::<Vec<_>>()[..]
                && self.name.is_empty()
            {
                (self.name, self.version, self.platform) = (name.into(), version.into(), platform.into());
            }
            return;
        }
        // `s.name = …`: the variable is called as its author liked.
        let Some((attribute, value)) = line.split_once('=') else { return };
        let Some((_, attribute)) = attribute.trim().split_once('.') else { return };
        let slot = match attribute {
            "name" => &mut self.name,
            "version" => &mut self.version,
            "platform" => &mut self.platform,
            "license" | "licenses" => {
                let room = 10usize.saturating_sub(self.licences.len());
                let one = |text: &&str| !text.is_empty() && text.len() <= 100;
                self.licences.extend(strings(value).filter(one).take(room).map(str::to_owned));
                return;
            }
            _ => return,
        };
        if let Some(string) = strings(value).next()
            && slot.is_empty()
            && is_plain(value)
        {
            string.clone_into(slot);
        }
    }
}

/// The strings of `"a".freeze, 'b'`.
fn strings(value: &str) -> impl Iterator<Item = &str> {
    let mut rest = value;
    std::iter::from_fn(move || {
        let open = rest.find(['"', '\''])?;
        let quote = rest[open..].chars().next()?;
        let inside = &rest[open + 1..];
        let close = inside.find(quote)?;
        rest = &inside[close + 1..];
        Some(&inside[..close])
    })
}

/// Whether a value is a string and no expression that has one in it.
fn is_plain(value: &str) -> bool {
    let value = value.trim().strip_prefix("Gem::Version.new(").unwrap_or(value.trim());
    let end = value.trim_end_matches(')').trim_end_matches(".freeze");
    let quote = value.chars().next().filter(|first| matches!(first, '"' | '\''));
    quote.is_some_and(|quote| end.len() >= 2 && end.ends_with(quote) && !end.contains("#{"))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;
    use crate::record::Fact;

    fn read_at(path: &str, text: &[u8]) -> (Vec<Package>, Vec<String>) {
        let mut told = Told::default();
        let mut content = Cursor::new(text);
        Gem.catalogue(&mut Member::new(path, text.len() as u64, &mut content), &mut told);
        let (facts, warnings) = told.into_parts();
        let package = |fact| if let Fact::Package(package) = fact { package } else { panic!("{fact:?}") };
        (facts.into_iter().map(package).collect(), warnings)
    }

    #[test]
    fn a_gem_with_compiled_code_says_for_which_platform() {
        let (packages, warnings) = read_at(
            "var/lib/gems/3.1.0/specifications/nokogiri-1.15.0-x86_64-linux.gemspec",
            b"# -*- encoding: utf-8 -*-\n# stub: nokogiri 1.15.0 x86_64-linux lib\n# stub: ext/nokogiri/extconf.rb\n\n\
              Gem::Specification.new do |s|\n  s.name = \"nokogiri\".freeze\n  s.version = \"1.15.0\"\n\
              \x20 s.platform = \"x86_64-linux\".freeze\n\
              \x20 s.description = \"s.name = other\".freeze\n  s.licenses = [\"MIT\".freeze, 'Ruby'.freeze]\nend\n",
        );
        assert!(warnings.is_empty());
        let [package] = &packages[..] else { panic!("{packages:?}") };
        assert_eq!((package.name.as_str(), package.version.as_str()), ("nokogiri", "1.15.0"));
        assert_eq!(package.architecture.as_deref(), Some("x86_64-linux"));
        assert_eq!(package.licences, ["MIT", "Ruby"]);
    }

    #[test]
    fn old_specifications_have_no_stub() {
        let text = b"Gem::Specification.new do |spec|\n spec.name = %q{x}\n spec.name = 'rake'\n\
                     spec.version = Gem::Version.new(\"0.8.7\")\nspec.license = 'MIT'\nend\n";
        let (packages, _) = read_at("x/specifications/rake-0.8.7.gemspec", text);
        assert_eq!((packages[0].name.as_str(), packages[0].version.as_str()), ("rake", "0.8.7"));
        assert_eq!(packages[0].architecture, None);
    }

    #[test]
    fn a_specification_that_computes_is_not_guessed_at() {
        let text = b"Gem::Specification.new do |s|\n s.name = 'x'\n s.version = \"#{X::VERSION}.1\"\nend\n";
        assert_eq!(read_at("a/bundler/gems/x-0123abc/x.gemspec", text), (vec![], vec![]));
        let text = b"Gem::Specification.new do |s|\n s.name = 'x'\n s.version = File.read('VERSION')\nend\n";
        assert_eq!(read_at("a/bundler/gems/x-0123abc/x.gemspec", text), (vec![], vec![]));
        assert_eq!(read_at("a/specifications/x.gemspec", text).1.len(), 1);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            read_at("a/specifications/x.gemspec", &bytes);
        }

        #[test]
        fn any_assignment_is_read(value in "[\"'a#{}().,= ]{0,40}") {
            read_at("a/specifications/x.gemspec", format!("s.name = {value}\ns.licenses = {value}").as_bytes());
        }
    }
}
