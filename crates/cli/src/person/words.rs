//! What people are told, in words that fit in 80 columns and need no colour. They say no more than what is known.

use std::fmt::Write as _;
use std::time::Duration;

use keys::{Intent, PinAsk, PinKind, TouchMoment};

use crate::output::plain;

/// The column in which values begin.
const INDENT: usize = 14;

/// What is going to be signed. Long values go on below themselves; the digest is never shortened.
pub(crate) fn intent(intent: &Intent, key: Option<&str>, width: usize) -> String {
    let untold = || match intent.asked_by.as_deref().and_then(|asker| asker.split_whitespace().next()) {
        Some(asker) => format!("(not told by {asker})"),
        None => "(not told)".to_owned(),
    };
    let formats = if intent.formats.is_empty() { "a bare signature".to_owned() } else { intent.formats.join(", ") };
    let mut text = "about to sign\n".to_owned();
    let mut line = |name: &str, value: &str| {
        let room = width.saturating_sub(INDENT).max(24);
        let name = format!("  {name}");
        for (place, piece) in pieces(&visible(value), room).iter().enumerate() {
            let front = if place == 0 { name.as_str() } else { "" };
            let _ = writeln!(text, "{front:INDENT$}{piece}");
        }
    };
    line("repository", &intent.repository.clone().unwrap_or_else(untold));
    line("tag", intent.tag.as_deref().unwrap_or(if intent.repository.is_some() { "(none)" } else { "(not told)" }));
    line("digest", intent.digest.as_deref().unwrap_or("UNKNOWN: bytes of which nothing can be said"));
    line("makes", &formats);
    if let Some(key) = key {
        line("key", key);
    }
    if let Some(asker) = &intent.asked_by {
        line("asked by", asker);
    }
    text
}

/// A value in lines of at most `room` characters. A digest is cut where eyes can compare it: into equal pieces, one below
/// the other.
fn pieces(value: &str, room: usize) -> Vec<String> {
    let characters: Vec<char> = value.chars().collect();
    let front = value.find(':').map_or(0, |colon| colon + 1);
    if characters.len() <= room || !value.starts_with("sha256:") {
        return characters.chunks(room).map(|piece| piece.iter().collect()).collect();
    }
    let length = [32, 16].into_iter().find(|length| front + length <= room).unwrap_or(8);
    let piece = |(place, digits): (usize, &[char])| {
        let before = if place == 0 { &value[..front] } else { "" };
        format!("{before:front$}{}", digits.iter().collect::<String>())
    };
    characters[front..].chunks(length).enumerate().map(piece).collect()
}

/// No name of a repository, tag or digest has anything but ASCII in it: what looks like a letter and is another is shown
/// as what it is.
fn visible(text: &str) -> String {
    plain(text)
        .chars()
        .flat_map(|character| {
            let escaped = !character.is_ascii() || character == '\n';
            let (plain, other) =
                if escaped { (None, Some(character.escape_default())) } else { (Some(character), None) };
            plain.into_iter().chain(other.into_iter().flatten())
        })
        .collect()
}

/// Another program has the device.
pub(crate) fn waits(device: &str, by: &[String]) -> String {
    let by: Vec<String> = by.iter().map(|program| plain(program)).collect();
    let by = if by.is_empty() { "another program".to_owned() } else { by.join(" or ") };
    format!("waiting for {}, which {by} uses", plain(device))
}

/// The question for a device's secret, with the tries left before anything can be typed.
pub(crate) fn pin(ask: &PinAsk) -> String {
    let device = plain(&ask.device);
    let tries = match ask.tries_left {
        None => String::new(),
        Some(0) => " (blocked: no tries left)".to_owned(),
        Some(1) => " (LAST try: a wrong one blocks it)".to_owned(),
        Some(left) => format!(" ({left} tries left)"),
    };
    match ask.kind {
        PinKind::Pin => format!("PIN of {device}{tries}: "),
        PinKind::Puk => format!("PUK of {device}{tries}: "),
        PinKind::NewPin => format!("New PIN for {device}: "),
        PinKind::NewPuk => format!("New PUK for {device}: "),
        PinKind::Token => format!("User PIN of {device}{tries}: "),
    }
}

/// A passphrase did not open what it should.
pub(crate) fn mistyped(left: u32) -> String {
    format!("that does not open it; {left} more {}", if left == 1 { "try" } else { "tries" })
}

/// The wait for a touch. `can_cancel` where a key press would.
pub(crate) fn awaited(number: u32, of: u32, left: Duration, can_cancel: bool) -> String {
    let mut text = "touch your key".to_owned();
    if of > 1 {
        let _ = write!(text, " ({number} of {of})");
    }
    let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
    if seconds > 0 {
        let _ = write!(text, ": {seconds} s left");
    }
    if can_cancel {
        text.push_str(", Ctrl-C cancels");
    }
    text
}

/// How the wait for a touch ended.
pub(crate) fn ended(moment: TouchMoment) -> &'static str {
    match moment {
        TouchMoment::Awaited { .. } => "touch your key",
        TouchMoment::Touched => "touched",
        TouchMoment::TimedOut => "not touched in time; nothing was signed",
        TouchMoment::Cancelled => "cancelled; nothing was signed, and a touch that comes now is thrown away",
        TouchMoment::Removed => "the key was removed; nothing was signed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_only_look_right_and_control_characters_show_what_they_are() {
        let shown = intent(
            &Intent { repository: Some("registry.example.com/te\u{430}m\u{1b}[2J\napp".into()), ..Intent::default() },
            None,
            80,
        );
        assert!(shown.contains("te\\u{430}m\\u{1b}[2J\\napp"), "{shown}");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_and_the_digest_is_whole() {
        let digest = format!("sha256:{}", "0123456789abcdef".repeat(4));
        let asked = Intent {
            repository: Some(format!("registry.example.com/{}", "team/".repeat(40))),
            tag: Some("v".repeat(128)),
            digest: Some(digest.clone()),
            formats: vec!["Sigstore bundle".into(), "notation signature".into()],
            asked_by: Some("runner 7 by registry.example.com".into()),
        };
        for width in [40, 80, 120, usize::MAX] {
            let shown = intent(&asked, Some("piv:serial=12345678;slot=9c"), width);
            assert!(shown.lines().all(|line| line.chars().count() <= width), "{shown}");
            let joined: String = shown.split_whitespace().collect();
            assert!(joined.contains(&digest), "{shown}");
        }
    }
}
