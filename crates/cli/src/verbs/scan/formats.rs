//! Other people's formats.

use anyhow::{Context as _, Result};
use findings::Report;
use findings::render::{self, Bill, MOST_RESULTS};

/// SARIF; what it leaves out is said on stderr, too.
pub(crate) fn sarif(report: &Report, all: bool) -> Result<Vec<u8>> {
    let sarif = render::sarif(report, all).context("cannot write the report as SARIF")?;
    if sarif.left_out > 0 {
        eprintln!(
            "plimsoll: {} of the findings are left out, since GitHub takes {MOST_RESULTS} results; the worst are there",
            sarif.left_out
        );
    }
    Ok(sarif.json)
}

/// CycloneDX.
pub(crate) fn cyclonedx(bill: &Bill<'_>) -> Result<Vec<u8>> {
    render::cyclonedx(bill).context("cannot write CycloneDX")
}

/// SPDX.
pub(crate) fn spdx(bill: &Bill<'_>) -> Result<Vec<u8>> {
    render::spdx(bill).context("cannot write SPDX")
}
