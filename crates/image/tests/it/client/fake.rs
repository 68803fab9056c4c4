//! A registry that does what a test says, byte by byte. One request a connection.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

pub(crate) struct Fake {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Request>>>,
}

/// Where a handler writes its answer.
pub(crate) struct Peer {
    stream: TcpStream,
    /// Connections that are neither answered nor closed.
    held: Arc<Mutex<Vec<TcpStream>>>,
}

impl Fake {
    pub(crate) fn start(handler: impl Fn(&Request, &mut Peer) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (log, handler, held) = (seen.clone(), Arc::new(handler), Arc::new(Mutex::new(Vec::new())));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, handler, held) = (log.clone(), handler.clone(), held.clone());
                thread::spawn(move || {
                    // What is no HTTP (the client tries TLS first) is closed, as a real server would.
                    let Ok(request) = read(&stream) else { return };
                    log.lock().unwrap().push(request.clone());
                    handler(&request, &mut Peer { stream, held });
                });
            }
        });
        Self { address, seen }
    }

    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }
}

impl Peer {
    /// A whole answer with its right length.
    pub(crate) fn answer(&mut self, status: u16, headers: &[(&str, &str)], body: &[u8]) {
        self.head(status, headers, body.len() as u64);
        self.raw(body);
    }

    /// The head of an answer that says it has `length` bytes.
    pub(crate) fn head(&mut self, status: u16, headers: &[(&str, &str)], length: u64) {
        let mut head = format!("HTTP/1.1 {status} Said\r\nContent-Length: {length}\r\nConnection: close\r\n");
        for (name, value) in headers {
            head.extend([*name, ": ", *value, "\r\n"]);
        }
        self.raw((head + "\r\n").as_bytes());
    }

    /// Bytes. The client may have gone.
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Says nothing more, and does not close.
    pub(crate) fn stall(&mut self) {
        self.held.lock().unwrap().push(self.stream.try_clone().unwrap());
    }
}

fn read(stream: &TcpStream) -> io::Result<Request> {
    let mut reader = BufReader::new(stream);
    if reader.fill_buf()?.first() == Some(&0x16) {
        return Err(io::Error::other("TLS"));
    }
    let mut request = Request::default();
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    (request.method, request.target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => request.headers.push((name.to_lowercase(), value.to_owned())),
            None => break,
        }
    }
    let length = request.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    request.body = vec![0; length];
    reader.read_exact(&mut request.body)?;
    Ok(request)
}
