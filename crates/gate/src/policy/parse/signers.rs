//! `signers`: one demand for signatures, or several that must all hold.

use std::path::Path;

use keys::{Firmware, TouchPolicy};
use toml::Spanned;
use toml::de::DeValue;
use trust::Format;

use super::teams::{Members, Team};
use super::{Around, flag, key_file, table, unknown_word};
use crate::policy::section::{Problems, Section, closest, excerpt, listed, string, wrong_type};
use crate::{Bind, Hardware, Signers};

const EXAMPLE: &str = "signers = { keys = [\"release.pub\"], threshold = 1 }";
const KEYS: [&str; 12] = [
    "keys",
    "certificates",
    "timestamps",
    "team",
    "threshold",
    "formats",
    "not-older-than",
    "bind",
    "hardware",
    "touch",
    "roots",
    "firmware",
];
const FORMATS: [&str; 3] = ["bundle", "cosign-tag", "notation"];
const BINDS: [&str; 3] = ["digest", "repository", "tag"];
const TOUCHES: [&str; 3] = ["never", "cached", "always"];

/// A table, or an array of tables.
pub(super) fn read(value: &Spanned<DeValue<'_>>, around: Around<'_>, problems: &mut Problems<'_>) -> Vec<Signers> {
    let DeValue::Array(array) = value.get_ref() else {
        return signers(value, around, problems).into_iter().collect();
    };
    if array.is_empty() {
        problems.add(&value.span(), format!("`signers` is empty; write {EXAMPLE}"));
    }
    array.iter().filter_map(|entry| signers(entry, around, problems)).collect()
}

fn signers(value: &Spanned<DeValue<'_>>, around: Around<'_>, problems: &mut Problems<'_>) -> Option<Signers> {
    let table = table("signers", value, EXAMPLE, problems)?;
    let section = Section::open("signers", &KEYS, table, value.span(), problems);
    let team = match section.optional("team") {
        None => Some(None),
        Some(value) => team(value, around.teams, problems).map(Some),
    };
    let mut members = Members::default();
    let own = members.read(&section, around.folder, problems);
    if let Some(Some(team)) = team {
        members.join(&team.members);
    } else if team.is_some() && own && members.is_empty() {
        problems.add(
            &value.span(),
            "signers names neither `keys` nor `certificates` nor a `team`, so that nothing could ever be allowed; write \
             keys = [\"release.pub\"]",
        );
        return None;
    }
    // A key that could not be read is a problem already; complaining of the threshold besides would mislead.
    let is_whole = own && team.is_some_and(|team| team.is_none_or(|team| team.is_whole));
    let most = if is_whole { members.most() } else { None };
    let threshold = match section.optional("threshold") {
        None => Some(1),
        Some(value) => threshold(value, most, problems),
    };
    let formats = match section.optional("formats") {
        None => Some(Vec::new()),
        Some(value) => formats(value, problems),
    };
    let not_older_than = match section.optional("not-older-than") {
        None => Some(None),
        Some(value) => string("not-older-than", value, "not-older-than = \"90d\"", problems).and_then(|text| {
            text.parse()
                .map(Some)
                .map_err(|error| problems.add(&value.span(), format!("`not-older-than`: {error}")))
                .ok()
        }),
    };
    let mut timestamps = Vec::new();
    let stamped = section
        .optional("timestamps")
        .is_none_or(|value| key_file::certificates("timestamps", value, around.folder, &mut timestamps, problems));
    let bind = match section.optional("bind") {
        None => Some(Bind::default()),
        Some(value) => word("bind", value, &BINDS, bind, problems),
    };
    let Ok(hardware) = hardware(&section, around.folder, problems) else { return None };
    let team = team?.map(|team| team.name.clone());
    if !own || !stamped {
        return None;
    }
    let Members { keys, certificates } = members;
    Some(Signers {
        team,
        keys,
        certificates,
        timestamps,
        threshold: threshold?,
        formats: formats?,
        not_older_than: not_older_than?,
        bind: bind?,
        hardware,
    })
}

fn team<'t>(value: &Spanned<DeValue<'_>>, teams: &'t [Team], problems: &mut Problems<'_>) -> Option<&'t Team> {
    let name = string("team", value, "team = \"payments\"", problems)?;
    let found = teams.iter().find(|team| team.name == name);
    if found.is_none() {
        let names: Vec<&str> = teams.iter().map(|team| team.name.as_str()).collect();
        let instead = match (closest(name, &names), names.is_empty()) {
            (Some(near), _) => format!("did you mean {near:?}?"),
            (None, true) => {
                "there is no [teams]; add it with a line such as payments = { keys = [\"alice.pub\"] }".into()
            }
            (None, false) => format!("the file has {}", listed(&names)),
        };
        problems.add(&value.span(), format!("no team is called {:?}; {instead}", excerpt(name)));
    }
    found
}

