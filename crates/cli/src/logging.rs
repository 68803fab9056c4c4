//! Log lines on stderr.

use anyhow::{Context as _, Result};
use tracing_subscriber::EnvFilter;

use crate::arguments::LogFormat;

/// Starts logging with `level` (a level or a filter such as `registry=debug`).
pub(crate) fn start(level: &str, format: LogFormat) -> Result<()> {
    let filter = EnvFilter::builder()
        .parse(level)
        .with_context(|| format!("--log {level:?} is no level or filter; try info, or registry=debug,warn"))?;
    // Without its own word on a line that cannot be written, which would go to stderr again, and end in a panic there.
    let subscriber =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).log_internal_errors(false);
    match format {
        LogFormat::Text => subscriber.with_target(false).with_ansi(stderr_takes_colour()).init(),
        LogFormat::Json => subscriber.json().init(),
    }
    Ok(())
}

fn stderr_takes_colour() -> bool {
    use std::io::IsTerminal as _;
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
