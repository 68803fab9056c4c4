//! What a registry wants to see before it answers: `WWW-Authenticate` (RFC 9110 section 11.6.1), read with bounds.

/// Bounds on what a registry may send. Real challenges have some 200 bytes.
const HEADER_BYTES: usize = 8 << 10;
const CHALLENGES: usize = 8;
const PARAMETERS: usize = 16;

/// How to log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// Name and password with each request (RFC 7617).
    Basic,
    /// A token from a token server (docker's token authentication).
    Bearer {
        /// The token server's address.
        realm: String,
        /// What the registry is called there.
        service: Option<String>,
        /// What must be allowed.
        scope: Option<String>,
    },
}

/// The challenges in one header's value that are known here. Whatever follows something malformed is not read.
pub fn parse(header: &str) -> Vec<Challenge> {
    let mut found = Vec::new();
    if header.len() > HEADER_BYTES {
        return found;
    }
    let mut rest = Cursor(header.as_bytes());
    while found.len() < CHALLENGES {
        rest.skip(|byte| byte == b',' || is_space(byte));
        let Some(scheme) = rest.token() else { break };
        let parameters = rest.parameters();
        if scheme.eq_ignore_ascii_case("basic") {
            found.push(Challenge::Basic);
        } else if scheme.eq_ignore_ascii_case("bearer") {
            let value = |name: &str| {
                parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
            };
            if let Some(realm) = value("realm") {
                found.push(Challenge::Bearer { realm, service: value("service"), scope: value("scope") });
            }
        }
    }
    found
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn skip(&mut self, is_skipped: impl Fn(u8) -> bool) {
        let count = self.0.iter().take_while(|byte| is_skipped(**byte)).count();
        self.0 = &self.0[count..];
    }

    fn token(&mut self) -> Option<&'a str> {
        let count = self.0.iter().take_while(|byte| is_token(**byte)).count();
        let (token, rest) = self.0.split_at(count);
        self.0 = rest;
        // Tokens are ASCII, so this never fails on what was counted.
        std::str::from_utf8(token).ok().filter(|token| !token.is_empty())
    }

    /// `name=value` pairs up to the next challenge, which is a token that no `=` follows.
    fn parameters(&mut self) -> Vec<(&'a str, String)> {
        let mut parameters = Vec::new();
        while parameters.len() < PARAMETERS {
            let before = self.0;
            self.skip(|byte| byte == b',' || is_space(byte));
            let Some(name) = self.token() else { break };
            self.skip(is_space);
            if self.0.first() != Some(&b'=') {
                self.0 = before;
                break;
            }
            self.0 = &self.0[1..];
            self.skip(is_space);
            let value = if self.0.first() == Some(&b'"') { self.quoted() } else { self.token().map(str::to_owned) };
            let Some(value) = value else {
                // Malformed (or a token68, which none of ours has): nothing after it can be trusted.
                self.0 = &[];
                break;
            };
            parameters.push((name, value));
        }
        parameters
    }

    fn quoted(&mut self) -> Option<String> {
        let mut value = Vec::new();
        let mut bytes = self.0.iter().enumerate().skip(1);
        while let Some((place, byte)) = bytes.next() {
            match byte {
                b'"' => {
                    self.0 = &self.0[place + 1..];
                    return String::from_utf8(value).ok();
                }
                b'\\' => value.push(*bytes.next()?.1),
                byte => value.push(*byte),
            }
        }
        None
    }
}

fn is_space(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Challenge {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Challenge::Bearer { realm: realm.into(), service: owned(service), scope: owned(scope) }
    }

    #[test]
    fn the_challenges_that_registries_send_are_read() {
        // Docker Hub, GitHub, GitLab, docker-registry with htpasswd, Amazon.
        let cases = [
            (
                r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/debian:pull""#,
                vec![bearer(
                    "https://auth.docker.io/token",
                    Some("registry.docker.io"),
                    Some("repository:library/debian:pull"),
                )],
            ),
            (
                r#"Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:user/image:pull""#,
                vec![bearer("https://ghcr.io/token", Some("ghcr.io"), Some("repository:user/image:pull"))],
            ),
            (r#"Basic realm="Registry Realm""#, vec![Challenge::Basic]),
            (
                r#"Basic realm="https://1.dkr.ecr.eu.amazonaws.com/",service="ecr.amazonaws.com""#,
                vec![Challenge::Basic],
            ),
            (
                r#"Basic realm="x", Bearer realm="https://a/t" , service=plain"#,
                vec![Challenge::Basic, bearer("https://a/t", Some("plain"), None)],
            ),
            (r#"bearer REALM="a\"b",error="invalid_token""#, vec![bearer("a\"b", None, None)]),
            ("Negotiate, Basic", vec![Challenge::Basic]),
            ("Basic", vec![Challenge::Basic]),
        ];
        for (header, expected) in cases {
            assert_eq!(parse(header), expected, "{header}");
        }
    }

    #[test]
    fn garbage_gives_no_challenge() {
        for header in
            ["", ",,,", "=\"", "Bearer", "Bearer realm", "Bearer realm=", "Bearer realm=\"open", "\u{0}", "🦀"]
        {
            assert_eq!(parse(header), vec![], "{header:?}");
        }
        assert_eq!(parse(&format!("Bearer realm=\"{}\"", "x".repeat(HEADER_BYTES))), vec![]);
    }

    proptest! {
        #[test]
        fn any_header_is_read_within_bounds(header in "(?s).{0,400}") {
            prop_assert!(parse(&header).len() <= CHALLENGES);
        }

        #[test]
        fn nearly_right_headers_are_read_within_bounds(
            header in r#"((Bearer|Basic|x)( ?(realm|scope|a)=("[^"]{0,9}"?|[a-z]*)?[, ]*){0,30}){0,12}"#,
        ) {
            prop_assert!(parse(&header).len() <= CHALLENGES);
        }

        #[test]
        fn what_is_quoted_is_read_back(realm in "[ -~]{1,40}") {
            let quoted = realm.replace('\\', "\\\\").replace('"', "\\\"");
            prop_assert_eq!(parse(&format!("Bearer realm=\"{quoted}\"")), vec![bearer(&realm, None, None)]);
        }
    }
}
