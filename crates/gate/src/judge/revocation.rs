//! Is the list of what was revoked there, and fresh enough to be believed?

use super::{Facts, Requirement, plain};
use crate::Revocation;

/// How far clocks may be apart.
const SKEW: time::Duration = time::Duration::minutes(10);

pub(super) fn judge(revocation: &Revocation, facts: &Facts<'_>) -> Requirement {
    let wanted = match revocation.max_age {
        Some(age) => format!("a valid list of what was revoked, at most {age} old"),
        None => "a valid list of what was revoked".to_owned(),
    };
    let unmet = |found: String| Requirement {
        wanted: wanted.clone(),
        met: false,
        found,
        details: vec![],
        mend: Some(format!(
            "have whoever keeps it sign a new one with `plimsoll revoke --renew --registry {}`",
            facts.repository.split('/').next().unwrap_or_default()
        )),
    };
    let list = match &facts.revocation {
        None => return unmet("nobody looked for it".into()),
        Some(Err(error)) => return unmet(plain(error)),
        Some(Ok(list)) => list,
    };
    // Its end would not come for as long, and a clock that stands in the past takes lists for valid that have ended.
    if list.issued - facts.now > SKEW {
        let day = list.issued.date();
        return unmet(format!(
            "version {} was signed in the future, on {day}, or the clock here is wrong",
            list.version
        ));
    }
    if facts.now >= list.expires {
        return unmet(format!("version {} expired on {}", list.version, list.expires.date()));
    }
    if let Some(age) = revocation.max_age.filter(|age| facts.now - list.issued > age.duration()) {
        return unmet(format!("version {} is older than {age}: it was signed on {}", list.version, list.issued.date()));
    }
    // An image that is itself revoked is refused whoever signed it.
    if let Some(reason) = facts.revokes_image() {
        return Requirement {
            mend: Some("use another image".into()),
            ..unmet(format!("it revokes this image: {}", plain(reason)))
        };
    }
    Requirement {
        wanted,
        met: true,
        found: format!("version {}, valid until {}", list.version, list.expires.date()),
        details: vec![],
        mend: None,
    }
}

/// Nothing where no list that is known revokes the image. One that has ended goes on saying what it said.
pub(super) fn judge_image(facts: &Facts<'_>) -> Option<Requirement> {
    Some(Requirement {
        wanted: "an image that is not revoked".to_owned(),
        met: false,
        found: format!("the revocation list has it: {}", plain(facts.revokes_image()?)),
        details: vec![],
        mend: Some("use another image".into()),
    })
}

impl Facts<'_> {
    /// Why the image, or the index that names it, was revoked.
    pub(super) fn revokes_image(&self) -> Option<&str> {
        let Some(Ok(list)) = &self.revocation else { return None };
        self.digests().find_map(|digest| list.image(digest))
    }
}
