//! For whom a request is meant.
//!
//! A page on the internet can make its visitor's browser send requests to a server on loopback: by name, after its own
//! name was made to point there (DNS rebinding; `Host` is the page's), or directly (`Origin` is the page's). On a
//! loopback server everybody may do everything, so both are refused.

use std::net::{IpAddr, SocketAddr};

use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, Uri, header};

/// The names under which we are addressed.
#[derive(Clone, Debug)]
pub struct Hosts {
    port: u16,
    address: IpAddr,
    names: Vec<Authority>,
}

/// Not for us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// 421 for a wrong `Host`, 403 for a wrong `Origin`, 400 for none or a malformed one.
    pub status: StatusCode,
    /// Why, for people.
    pub reason: String,
}

impl Hosts {
    /// The names of a server bound to `address`: its address, the names of loopback, and `names` (`HOST` with any
    /// port, or `HOST:PORT`).
    pub fn new(address: SocketAddr, names: Vec<Authority>) -> Self {
        Self { port: address.port(), address: address.ip(), names }
    }

    /// Whether a request is meant for us.
    pub fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Foreign> {
        let mut hosts = headers.get_all(header::HOST).iter();
        let host = match (hosts.next(), hosts.next()) {
            (Some(host), None) => host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()),
            _ => None,
        };
        let Some(host) = host else {
            let reason = "the request has no Host header, or more than one, or one that is none".into();
            return Err(Foreign { status: StatusCode::BAD_REQUEST, reason });
        };
        for host in [Some(&host), uri.authority()].into_iter().flatten() {
            if !self.is_ours(host, 80) {
                return Err(Foreign {
                    status: StatusCode::MISDIRECTED_REQUEST,
                    reason: format!(
                        "the request is for host {host}, which is not a name of this server; if it should be, start it \
                         with --name {}",
                        host.host()
                    ),
                });
            }
        }
        for origin in headers.get_all(header::ORIGIN) {
            let ours = origin.to_str().is_ok_and(|origin| self.is_our_origin(origin));
            if !ours {
                let reason = "the request was made by a page of another site (its Origin is not this server)".into();
                return Err(Foreign { status: StatusCode::FORBIDDEN, reason });
            }
        }
        Ok(())
    }

    fn is_our_origin(&self, origin: &str) -> bool {
        let (authority, default) = match origin.split_once("://") {
            Some(("http", authority)) => (authority, 80),
            Some(("https", authority)) => (authority, 443),
            _ => return false,
        };
        authority.parse().is_ok_and(|authority| self.is_ours(&authority, default))
    }

    fn is_ours(&self, authority: &Authority, default_port: u16) -> bool {
        if authority.as_str().contains('@') {
            return false;
        }
        let host = authority.host();
        let port = authority.port_u16().unwrap_or(default_port);
        let configured = self.names.iter().any(|name| {
            name.host().eq_ignore_ascii_case(host) && name.port_u16().is_none_or(|configured| configured == port)
        });
        if configured {
            return true;
        }
        if port != self.port {
            return false;
        }
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok();
        match literal {
            // Bound to all addresses, any literal is one of ours; a rebound name is never a literal.
            Some(address) => address.is_loopback() || address == self.address || self.address.is_unspecified(),
            None => host.eq_ignore_ascii_case("localhost"),
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn check(address: &str, names: &[&str], host: &str, origin: Option<&str>) -> Option<u16> {
        let names = names.iter().map(|name| name.parse().unwrap()).collect();
        let hosts = Hosts::new(address.parse().unwrap(), names);
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, HeaderValue::from_str(origin).unwrap());
        }
        hosts.check(&Uri::from_static("/v2/"), &headers).err().map(|foreign| foreign.status.as_u16())
    }

    #[test]
    fn loopback_by_its_names_and_the_right_port_is_ours() {
        for host in ["localhost:5150", "LOCALHOST:5150", "127.0.0.1:5150", "[::1]:5150", "127.0.0.2:5150"] {
            assert_eq!(check("127.0.0.1:5150", &[], host, None), None, "{host}");
        }
        assert_eq!(check("127.0.0.1:80", &[], "localhost", None), None);
    }

    #[test]
    fn another_host_or_port_is_misdirected() {
        for host in [
            "evil.example:5150",
            "localhost",
            "localhost:80",
            "localhost.evil.example:5150",
            "10.0.0.1:5150",
            "user@localhost:5150",
        ] {
            assert_eq!(check("127.0.0.1:5150", &[], host, None), Some(421), "{host}");
        }
        assert_eq!(check("127.0.0.1:5150", &[], "not a host", None), Some(400));
    }

    #[test]
    fn configured_names_are_ours_with_their_port_or_any() {
        assert_eq!(check("0.0.0.0:5150", &["registry.example.com"], "Registry.Example.com", None), None);
        assert_eq!(check("0.0.0.0:5150", &["registry.example.com:443"], "registry.example.com", None), Some(421));
        assert_eq!(check("0.0.0.0:5150", &[], "192.0.2.7:5150", None), None);
        assert_eq!(check("0.0.0.0:5150", &[], "evil.example:5150", None), Some(421));
    }

    #[test]
    fn pages_of_other_sites_are_refused_and_our_own_are_not() {
        let from = |origin| check("127.0.0.1:5150", &[], "127.0.0.1:5150", Some(origin));
        assert_eq!(from("http://127.0.0.1:5150"), None);
        assert_eq!(from("http://localhost:5150"), None);
        for origin in ["http://evil.example", "null", "http://localhost:3000", "file://", "", "https://localhost"] {
            assert_eq!(from(origin), Some(403), "{origin}");
        }
    }
}
