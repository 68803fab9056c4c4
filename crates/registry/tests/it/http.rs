//! HTTP by hand: what is sent is exactly what the test says.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// Status and code of an error.
    pub(crate) fn error(&self) -> (u16, String) {
        let json = self.json();
        let error = &json["errors"][0];
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{json}");
        (self.status, error["code"].as_str().unwrap_or_default().to_owned())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// One request with a `Content-Length`.
pub(crate) fn request(server: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut connection = connect(server);
    let mut head = Vec::new();
    write!(head, "{method} {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n").unwrap();
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    if !body.is_empty() || matches!(method, "POST" | "PUT" | "PATCH") {
        write!(head, "Content-Length: {}\r\n", body.len()).unwrap();
    }
    head.extend_from_slice(b"\r\n");
    connection.write_all(&head).unwrap();
    // The server may answer and close before it has read everything.
    let _ = connection.write_all(body);
    answer(connection)
}

pub(crate) fn get(server: SocketAddr, path: &str) -> Answer {
    request(server, "GET", path, &[], b"")
}

/// One request whose body comes in these chunks.
pub(crate) fn chunked(server: SocketAddr, method: &str, path: &str, chunks: &[&[u8]]) -> Answer {
    let mut connection = connect(server);
    write!(
        connection,
        "{method} {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    .unwrap();
    for chunk in chunks {
        write!(connection, "{:x}\r\n", chunk.len()).unwrap();
        connection.write_all(chunk).unwrap();
        connection.write_all(b"\r\n").unwrap();
    }
    connection.write_all(b"0\r\n\r\n").unwrap();
    answer(connection)
}

/// Bytes as they are, which have to be a whole request that wants the connection closed.
pub(crate) fn raw(server: SocketAddr, bytes: &[u8]) -> Answer {
    let mut connection = connect(server);
    connection.write_all(bytes).unwrap();
    answer(connection)
}

/// Bytes as they are, then nothing more; the answer if there is one.
pub(crate) fn cut(server: SocketAddr, bytes: &[u8]) -> Option<Answer> {
    let mut connection = connect(server);
    connection.write_all(bytes).ok()?;
    connection.shutdown(Shutdown::Write).ok()?;
    parse(connection)
}

/// A connection with patience for a hung test.
pub(crate) fn connect(server: SocketAddr) -> TcpStream {
    let connection = TcpStream::connect(server).unwrap();
    connection.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    connection
}

pub(crate) fn answer(connection: TcpStream) -> Answer {
    parse(connection).expect("an answer")
}

fn parse(mut connection: TcpStream) -> Option<Answer> {
    let mut bytes = Vec::new();
    // A reset after the answer is a server that had no use for the rest of the body.
    let _ = connection.read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let body = bytes.split_off(end + 4);
    let body =
        if headers.get("transfer-encoding").is_some_and(|coding| coding == "chunked") { unchunk(&body) } else { body };
    Some(Answer { status, headers, body })
}

fn unchunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = bytes.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16).unwrap();
        body.extend_from_slice(&bytes[end + 2..end + 2 + size]);
        bytes = &bytes[end + 4 + size..];
    }
    body
}