fn threshold(value: &Spanned<DeValue<'_>>, most: Option<usize>, problems: &mut Problems<'_>) -> Option<usize> {
    let DeValue::Integer(integer) = value.get_ref() else {
        wrong_type("threshold", "an integer", value, "threshold = 1", problems);
        return None;
    };
    let number = usize::from_str_radix(integer.as_str(), integer.radix()).ok();
    match (number, most) {
        (None | Some(0), _) => {
            problems.add(
                &value.span(),
                format!("`threshold` is {integer}; write how many of the keys must have signed, at least 1"),
            );
            None
        }
        (Some(number), Some(most)) if number > most => {
            problems.add(
                &value.span(),
                format!("`threshold` is {number}, but there are only {most} keys, so that nothing could ever be allowed; write at most {most}"),
            );
            None
        }
        (number, _) => number,
    }
}

fn formats(value: &Spanned<DeValue<'_>>, problems: &mut Problems<'_>) -> Option<Vec<Format>> {
    const EXAMPLE: &str = "formats = [\"bundle\", \"notation\"]";
    let DeValue::Array(array) = value.get_ref() else {
        wrong_type("formats", "an array of words", value, EXAMPLE, problems);
        return None;
    };
    if array.is_empty() {
        problems.add(
            &value.span(),
            format!("`formats` is empty, so that nothing could ever be allowed; write {EXAMPLE}, or leave it out"),
        );
        return None;
    }
    array
        .iter()
        .map(|entry| {
            let of = |text: &str| Format::ALL.into_iter().find(|format| format.as_str() == text);
            word("formats", entry, &FORMATS, of, problems)
        })
        .collect()
}

fn bind(text: &str) -> Option<Bind> {
    [Bind::Digest, Bind::Repository, Bind::Tag].into_iter().find(|bind| bind.as_str() == text)
}

/// Something was wrong, and is among the problems.
struct Told;

/// `hardware = true`, with `roots`, `touch` and `firmware` beside it.
fn hardware(section: &Section<'_, '_>, folder: &Path, problems: &mut Problems<'_>) -> Result<Option<Hardware>, Told> {
    let is_wanted = flag("hardware", section.optional("hardware"), problems).ok_or(Told)?;
    let touch = match section.optional("touch") {
        None => Some(TouchPolicy::Never),
        Some(value) => word("touch", value, &TOUCHES, touch, problems),
    };
    let firmware = match section.optional("firmware") {
        None => Some(None),
        Some(value) => firmware(value, problems).map(Some),
    };
    let mut roots = Vec::new();
    let read = match section.optional("roots") {
        None => true,
        Some(value) => key_file::certificates("roots", value, folder, &mut roots, problems),
    };
    if !is_wanted {
        for key in ["touch", "firmware", "roots"] {
            if let Some(value) = section.optional(key) {
                problems.add(&value.span(), format!("`{key}` is about keys in hardware; add hardware = true"));
            }
        }
        return Ok(None);
    }
    if section.optional("roots").is_none() {
        problems.add(
            &section.span(),
            "hardware = true has no `roots`, so that no attestation could ever be believed; write roots = [\"yubico-piv.pem\"]: \
             the root certificates of the devices' makers, as they publish them",
        );
        return Err(Told);
    }
    match (touch, firmware) {
        (Some(touch), Some(firmware)) if read && !roots.is_empty() => Ok(Some(Hardware { roots, touch, firmware })),
        _ => Err(Told),
    }
}

fn touch(text: &str) -> Option<TouchPolicy> {
    Some(match text {
        "never" => TouchPolicy::Never,
        "cached" => TouchPolicy::Cached,
        "always" => TouchPolicy::Always,
        _ => return None,
    })
}

/// `"5.2"` or `"5.2.4"`.
fn firmware(value: &Spanned<DeValue<'_>>, problems: &mut Problems<'_>) -> Option<Firmware> {
    const EXAMPLE: &str = "firmware = \"5.2\"";
    let text = string("firmware", value, EXAMPLE, problems)?;
    let numbers: Option<Vec<u8>> = text.split('.').map(|part| part.parse().ok()).collect();
    match numbers.as_deref() {
        Some([major, minor]) => Some(Firmware::new(*major, *minor, 0)),
        Some([major, minor, patch]) => Some(Firmware::new(*major, *minor, *patch)),
        _ => {
            problems
                .add(&value.span(), format!("`firmware` is {:?}, which is no version; write {EXAMPLE}", excerpt(text)));
            None
        }
    }
}

/// One of a few words.
fn word<T>(
    key: &str,
    value: &Spanned<DeValue<'_>>,
    words: &[&str],
    of: impl Fn(&str) -> Option<T>,
    problems: &mut Problems<'_>,
) -> Option<T> {
    let text = string(key, value, &format!("{key} = {:?}", words[words.len() - 1]), problems)?;
    let found = of(text);
    if found.is_none() {
        problems.add(&value.span(), unknown_word(key, text, words));
    }
    found
}
