//! What enriching sources know of a match, looked up by every id that it has.

use super::mapping::Damage;
use super::segment::Segment;
use super::{Index, IndexError, SegmentCounts, SegmentInfo};
use crate::enrichment::{Epss, Kev, cve_number};
use crate::matcher::Match;

impl Index {
    /// Fills in whether any of a match's ids is known to be exploited, and how likely the likeliest is to be. Of two
    /// copies of a source the one of the later day answers.
    pub(crate) fn enrich(&self, found: &mut Match) -> Result<(), IndexError> {
        let ids = || std::iter::once(&found.id).chain(&found.aliases);
        let kev_day = |counts: &SegmentCounts| (counts.kev > 0).then(|| counts.kev_released.clone());
        let epss_day = |counts: &SegmentCounts| (counts.epss > 0).then(|| counts.epss_scored.clone());
        let kev = match self.latest(kev_day) {
            Some((info, segment)) => exploited(segment, ids()).map_err(|damage| self.damaged(info, &damage))?,
            None => None,
        };
        let epss = match self.latest(epss_day) {
            Some((info, segment)) => likeliest(segment, ids()).map_err(|damage| self.damaged(info, &damage))?,
            None => None,
        };
        (found.kev, found.epss) = (kev, epss);
        Ok(())
    }

    /// The segment with the latest day, among those that have one by `day`.
    fn latest<T: Ord>(&self, day: impl Fn(&SegmentCounts) -> Option<T>) -> Option<(&SegmentInfo, Segment<'_>)> {
        let with_day = self.readers().filter_map(|(info, reader)| Some((day(&info.counts)?, info, reader)));
        with_day.max_by(|left, right| left.0.cmp(&right.0)).map(|(_, info, reader)| (info, reader))
    }
}

/// Of several ids in the catalog the one that ransomware uses, then the one longest known.
fn exploited<'a>(segment: Segment<'_>, ids: impl Iterator<Item = &'a String>) -> Result<Option<Kev>, Damage> {
    let mut found: Option<Kev> = None;
    for (id, number) in ids.filter_map(|id| Some((id, cve_number(id)?))) {
        let Some(row) = segment.kev(number)? else { continue };
        let kev = Kev {
            cve: id.clone(),
            added: segment.owned_text(row.added)?,
            due: segment.optional_text(row.due)?,
            ransomware: row.ransomware.get() != 0,
        };
        let is_first = |found: &Kev| (!kev.ransomware, &kev.added) < (!found.ransomware, &found.added);
        if found.as_ref().is_none_or(is_first) {
            found = Some(kev);
        }
    }
    Ok(found)
}

fn likeliest<'a>(segment: Segment<'_>, ids: impl Iterator<Item = &'a String>) -> Result<Option<Epss>, Damage> {
    let mut found: Option<Epss> = None;
    for (id, number) in ids.filter_map(|id| Some((id, cve_number(id)?))) {
        let Some(row) = segment.epss(number)? else { continue };
        let (probability, percentile) = (f32::from_bits(row.probability.get()), f32::from_bits(row.percentile.get()));
        if !(0.0..=1.0).contains(&probability) || !(0.0..=1.0).contains(&percentile) {
            return Err(Damage("a share that is none"));
        }
        if found.as_ref().is_none_or(|found| found.probability < probability) {
            found = Some(Epss { cve: id.clone(), probability, percentile });
        }
    }
    Ok(found)
}
