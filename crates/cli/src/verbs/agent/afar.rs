//! What those who ask from afar may ask for: named repositories, until a named end.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Result, anyhow, bail};
use gate::Pattern;
use keys::agent::{Narrow, Origin, Scope, client, place};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::span::Span;

/// Ways are opened for a week at most.
const LONGEST: Duration = Duration::from_hours(7 * 24);

/// Arguments of those who let others ask.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Afar {
    /// Repositories for which may be asked, as policies write them: registry.example.com/team/**; may be repeated
    #[arg(long = "repository", value_name = "PATTERN", required = true)]
    repositories: Vec<Pattern>,
    /// The end: a time such as 2026-12-24T18:00:00Z, or a span such as 8h
    #[arg(long, value_name = "TIME", value_parser = end, default_value = "8h")]
    until: SystemTime,
}

impl Afar {
    /// A way to the user's agent for `origin`; its user is asked at this process' terminal.
    pub(super) fn way(&self, origin: Origin) -> Result<Narrow> {
        Ok(Narrow {
            agent: place::socket()?,
            terminal: client::own_terminal(),
            scope: Scope { repositories: self.matcher(), until: self.until },
            origin,
        })
    }

    fn matcher(&self) -> Arc<dyn Fn(&str) -> bool + Send + Sync> {
        let patterns = self.repositories.clone();
        Arc::new(move |repository: &str| patterns.iter().any(|pattern| pattern.matches(repository)))
    }

    /// Whether a repository is one of them.
    pub(super) fn has(&self, repository: &str) -> bool {
        self.repositories.iter().any(|pattern| pattern.matches(repository))
    }

    /// Whether the end has come.
    pub(super) fn is_over(&self) -> bool {
        SystemTime::now() >= self.until
    }

    /// What is said when it begins.
    pub(super) fn in_words(&self) -> String {
        let patterns: Vec<_> = self.repositories.iter().map(ToString::to_string).collect();
        let end = OffsetDateTime::from(self.until).replace_nanosecond(0).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        format!("for {} until {}", patterns.join(", "), end.format(&Rfc3339).unwrap_or_default())
    }
}

fn end(text: &str) -> Result<SystemTime> {
    let now = SystemTime::now();
    let end = match text.parse::<Span>() {
        Ok(Span(span)) => now + span,
        Err(_) => OffsetDateTime::parse(text, &Rfc3339)
            .map(SystemTime::from)
            .map_err(|_| anyhow!("it is neither a span such as 8h nor a time such as 2026-12-24T18:00:00Z"))?,
    };
    match end.duration_since(now) {
        Ok(left) if left > LONGEST => bail!("that is more than a week away"),
        Ok(_) => Ok(end),
        Err(_) => bail!("that is over already"),
    }
}
