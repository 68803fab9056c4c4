//! What docker was told, read from its command line the way its own parser (pflag) reads it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A command of docker's with a hook of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CommandLine {
    /// What stood before the command.
    pub(crate) client: ClientOptions,
    /// What was done.
    pub(crate) verb: Verb,
    /// The image as it was written.
    pub(crate) image: String,
    /// `--all-tags`.
    pub(crate) all_tags: bool,
    /// `--quiet`.
    pub(crate) quiet: bool,
}

/// The commands that have hooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// `push`, `image push`.
    Push,
    /// `pull`, `image pull`.
    Pull,
    /// `run`, `container run`.
    Run,
}

/// Docker's own options, as far as they decide which engine and which configuration are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClientOptions {
    /// `--config`.
    pub(crate) config: Option<PathBuf>,
    /// `--context`.
    pub(crate) context: Option<String>,
    /// `--host`.
    pub(crate) host: Option<String>,
    /// `--tls`.
    pub(crate) tls: Option<bool>,
    /// `--tlsverify`.
    pub(crate) tls_verify: Option<bool>,
    /// `--tlscacert`.
    pub(crate) authority: Option<PathBuf>,
    /// `--tlscert`.
    pub(crate) certificate: Option<PathBuf>,
    /// `--tlskey`.
    pub(crate) key: Option<PathBuf>,
}

/// Flags before the command that take no value.
const CLIENT_SWITCHES: [&str; 8] = ["debug", "D", "tls", "tlsverify", "version", "v", "help", "cloud"];
/// Flags of the three commands that take no value; every other one does. A request from docker goes before this list.
const SWITCHES: [&str; 21] = [
    "all-tags",
    "a",
    "quiet",
    "q",
    "disable-content-trust",
    "help",
    "detach",
    "d",
    "interactive",
    "i",
    "tty",
    "t",
    "publish-all",
    "P",
    "rm",
    "init",
    "privileged",
    "read-only",
    "no-healthcheck",
    "oom-kill-disable",
    "sig-proxy",
];
/// As above, newer.
const NEWER_SWITCHES: [&str; 1] = ["use-api-socket"];

impl CommandLine {
    /// Reads docker's arguments, its own name left out. `flags` are those of the hook's request, which tell of a flag
    /// whether it takes a value: one that is `true` or `false` does not.
    pub(crate) fn parse(arguments: &[String], flags: &BTreeMap<String, String>) -> Option<Self> {
        let (client, rest) = ClientOptions::parse(arguments)?;
        let words: Vec<&str> = rest.iter().take(2).map(String::as_str).collect();
        let (verb, after) = match words.as_slice() {
            ["push", ..] => (Verb::Push, 1),
            ["pull", ..] => (Verb::Pull, 1),
            ["run", ..] => (Verb::Run, 1),
            ["image", "push"] => (Verb::Push, 2),
            ["image", "pull"] => (Verb::Pull, 2),
            ["container", "run"] => (Verb::Run, 2),
            _ => return None,
        };
        let is_switch = |name: &str| match flags.get(name).map(String::as_str) {
            Some("true" | "false") => true,
            Some(_) => false,
            None => SWITCHES.contains(&name) || NEWER_SWITCHES.contains(&name),
        };
        let (mut image, mut all_tags, mut quiet) = (None, false, false);
        let mut flags = Flags { arguments: rest.get(after..)?, letters: "", is_switch: &is_switch };
        loop {
            match flags.next() {
                Token::End => break,
                Token::Cut => return None,
                Token::Flag("all-tags" | "a", value) => all_tags = is_true(value.as_deref()),
                Token::Flag("quiet" | "q", value) => quiet = is_true(value.as_deref()),
                Token::Flag(..) => {}
                Token::Word(word) => {
                    image.get_or_insert(word);
                    // What follows a container's image is its program's.
                    if verb == Verb::Run {
                        break;
                    }
                }
            }
        }
        Some(Self { client, verb, image: image?.to_owned(), all_tags, quiet })
    }
}

impl ClientOptions {
    /// Reads the options before the command; gives the arguments from the command on.
    pub(crate) fn parse(arguments: &[String]) -> Option<(Self, &[String])> {
        let mut options = Self::default();
        let mut flags = Flags { arguments, letters: "", is_switch: &|name| CLIENT_SWITCHES.contains(&name) };
        loop {
            let rest = flags.arguments;
            match flags.next() {
                Token::End | Token::Cut => return None,
                Token::Word(_) => {
                    // After `--` the command is the word behind it.
                    let taken = rest.len() - flags.arguments.len();
                    return Some((options, rest.get(taken - 1..)?));
                }
                Token::Flag(name, value) => match name {
                    "config" => options.config = value.map(PathBuf::from),
                    "context" | "c" => options.context = value,
                    "host" | "H" => options.host = value,
                    "tls" => options.tls = Some(is_true(value.as_deref())),
                    "tlsverify" => options.tls_verify = Some(is_true(value.as_deref())),
                    "tlscacert" => options.authority = value.map(PathBuf::from),
                    "tlscert" => options.certificate = value.map(PathBuf::from),
                    "tlskey" => options.key = value.map(PathBuf::from),
                    _ => {}
                },
            }
        }
    }
}

