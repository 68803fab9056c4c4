//! Is it signed by enough of the rule's keys?

use super::{Facts, Requirement, count, plain};
use crate::{Signers, TrustedKey};

pub(super) fn judge(signers: &Signers, facts: &Facts<'_>) -> Requirement {
    let wanted = wanted(signers);
    let unmet = |found: String, details: Vec<String>, mend: String| Requirement {
        wanted: wanted.clone(),
        met: false,
        found,
        details,
        mend: Some(mend),
    };
    let image = facts.image();
    let signatures = match &facts.signatures {
        None => {
            return unmet(
                "nobody looked for signatures".into(),
                vec![],
                format!("look with `plimsoll verify {image}`"),
            );
        }
        Some(Err(error)) => {
            return unmet(
                format!("its signatures could not be read: {}", plain(error)),
                vec![],
                format!("see whether the registry answers with `plimsoll verify {image}`"),
            );
        }
        Some(Ok(signatures)) => signatures,
    };
    // Counted by the rule's own keys: a key that signed twice, or one that the rule does not name, adds nothing.
    let by: Vec<&TrustedKey> =
        signers.keys.iter().filter(|trusted| signatures.iter().any(|signature| signature.key == trusted.key)).collect();
    let names = by.iter().map(|trusted| plain(&trusted.name)).collect::<Vec<_>>().join(", ");
    if by.len() >= signers.threshold {
        return Requirement { wanted, met: true, found: format!("signed by {names}"), details: vec![], mend: None };
    }
    let found = match by.len() {
        0 => "it has no valid signature by such a key".to_owned(),
        some => format!("only {} of {} signed: {names}", some, signers.threshold),
    };
    unmet(found, vec![], format!("sign it with `plimsoll sign {image}`"))
}

/// `a signature by release.pub`, `signatures by 2 of a.pub, b.pub and c.pub`.
fn wanted(signers: &Signers) -> String {
    let names: Vec<String> = signers.keys.iter().map(|trusted| plain(&trusted.name)).collect();
    match (&names[..], signers.threshold) {
        ([only], _) => format!("a signature by {only}"),
        (_, 1) => format!("a signature by one of {}", names.join(", ")),
        (_, all) if all == names.len() => format!("{} by {}", count(all, "signature"), names.join(" and ")),
        (_, some) => format!("{} by different ones of {}", count(some, "signature"), names.join(", ")),
    }
}
