//! Who asks.

use std::fmt;
use std::net::IpAddr;

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Caller {
    /// Somebody on this machine's loopback, not further known.
    Loopback,
    /// A user of this machine, by uid, as the kernel told it of a Unix socket's other end.
    LocalUser(u32),
    /// Somebody from elsewhere who said no name, at a server that was opened to everybody (`--insecure-open`).
    Guest,
    /// Somebody from elsewhere who said no name, at a server that was not opened.
    Anonymous,
}

/// Whom a server was opened to when it was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Openness {
    /// Its own machine.
    #[default]
    ThisMachine,
    /// Everybody who reaches its port: `plimsoll up --insecure-open`.
    InsecureOpen,
}

impl Caller {
    /// Who is at the other end of a TCP connection.
    ///
    /// A reverse proxy on the same machine makes everybody behind it a [`Caller::Loopback`]: whoever puts one there
    /// opens the server, and checks callers in the proxy.
    pub fn from_peer(address: IpAddr, openness: Openness) -> Self {
        // `::ffff:127.0.0.1` is how a socket that listens on `::` sees an IPv4 neighbour.
        if address.to_canonical().is_loopback() {
            return Self::Loopback;
        }
        match openness {
            Openness::ThisMachine => Self::Anonymous,
            Openness::InsecureOpen => Self::Guest,
        }
    }
}

/// The caller as refusals and logs name them.
impl fmt::Display for Caller {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loopback => formatter.write_str("a caller on this machine"),
            Self::LocalUser(uid) => write!(formatter, "user {uid} of this machine"),
            Self::Guest => formatter.write_str("a guest"),
            Self::Anonymous => formatter.write_str("an unnamed caller from another machine"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(address: &str, openness: Openness) -> Caller {
        Caller::from_peer(address.parse().expect("test address"), openness)
    }

    #[test]
    fn loopback_is_known_in_every_spelling() {
        for address in ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(from(address, Openness::ThisMachine), Caller::Loopback, "{address}");
            assert_eq!(from(address, Openness::InsecureOpen), Caller::Loopback, "{address}");
        }
    }

    #[test]
    fn another_address_is_a_guest_only_where_the_server_was_opened() {
        for address in ["10.0.0.7", "0.0.0.0", "192.168.1.1", "fe80::1", "::ffff:10.0.0.7", "::"] {
            assert_eq!(from(address, Openness::ThisMachine), Caller::Anonymous, "{address}");
            assert_eq!(from(address, Openness::InsecureOpen), Caller::Guest, "{address}");
        }
    }
}
