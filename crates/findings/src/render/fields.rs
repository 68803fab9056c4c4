//! Text in lines that fit a terminal.

/// Breaks a text at spaces so that no line is wider than `width`, and a word that is wider where it must; continued
/// lines begin with `indent` spaces. Lines of the text itself stay.
pub(super) fn wrapped(text: &str, width: Option<u16>, indent: usize) -> String {
    let Some(width) = width.map(usize::from) else { return text.to_owned() };
    let width = width.max(indent + 20);
    let mut lines: Vec<String> = Vec::new();
    for line in text.split('\n') {
        let text = line.trim_start_matches(' ');
        wrap_line(&line[..line.len() - text.len()], text, width, indent, &mut lines);
    }
    lines.join("\n")
}

fn wrap_line(begin: &str, text: &str, width: usize, indent: usize, lines: &mut Vec<String>) {
    let mut line = begin.to_owned();
    let mut used = begin.chars().count();
    let mut is_empty = true;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let mut word: Vec<char> = word.chars().collect();
        let gap = usize::from(!is_empty);
        if !is_empty && used + gap + word.len() > width {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
            (used, is_empty) = (indent, true);
        }
        if !is_empty {
            line.push(' ');
            used += 1;
        }
        while used + word.len() > width {
            let rest = word.split_off(width - used);
            line.extend(word);
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
            used = indent;
            word = rest;
        }
        used += word.len();
        line.extend(word);
        is_empty = false;
    }
    lines.push(line);
}

/// A text behind a begin that is not broken, continued with `indent` spaces.
pub(super) fn hanging(begin: &str, text: &str, width: Option<u16>, indent: usize) -> String {
    let Some(width) = width.map(usize::from) else { return format!("{begin}{text}") };
    let mut lines = Vec::new();
    wrap_line(begin, text, width.max(indent + 20), indent, &mut lines);
    lines.join("\n")
}

/// `  label        value`, the value broken below itself.
pub(super) fn field(label: &str, value: &str, width: Option<u16>) -> String {
    // A label may be an id, and longer than its column.
    let gap = if label.chars().count() < LABEL { "" } else { " " };
    let begin = format!("  {label:<LABEL$}{gap}");
    hanging(&begin, &value.replace('\n', " "), width, LABEL + 2)
}

/// So wide are labels.
const LABEL: usize = 13;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_do_not_fit_are_broken_and_nothing_is_lost() {
        assert_eq!(wrapped("a bb ccc", Some(20), 0), "a bb ccc");
        assert_eq!(
            wrapped("  one two three four five six seven", Some(24), 4),
            "  one two three four\n    five six seven"
        );
        let long = "x".repeat(50);
        let text = wrapped(&format!("a {long} b"), Some(24), 2);
        assert!(text.lines().all(|line| line.chars().count() <= 24), "{text}");
        assert_eq!(text.replace(['\n', ' '], ""), format!("a{long}b"));
    }

    #[test]
    fn a_field_continues_below_its_value() {
        let text = field("made by", "RUN apt-get update and more of the same", Some(40));
        assert_eq!(text, "  made by      RUN apt-get update and\n               more of the same");
    }
}
