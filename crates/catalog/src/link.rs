//! Links that lead away from these pages.

/// An address that somebody else wrote and that may be followed: `http` or `https`, and nothing that a browser would
/// read otherwise than we do.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct OuterLink(String);

/// Longer ones are no references but an attempt to be something else.
const LONGEST: usize = 2048;

impl OuterLink {
    /// The address, where it may be followed. `javascript:`, `data:` and the like may not; neither may addresses with
    /// blanks or control characters, which browsers drop before they look for the scheme, nor with a user's name,
    /// which hides the host.
    pub fn parse(address: &str) -> Option<Self> {
        let rest = ["https://", "http://"].iter().find_map(|scheme| {
            address
                .get(..scheme.len())
                .filter(|start| start.eq_ignore_ascii_case(scheme))
                .map(|_| &address[scheme.len()..])
        })?;
        let host = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
        let sound = address.len() <= LONGEST
            && !host.is_empty()
            && !host.contains('@')
            && !address.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\');
        sound.then(|| Self(address.to_owned()))
    }

    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_web_addresses_are_followed() {
        for good in ["https://nvd.nist.gov/vuln/detail/CVE-2026-1", "HTTP://example.com", "https://a.example/?q=<>\"'"]
        {
            assert_eq!(OuterLink::parse(good).map(|link| link.as_str().to_owned()), Some(good.to_owned()));
        }
        for bad in [
            "",
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)//https://example.com",
            " https://example.com",
            "java\nscript:alert(1)",
            "https://example.com/\u{0}",
            "https://",
            "https:///path",
            "https://bank.example@evil.example/",
            "https:\\\\evil.example",
            "//evil.example",
            "data:text/html,<script>",
            "ftp://example.com",
            "é://x",
        ] {
            assert_eq!(OuterLink::parse(bad), None, "{bad:?}");
        }
        assert_eq!(OuterLink::parse(&format!("https://a.example/{}", "a".repeat(3000))), None);
    }
}
