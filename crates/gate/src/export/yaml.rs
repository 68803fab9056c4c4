//! JSON values written as YAML 1.2, for people to read: block style, texts in double quotes or, where they have lines,
//! as literal blocks.

use std::fmt::Write as _;

use serde_json::Value;

/// Documents, each after a line `---`.
pub(super) fn documents(documents: &[Value]) -> String {
    let mut text = String::new();
    for document in documents {
        text.push_str("---\n");
        value(&mut text, document, 0);
    }
    text
}

fn value(text: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(map) => {
            for (key, member) in map {
                pad(text, indent);
                text.push_str(key);
                text.push(':');
                member_of(text, member, indent);
            }
        }
        Value::Array(items) => {
            for item in items {
                pad(text, indent);
                text.push('-');
                match item {
                    Value::Object(map) if !map.is_empty() => {
                        // The first member stands beside the dash.
                        let mut inner = String::new();
                        self::value(&mut inner, item, indent + 2);
                        text.push(' ');
                        text.push_str(inner.trim_start());
                    }
                    _ => member_of(text, item, indent),
                }
            }
        }
        scalar => {
            pad(text, indent);
            let _ = writeln!(text, "{scalar}");
        }
    }
}

fn member_of(text: &mut String, member: &Value, indent: usize) {
    match member {
        Value::Object(map) if map.is_empty() => text.push_str(" {}\n"),
        Value::Array(items) if items.is_empty() => text.push_str(" []\n"),
        Value::Object(_) | Value::Array(_) => {
            text.push('\n');
            value(text, member, indent + 2);
        }
        Value::String(lines) if is_block(lines) => {
            text.push_str(" |\n");
            for line in lines.lines() {
                pad(text, indent + 2);
                text.push_str(line);
                text.push('\n');
            }
        }
        // A JSON text in quotes is one in YAML as well.
        scalar => {
            let _ = writeln!(text, " {scalar}");
        }
    }
}

/// Whether a text can be a literal block as it stands: whole lines of printable ASCII that do not begin with a space.
fn is_block(text: &str) -> bool {
    text.ends_with('\n')
        && !text.ends_with("\n\n")
        && text.lines().all(|line| !line.is_empty() && !line.starts_with(' '))
        && text.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte))
}

fn pad(text: &mut String, indent: usize) {
    text.extend(std::iter::repeat_n(' ', indent));
}
