//! `plimsoll version compare`: the order of versions, as the scanner sees it.

use std::cmp::Ordering;
use std::io::{BufRead, Read as _, Write as _};
use std::process::ExitCode;

use advisory::versions::Scheme;
use anyhow::{Context as _, Result, bail};

use crate::privileges;

/// Arguments of `plimsoll version`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Compare pairs of versions in an ecosystem's own order
    ///
    /// Reads lines of two versions, divided by white space, from standard input, and answers each with a line: <, =
    /// or >, and ! where the ecosystem cannot order the two.
    Compare {
        /// OSV's name of the ecosystem, with or without a release: PyPI, npm, Debian:12, Maven, …
        ecosystem: String,
    },
}

/// Longest line that is read; no version is a page long.
const LONGEST: u64 = 64 << 10;

/// Answers until the input ends.
pub(crate) fn perform(arguments: &Arguments) -> Result<ExitCode> {
    let What::Compare { ecosystem } = &arguments.what;
    if rustix::process::geteuid().is_root() {
        // It opens no file and needs no right to.
        privileges::give_up_capabilities()?;
    }
    let Some(scheme) = Scheme::of_ecosystem(ecosystem) else {
        bail!(
            "no order of versions is known for {ecosystem:?}; names are OSV's, for example Debian, PyPI, npm, Maven, Go"
        );
    };
    compare(scheme, &mut std::io::stdin().lock(), &mut std::io::stdout().lock())?;
    Ok(ExitCode::SUCCESS)
}

fn compare(scheme: Scheme, input: &mut impl BufRead, output: &mut impl std::io::Write) -> Result<()> {
    let mut output = std::io::BufWriter::new(output);
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        input.take(LONGEST + 1).read_until(b'\n', &mut line).context("cannot read standard input")?;
        if line.is_empty() {
            break;
        }
        if line.len() as u64 > LONGEST {
            bail!("line {number} of standard input has more than {LONGEST} bytes; a line is two versions");
        }
        let text = String::from_utf8_lossy(&line);
        let mut versions = text.split_whitespace();
        let answer = match (versions.next(), versions.next(), versions.next()) {
            (None, ..) => continue,
            (Some(left), Some(right), None) => sign(scheme.compare(left, right)),
            _ => bail!("line {number} of standard input is not two versions divided by white space"),
        };
        writeln!(output, "{answer}").context("cannot write to standard output")?;
    }
    output.flush().context("cannot write to standard output")
}

fn sign(ordering: Option<Ordering>) -> char {
    match ordering {
        Some(Ordering::Less) => '<',
        Some(Ordering::Equal) => '=',
        Some(Ordering::Greater) => '>',
        None => '!',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(scheme: Scheme, input: &str) -> Result<String> {
        let mut output = Vec::new();
        compare(scheme, &mut input.as_bytes(), &mut output)?;
        Ok(String::from_utf8(output).unwrap())
    }

    #[test]
    fn each_line_has_its_answer() {
        let input = "1.0 1.0.1\n1.0\t1.0\n\n2 1\r\n(devel) 1\n1 2";
        assert_eq!(answers(Scheme::Semver, input).unwrap(), "<\n=\n>\n!\n<\n");
    }

    #[test]
    fn a_line_that_is_not_two_versions_is_named() {
        let error = answers(Scheme::Rpm, "1 2\n1\n").unwrap_err().to_string();
        assert!(error.starts_with("line 2 "), "{error}");
        assert!(answers(Scheme::Rpm, &"1".repeat(100_000)).is_err());
    }
}