/// A switch is on where it has no value, or one that Go's `strconv.ParseBool` takes for true.
fn is_true(value: Option<&str>) -> bool {
    value.is_none_or(|value| matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True"))
}

/// What the next argument is.
enum Token<'a> {
    /// A flag by its name (of one letter or more), with its value.
    Flag(&'a str, Option<String>),
    /// Anything else.
    Word(&'a str),
    /// There is none.
    End,
    /// A flag whose value is missing.
    Cut,
}

struct Flags<'a, 'f> {
    arguments: &'a [String],
    /// What is left of letters in one argument: `-itd`.
    letters: &'a str,
    is_switch: &'f dyn Fn(&str) -> bool,
}

impl<'a> Flags<'a, '_> {
    fn next(&mut self) -> Token<'a> {
        if !self.letters.is_empty() {
            return self.letter();
        }
        let Some((first, rest)) = self.arguments.split_first() else { return Token::End };
        self.arguments = rest;
        if first == "--" {
            let Some((word, rest)) = rest.split_first() else { return Token::End };
            self.arguments = rest;
            return Token::Word(word);
        }
        if let Some(long) = first.strip_prefix("--") {
            if let Some((name, value)) = long.split_once('=') {
                return Token::Flag(name, Some(value.to_owned()));
            }
            if (self.is_switch)(long) {
                return Token::Flag(long, None);
            }
            return self.valued(long);
        }
        match first.strip_prefix('-') {
            Some(letters) if !letters.is_empty() => {
                self.letters = letters;
                self.letter()
            }
            _ => Token::Word(first),
        }
    }

    /// One letter; one that is no switch has the rest as its value, or the next argument.
    fn letter(&mut self) -> Token<'a> {
        let end = self.letters.chars().next().map_or(0, char::len_utf8);
        let (name, rest) = self.letters.split_at(end);
        if (self.is_switch)(name) && !rest.starts_with('=') {
            self.letters = rest;
            return Token::Flag(name, None);
        }
        self.letters = "";
        match rest {
            "" => self.valued(name),
            rest => Token::Flag(name, Some(rest.strip_prefix('=').unwrap_or(rest).to_owned())),
        }
    }

    fn valued(&mut self, name: &'a str) -> Token<'a> {
        let Some((value, rest)) = self.arguments.split_first() else { return Token::Cut };
        self.arguments = rest;
        Token::Flag(name, Some(value.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Option<CommandLine> {
        let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        CommandLine::parse(&arguments, &BTreeMap::new())
    }

    fn image(line: &str) -> Option<(Verb, String)> {
        parsed(line).map(|line| (line.verb, line.image))
    }

    #[test]
    fn the_image_is_found_whatever_stands_around_it() {
        for (line, verb, wanted) in [
            ("push app", Verb::Push, "app"),
            ("image push app:1", Verb::Push, "app:1"),
            ("push -q localhost:5000/app", Verb::Push, "localhost:5000/app"),
            ("push app -q", Verb::Push, "app"),
            ("push --platform linux/arm64 app", Verb::Push, "app"),
            ("push --platform=linux/arm64 app", Verb::Push, "app"),
            ("push --disable-content-trust=false app", Verb::Push, "app"),
            ("push -- app", Verb::Push, "app"),
            ("-D --config /tmp/x push app", Verb::Push, "app"),
            ("-H unix:///run/d.sock push app", Verb::Push, "app"),
            ("-Htcp://h:1 push app", Verb::Push, "app"),
            ("-c=prod image pull app", Verb::Pull, "app"),
            ("pull -aq app", Verb::Pull, "app"),
            ("run -it --rm -p 80:80 -e A=b debian:12 sh -c true", Verb::Run, "debian:12"),
            ("run -itd -p80:80 --name x debian push", Verb::Run, "debian"),
            ("container run -ite A=b debian -q", Verb::Run, "debian"),
            ("run --rm=false --init --read-only debian", Verb::Run, "debian"),
        ] {
            assert_eq!(image(line), Some((verb, wanted.to_owned())), "{line}");
        }
    }

    #[test]
    fn what_is_none_of_the_commands_or_lacks_an_image_is_nothing() {
        for line in
            ["", "ps", "image ls", "push", "push -q", "compose push app", "buildx build --push .", "run -p", "--"]
        {
            assert_eq!(image(line), None, "{line}");
        }
    }

    #[test]
    fn docker_s_own_options_are_kept() {
        let line = parsed("--config /c --context prod --tlsverify --tlscacert /ca push -a -q app").unwrap();
        assert_eq!(line.client.config.as_deref(), Some(std::path::Path::new("/c")));
        assert_eq!(line.client.context.as_deref(), Some("prod"));
        assert_eq!((line.client.tls, line.client.tls_verify), (None, Some(true)));
        assert!(line.all_tags && line.quiet);
        assert!(!parsed("push --all-tags=false app").unwrap().all_tags);
        assert!(parsed("pull -aq app").unwrap().quiet);
    }

    proptest::proptest! {
        #[test]
        fn no_command_line_is_too_much(arguments in proptest::collection::vec("(-{0,2}[a-zé=]{0,4}|push|run|image)", 0..8)) {
            if let Some(line) = CommandLine::parse(&arguments, &BTreeMap::new()) {
                let is_there = arguments.iter().any(|argument| argument.ends_with(&line.image));
                proptest::prop_assert!(is_there, "{line:?}");
            }
        }
    }

    #[test]
    fn a_flag_of_a_newer_docker_is_read_as_its_request_says() {
        let arguments = ["run", "--brand-new", "debian", "sh"].map(str::to_owned);
        let line = |value: &str| {
            let flags = BTreeMap::from([("brand-new".to_owned(), value.to_owned())]);
            CommandLine::parse(&arguments, &flags).map(|line| line.image)
        };
        assert_eq!(line("true").as_deref(), Some("debian"));
        assert_eq!(line("").as_deref(), Some("sh"), "it has the value `debian`");
    }
}
