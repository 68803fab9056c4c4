//! Proxies from the environment, by the rules that docker and every Go program follow
//! (golang.org/x/net/http/httpproxy).

use std::fmt;
use std::net::IpAddr;

use super::endpoint;

/// Which proxy leads where.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// For `http:` addresses.
    pub http: Option<String>,
    /// For `https:` addresses.
    pub https: Option<String>,
    /// What goes straight: names, `.suffixes`, addresses, `ADDRESS/BITS`, each with `:PORT` or without; `*` is all.
    pub exceptions: Vec<String>,
}

impl Proxies {
    /// `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`, or the same in lower case.
    pub fn from_environment() -> Self {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let either = |name: &str| {
            [name.to_owned(), name.to_lowercase()]
                .iter()
                .find_map(|name| lookup(name).filter(|value| !value.is_empty()))
        };
        let exceptions = either("NO_PROXY").unwrap_or_default();
        Self {
            http: either("HTTP_PROXY"),
            https: either("HTTPS_PROXY"),
            exceptions: exceptions
                .split(',')
                .map(|entry| entry.trim().to_lowercase())
                .filter(|e| !e.is_empty())
                .collect(),
        }
    }

    /// The proxy for a place, if it needs one. Loopback never does.
    pub(super) fn of(&self, scheme: &str, host: &str, port: u16) -> Option<&str> {
        let proxy = if scheme == "https" { self.https.as_deref() } else { self.http.as_deref() }?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_lowercase();
        let host = host.trim_end_matches('.');
        let is_here = endpoint::is_loopback(host) || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        let goes_straight = is_here || self.exceptions.iter().any(|exception| is_covered(exception, host, port));
        (!goes_straight).then_some(proxy)
    }
}

fn is_covered(exception: &str, host: &str, port: u16) -> bool {
    if exception == "*" {
        return true;
    }
    if let Some((network, bits)) = exception.split_once('/') {
        return is_in_network(network, bits, host);
    }
    let (name, wanted_port) = match exception.rsplit_once(':') {
        Some((name, digits)) if !name.contains(':') || name.ends_with(']') => match digits.parse::<u16>() {
            Ok(number) => (name, Some(number)),
            Err(_) => return false,
        },
        _ => (exception, None),
    };
    if wanted_port.is_some_and(|wanted| wanted != port) {
        return false;
    }
    let name = name.trim_start_matches('[').trim_end_matches(']');
    if let (Ok(name), Ok(host)) = (name.parse::<IpAddr>(), host.parse::<IpAddr>()) {
        return name == host;
    }
    let suffix = name.strip_prefix('*').unwrap_or(name);
    match suffix.strip_prefix('.') {
        Some(_) => host.ends_with(suffix),
        None => host == suffix || host.strip_suffix(suffix).is_some_and(|front| front.ends_with('.')),
    }
}

fn is_in_network(network: &str, bits: &str, host: &str) -> bool {
    let (Ok(network), Ok(bits), Ok(host)) = (network.parse::<IpAddr>(), bits.parse::<u32>(), host.parse::<IpAddr>())
    else {
        return false;
    };
    let (network, host, width) = match (network, host) {
        (IpAddr::V4(network), IpAddr::V4(host)) => (u128::from(network.to_bits()), u128::from(host.to_bits()), 32),
        (IpAddr::V6(network), IpAddr::V6(host)) => (network.to_bits(), host.to_bits(), 128),
        _ => return false,
    };
    match width {
        _ if bits > width => false,
        _ if bits == 0 => true,
        width => (network ^ host) >> (width - bits) == 0,
    }
}

/// A proxy's address may hold a password.
impl fmt::Debug for Proxies {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |proxy: &Option<String>| {
            proxy.as_deref().map(|proxy| proxy.rsplit_once('@').map_or(proxy, |(_, host)| host).to_owned())
        };
        formatter
            .debug_struct("Proxies")
            .field("http", &shown(&self.http))
            .field("https", &shown(&self.https))
            .field("exceptions", &self.exceptions)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(no_proxy: &str) -> Proxies {
        Proxies::from_lookup(|name| match name {
            "HTTPS_PROXY" => Some("http://user:secret@proxy:3128".into()),
            "http_proxy" => Some("http://plain:3128".into()),
            "no_proxy" => Some(no_proxy.to_owned()),
            _ => None,
        })
    }

    #[test]
    fn the_scheme_chooses_the_proxy_and_loopback_has_none() {
        let proxies = proxies("");
        assert_eq!(proxies.of("https", "ghcr.io", 443), Some("http://user:secret@proxy:3128"));
        assert_eq!(proxies.of("http", "ghcr.io", 80), Some("http://plain:3128"));
        for host in ["localhost", "127.0.0.1", "127.1.2.3", "[::1]", "::1"] {
            assert_eq!(proxies.of("http", host, 5000), None, "{host}");
        }
    }

    #[test]
    fn exceptions_are_read_as_go_reads_them() {
        let cases = [
            ("example.com", "example.com", true),
            ("example.com", "a.example.com", true),
            ("example.com", "anexample.com", false),
            (".example.com", "example.com", false),
            (".example.com", "a.example.com", true),
            ("*.example.com", "a.example.com", true),
            ("EXAMPLE.com", "a.Example.COM.", true),
            ("example.com:5000", "example.com", true),
            ("example.com:5001", "example.com", false),
            ("10.0.0.0/8", "10.2.3.4", true),
            ("10.0.0.0/8", "11.2.3.4", false),
            ("10.0.0.0/0", "11.2.3.4", true),
            ("10.0.0.0/33", "10.0.0.0", false),
            ("fd00::/8", "[fd12::1]", true),
            ("10.1.1.1", "10.1.1.1", true),
            ("[fd00::1]:5000", "[fd00::1]", true),
            ("*", "anything", true),
            ("a, b ,c", "b", true),
        ];
        for (exceptions, host, goes_straight) in cases {
            assert_eq!(proxies(exceptions).of("https", host, 5000).is_none(), goes_straight, "{exceptions} {host}");
        }
    }

    #[test]
    fn debug_does_not_show_a_proxys_password() {
        assert!(!format!("{:?}", proxies("")).contains("secret"));
    }
}
