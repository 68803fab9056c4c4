//! Ubuntu Pro: fixes that only a subscription brings (`Ubuntu:Pro:22.04:LTS`). They never make a base release fixed, but
//! who has such a build installed is not vulnerable, and that there is one is said.
//!
//! Streams that replace packages as a whole (FIPS, Realtime) are other ecosystems and are not looked at.

use super::{Case, Read, Rule, Suppression};
use crate::claim::{Claim, Reading};
use crate::index::Segment;
use crate::matcher::FixElsewhere;

/// What the same record says of the package under Ubuntu Pro.
pub(crate) fn claim<'a>(
    segment: Segment<'a>,
    ecosystem: &str,
    name: &str,
    claim: &Claim<'a>,
) -> Read<Option<(String, Claim<'a>)>> {
    let Some(release) = ecosystem.strip_prefix("Ubuntu:").filter(|release| !release.starts_with("Pro:")) else {
        return Ok(None);
    };
    let pro = format!("Ubuntu:Pro:{release}");
    let Some(row) = segment.ecosystem(&pro)? else { return Ok(None) };
    let Some(package) = segment.package(row, name)? else { return Ok(None) };
    let record = claim.rows.first().map(|row| row.record);
    let mut of_records = segment.affected(package)?.chunk_by(|left, right| left.record == right.record);
    let rows = of_records.find(|rows| rows.first().map(|row| row.record) == record);
    Ok(rows.map(|rows| (pro, Claim { rows, ..*claim })))
}

/// The fix that only Ubuntu Pro has.
pub(crate) fn fix(pro: &(String, Claim<'_>), version: &str) -> Read<Option<FixElsewhere>> {
    let fixed = pro.1.lowest_fix(version, Reading::Plain)?;
    Ok(fixed.map(|version| FixElsewhere { ecosystem: pro.0.clone(), version: version.to_owned() }))
}

/// Suppresses a record whose fix of Ubuntu Pro is what is installed; such builds say so in their version.
pub(super) fn judge(case: &Case<'_>) -> Read<Option<Suppression>> {
    let Some(pro) = case.pro.filter(|_| case.version.contains("esm")) else { return Ok(None) };
    if pro.1.holds(case.version, Reading::Plain)?.is_some() {
        return Ok(None);
    }
    let reason = format!("{} is a build of Ubuntu Pro ({}) that has the fix", case.version, pro.0);
    Ok(Some(Suppression { rule: Rule::Repository, reason }))
}
