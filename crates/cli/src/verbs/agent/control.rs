//! What its user tells the agent, and asks of it.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use keys::KeyUri;
use keys::agent::journal::Entry;
use keys::agent::{Reply, Request, place};

use super::connect;
use super::serve::absolute;
use super::span::Span;
use crate::output;

/// A line of the log that is longer is none of the agent's.
const LONGEST_LINE: usize = 64 << 10;

/// Arguments of `plimsoll agent status`.
#[derive(Debug, clap::Args)]
pub(super) struct Status {}

/// Arguments of `plimsoll agent stop`.
#[derive(Debug, clap::Args)]
pub(super) struct Stop {}

/// Arguments of `plimsoll agent add`.
#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// The key: a path, file:PATH, piv:serial=…;slot=9c or pkcs11:…
    #[arg(value_name = "KEY")]
    key: KeyUri,
}

/// Arguments of `plimsoll agent lock` and `unlock`.
#[derive(Debug, clap::Args)]
pub(super) struct OneOrAll {
    /// The key: its URI, its fingerprint or the first 8 digits of it, or its file's name without .key [default: all]
    #[arg(value_name = "KEY")]
    key: Option<String>,
}

/// Arguments of `plimsoll agent allow`.
#[derive(Debug, clap::Args)]
pub(super) struct Allow {
    #[command(subcommand)]
    what: Allowed,
}

#[derive(Debug, Subcommand)]
enum Allowed {
    /// Digests and bytes of which nobody can tell what they stand for
    Raw {
        /// For how long; 0s ends it
        #[arg(long = "for", value_name = "TIME", default_value = "10m")]
        time: Span,
    },
}

/// Arguments of `plimsoll agent log`.
#[derive(Debug, clap::Args)]
pub(super) struct Log {
    /// How many of the last entries
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20)]
    last: usize,
    /// As it is stored: a JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) fn status(_arguments: &Status) -> Result<ExitCode> {
    let client = connect(None)?;
    let Reply::Status(status) = client.ask(Request::Status, &mut |_| {})? else {
        bail!("the agent did not tell how it does");
    };
    let locks = match status.idle_seconds {
        0 => "never by itself".to_owned(),
        seconds => format!("after {} without a signature", Span(std::time::Duration::from_secs(seconds))),
    };
    let raw = match status.raw_seconds {
        0 => "refused".to_owned(),
        seconds => format!("SIGNED for {seconds} s"),
    };
    let mut text = format!(
        "agent       process {}, {} signatures, {} asked for now\nlocks       {locks}\nunknown     bytes and digests of \
         which nothing is known are {raw}\nlog         {}\n",
        status.process, status.signatures, status.waiting, status.log
    );
    for key in client.keys()? {
        // A device opens itself by its PIN for each batch, whatever the agent holds.
        let is_file = key.uri.parse::<KeyUri>().is_ok_and(|uri| uri.path().is_some());
        let state = match (key.unlocked, is_file) {
            (true, true) => "unlocked",
            (true, false) => "at hand",
            (false, _) => "locked",
        };
        let _ = writeln!(text, "key         {} ({}, {state})\n            {}", key.uri, key.algorithm, key.fingerprint);
    }
    if status.keys == 0 {
        text.push_str("key         none; give it one with: plimsoll agent add KEY\n");
    }
    output::write(output::plain(&text).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn add(arguments: &Add) -> Result<ExitCode> {
    done(Request::Add { key: absolute(&arguments.key)?.to_string() })
}

pub(super) fn lock(arguments: OneOrAll) -> Result<ExitCode> {
    done(Request::Lock { key: arguments.key })
}

pub(super) fn unlock(arguments: OneOrAll) -> Result<ExitCode> {
    done(Request::Unlock { key: arguments.key })
}

pub(super) fn allow(arguments: &Allow) -> Result<ExitCode> {
    let Allowed::Raw { time } = arguments.what;
    done(Request::AllowRaw { seconds: time.0.as_secs() })
}

pub(super) fn stop() -> Result<ExitCode> {
    let ended = done(Request::Stop)?;
    // Whoever asks next finds none, and not one that is about to end. One that lets a signature finish takes longer.
    let path = place::socket()?;
    let until = Instant::now() + Duration::from_secs(5);
    while path.exists() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(ended)
}

fn done(request: Request) -> Result<ExitCode> {
    match connect(None)?.ask(request, &mut |_| {})? {
        Reply::Done { text } => output::write(format!("{}\n", output::plain(&text)).as_bytes())?,
        _ => bail!("the agent gave another answer than was expected; use the same plimsoll on both sides"),
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn log(arguments: &Log) -> Result<ExitCode> {
    let path = place::state_folder()?.join("agent.log");
    let file = match File::open(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(ExitCode::SUCCESS),
        opened => opened.with_context(|| format!("cannot read {}", path.display()))?,
    };
    let mut last = std::collections::VecDeque::new();
    let mut input = BufReader::new(file);
    loop {
        let mut line = String::new();
        if input.read_line(&mut line).with_context(|| format!("cannot read {}", path.display()))? == 0 {
            break;
        }
        if line.len() <= LONGEST_LINE {
            last.push_back(line);
        }
        if last.len() > arguments.last {
            last.pop_front();
        }
    }
    let mut text = String::new();
    for line in &last {
        match serde_json::from_str::<Entry>(line) {
            Ok(entry) if !arguments.json => text.push_str(&in_words(&entry)),
            _ => text.push_str(line),
        }
    }
    output::write(output::plain(&text).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn in_words(entry: &Entry) -> String {
    let image = match (&entry.repository, &entry.digest) {
        (Some(repository), digest) => {
            let tag = entry.tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
            format!("{repository}{tag}@{}", digest.as_deref().unwrap_or("?"))
        }
        (None, Some(digest)) => digest.clone(),
        (None, None) => "unknown bytes".to_owned(),
    };
    let time = entry.time.get(..19).unwrap_or(&entry.time);
    let mut text = format!("{time}Z  {:<9}  {image}\n", entry.outcome);
    let _ = writeln!(text, "                       for {}, with {}", entry.asked_by, entry.key);
    if let Some(reason) = &entry.reason {
        let _ = writeln!(text, "                       {reason}");
    }
    text
}
