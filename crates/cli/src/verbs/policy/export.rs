//! `plimsoll policy export`: the signature rules in another program's format.

use std::process::ExitCode;

use anyhow::Result;
use gate::export::ExportFormat;
use gate::file::PolicyFile;

use crate::output;

/// Writes the policy to standard output and what it cannot say to standard error.
pub(super) fn export(format: ExportFormat, file: &PolicyFile) -> Result<ExitCode> {
    let exported = file.parse()?.export(format);
    output::write(exported.text.as_bytes())?;
    if !exported.unsaid.is_empty() {
        eprintln!("plimsoll: not said in this format, or otherwise:");
    }
    for unsaid in &exported.unsaid {
        eprintln!("  - {}", output::plain(&unsaid.to_string()));
    }
    Ok(ExitCode::SUCCESS)
}
