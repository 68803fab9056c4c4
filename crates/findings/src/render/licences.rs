//! Licences as SPDX writes them, where that is what a package says.

/// Identifiers of SPDX's list that packages really use. The whole list has 700, most of which no package ever names;
/// what is not here is written as the text that it is.
const KNOWN: &[&str] = &[
    "0BSD",
    "AFL-2.1",
    "AGPL-3.0-only",
    "AGPL-3.0-or-later",
    "Apache-1.1",
    "Apache-2.0",
    "Artistic-1.0-Perl",
    "Artistic-2.0",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-2-Clause-Patent",
    "BSD-3-Clause",
    "BSD-4-Clause",
    "BSL-1.0",
    "BlueOak-1.0.0",
    "CC-BY-3.0",
    "CC-BY-4.0",
    "CC-BY-SA-4.0",
    "CC0-1.0",
    "CDDL-1.0",
    "CDDL-1.1",
    "CPL-1.0",
    "EPL-1.0",
    "EPL-2.0",
    "EUPL-1.2",
    "FSFAP",
    "GFDL-1.3-only",
    "GFDL-1.3-or-later",
    "GPL-1.0-only",
    "GPL-1.0-or-later",
    "GPL-2.0-only",
    "GPL-2.0-or-later",
    "GPL-3.0-only",
    "GPL-3.0-or-later",
    "HPND",
    "ICU",
    "IJG",
    "ISC",
    "LGPL-2.0-only",
    "LGPL-2.0-or-later",
    "LGPL-2.1-only",
    "LGPL-2.1-or-later",
    "LGPL-3.0-only",
    "LGPL-3.0-or-later",
    "MIT",
    "MIT-0",
    "MPL-1.1",
    "MPL-2.0",
    "MS-PL",
    "NCSA",
    "OFL-1.1",
    "OLDAP-2.8",
    "OpenSSL",
    "PHP-3.01",
    "PSF-2.0",
    "PostgreSQL",
    "Python-2.0",
    "Python-2.0.1",
    "Ruby",
    "SSPL-1.0",
    "Unicode-3.0",
    "Unicode-DFS-2016",
    "Unlicense",
    "Vim",
    "W3C",
    "WTFPL",
    "X11",
    "ZPL-2.1",
    "Zlib",
    "bzip2-1.0.6",
    "curl",
    "libtiff",
    "zlib-acknowledgement",
];

/// Exceptions that stand behind `WITH`.
const EXCEPTIONS: &[&str] =
    &["Classpath-exception-2.0", "GCC-exception-3.1", "LLVM-exception", "OpenSSL-exception", "Autoconf-exception-3.0"];

/// What a licence's text is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Licence {
    /// An identifier of SPDX's list.
    Id(&'static str),
    /// Several, joined as SPDX's expressions do.
    Expression(String),
    /// Anything else.
    Text,
}

/// Reads a licence as a package writes it (SPDX 2.3, annex D).
pub(super) fn licence(text: &str) -> Licence {
    let text = text.trim();
    if let Some(id) = known(text) {
        return Licence::Id(id);
    }
    let spaced = text.replace('(', " ( ").replace(')', " ) ");
    let mut words = Vec::new();
    let (mut open, mut wants_licence) = (0u32, true);
    let mut tokens = spaced.split_whitespace().peekable();
    while let Some(token) = tokens.next() {
        match (token, wants_licence) {
            ("(", true) => open += 1,
            (")", false) if open > 0 => open -= 1,
            ("AND" | "OR", false) => wants_licence = true,
            ("WITH", false) if tokens.peek().is_some_and(|next| EXCEPTIONS.contains(next)) => {
                words.push(token);
                words.extend(tokens.next());
                continue;
            }
            (id, true) if known(id).is_some() => {
                words.extend(known(id));
                wants_licence = false;
                continue;
            }
            _ => return Licence::Text,
        }
        words.push(token);
    }
    if wants_licence || open > 0 {
        return Licence::Text;
    }
    Licence::Expression(words.join(" ").replace("( ", "(").replace(" )", ")"))
}

/// Identifiers are compared without case (SPDX 2.3, annex D.2).
fn known(word: &str) -> Option<&'static str> {
    KNOWN.iter().copied().find(|id| id.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_and_expressions_are_told_from_texts() {
        assert_eq!(licence("mit"), Licence::Id("MIT"));
        let expression = |text: &str| Licence::Expression(text.into());
        assert_eq!(licence("MIT OR Apache-2.0"), expression("MIT OR Apache-2.0"));
        assert_eq!(licence("(MIT AND ( ISC OR 0BSD))"), expression("(MIT AND (ISC OR 0BSD))"));
        assert_eq!(licence("Apache-2.0 WITH LLVM-exception"), expression("Apache-2.0 WITH LLVM-exception"));
        for text in ["MIT OR", "OR MIT", "(MIT", "MIT)", "MIT MIT", "BSD", "", "MIT WITH x", "GPLv2+", "()"] {
            assert_eq!(licence(text), Licence::Text, "{text}");
        }
    }
}
