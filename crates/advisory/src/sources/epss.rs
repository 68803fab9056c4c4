//! FIRST's exploit prediction scores: a CSV with a comment before its head.
//!
//! ```text
//! #model_version:v2025.03.14,score_date:2025-08-25T00:00:00+0000
//! cve,epss,percentile
//! CVE-1999-0001,0.01025,0.76537
//! ```
//!
//! Source: <https://www.first.org/epss/data_stats>.

use std::io::{BufRead, Read as _};

use super::kev::{is_day, short};
use super::{Limits, Sink, SourceError};
use crate::enrichment::{Enrichment, Epss, cve_number};

/// Longer than any line of it.
const LONGEST_LINE: u64 = 512;

/// Whether a file that begins so has the scores.
pub(super) fn looks_like_scores(begin: &[u8]) -> bool {
    begin.starts_with(b"#model_version:") || begin.starts_with(b"cve,epss,percentile")
}

/// Reads the scores; tells how many lines there are.
pub(super) fn read(
    name: &str,
    mut input: impl BufRead,
    limits: Limits,
    sink: &mut dyn Sink,
) -> Result<u64, SourceError> {
    let mut lines = 0;
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line);
        if read.map_err(|source| SourceError::Io { name: name.to_owned(), source })? == 0 {
            break;
        }
        lines += 1;
        if lines > limits.records {
            return Err(SourceError::Bomb { name: name.to_owned(), what: "lines", limit: limits.records });
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        if let Some(comment) = text.strip_prefix('#') {
            let day = comment.split(',').find_map(|field| field.strip_prefix("score_date:"));
            if let Some(day) = day.filter(|day| is_day(day)) {
                sink.dated(Enrichment::Epss, day);
            }
        } else if text.starts_with("cve,") || text.is_empty() {
            // The head.
        } else if let Some(epss) = score(text) {
            sink.likelihood(&epss).map_err(|source| SourceError::Keep { name: name.to_owned(), source })?;
        } else {
            sink.skipped(&format!("{name}#{lines}"), format!("{:?} is no score", short(text)));
        }
    }
    Ok(lines)
}

/// `CVE-1999-0001,0.01025,0.76537`, both between 0 and 1.
fn score(line: &str) -> Option<Epss> {
    let mut fields = line.split(',');
    let (cve, probability, percentile) = (fields.next()?, fields.next()?, fields.next()?);
    let share = |text: &str| text.parse::<f32>().ok().filter(|share| (0.0..=1.0).contains(share));
    cve_number(cve)?;
    Some(Epss { cve: cve.to_owned(), probability: share(probability)?, percentile: share(percentile)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_is_a_cve_and_two_shares() {
        assert_eq!(score("CVE-1999-0001,0.01025,0.76537").map(|epss| epss.probability), Some(0.01025));
        for line in
            ["", "CVE-1999-0001", "CVE-1999-0001,2,0", "CVE-1999-0001,NaN,0.5", "GHSA-x,0.1,0.1", "CVE-1999-0001,-1,0"]
        {
            assert_eq!(score(line), None, "{line}");
        }
    }
}
