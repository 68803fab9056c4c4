//! Requests that are meant for somebody else, or made by somebody else's page.

use std::net::SocketAddr;

use registry::ListenError;

use crate::http::raw;
use crate::server::Server;

fn with_headers(server: SocketAddr, headers: &str) -> u16 {
    let bytes = format!("GET /v2/ HTTP/1.1\r\nConnection: close\r\n{headers}\r\n");
    raw(server, bytes.as_bytes()).status
}

#[test]
fn a_rebound_name_and_a_foreign_page_are_refused() {
    let server = Server::start();
    let (address, port) = (server.address, server.address.port());
    assert_eq!(with_headers(address, &format!("Host: 127.0.0.1:{port}\r\n")), 200);
    assert_eq!(with_headers(address, &format!("Host: localhost:{port}\r\n")), 200);
    assert_eq!(with_headers(address, &format!("Host: evil.example:{port}\r\n")), 421);
    assert_eq!(with_headers(address, "Host: localhost:1\r\n"), 421);
    assert_eq!(with_headers(address, ""), 400);
    assert_eq!(with_headers(address, &format!("Host: {address}\r\nHost: evil.example\r\n")), 400);
    assert_eq!(with_headers(address, &format!("Host: {address}\r\nOrigin: http://evil.example\r\n")), 403);
    assert_eq!(with_headers(address, &format!("Host: {address}\r\nOrigin: null\r\n")), 403);
    assert_eq!(with_headers(address, &format!("Host: {address}\r\nOrigin: http://{address}\r\n")), 200);
    let absolute = format!("GET http://evil.example/v2/ HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    assert_eq!(raw(address, absolute.as_bytes()).status, 421);
}

#[test]
fn an_address_that_others_reach_is_not_taken_without_saying_so() {
    let open = "0.0.0.0:0".parse().unwrap();
    assert!(matches!(registry::bind(open, false), Err(ListenError::Open(_))));
    assert!(registry::bind(open, true).is_ok());
    let taken = registry::bind("127.0.0.1:0".parse().unwrap(), false).unwrap();
    let error = registry::bind(taken.local_addr().unwrap(), false).unwrap_err().to_string();
    assert!(error.contains("--listen"), "{error}");
}
