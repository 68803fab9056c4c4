//! Fetching from a server: only what is asked for and only when it changed; what breaks leaves the last good state.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use advisory::Index;
use advisory::sources::fetch::{FetchError, Options, Outcome, Progress, Silent, update};
use tempfile::TempDir;

use crate::support::{matches, record, zip_of};

/// How the server answers a path.
#[derive(Clone)]
enum Answer {
    Zip {
        body: Vec<u8>,
        etag: &'static str,
    },
    /// Promises the length and sends half of it.
    Half(Vec<u8>),
    /// Sends the head and a little, then nothing.
    Silence,
    Status(u16),
    Redirect(String),
}

/// A small HTTP server that remembers what it was asked.
struct Server {
    address: String,
    answers: Arc<Mutex<HashMap<String, Answer>>>,
    asked: Arc<Mutex<Vec<(String, u16)>>>,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let answers: Arc<Mutex<HashMap<String, Answer>>> = Arc::default();
        let asked: Arc<Mutex<Vec<(String, u16)>>> = Arc::default();
        let shared = (answers.clone(), asked.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answers, asked) = shared.clone();
                std::thread::spawn(move || serve(stream, &answers, &asked));
            }
        });
        Self { address, answers, asked }
    }

    fn put(&self, ecosystem: &str, answer: Answer) {
        self.answers.lock().expect("alive").insert(format!("/{ecosystem}/all.zip"), answer);
    }

    fn asked(&self) -> Vec<(String, u16)> {
        std::mem::take(&mut self.asked.lock().expect("alive"))
    }

    fn options(&self) -> Options {
        Options { base: self.address.clone(), stall: Duration::from_millis(300), ..Options::default() }
    }
}

fn serve(stream: TcpStream, answers: &Mutex<HashMap<String, Answer>>, asked: &Mutex<Vec<(String, u16)>>) {
    let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
    let mut stream = stream;
    let mut line = String::new();
    if reader.read_line(&mut line).is_err() {
        return;
    }
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut mark = None;
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header).is_err() || header.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("if-none-match")
        {
            mark = Some(value.trim().to_owned());
        }
    }
    let answer = answers.lock().expect("alive").get(&path).cloned();
    let tell = |status| asked.lock().expect("alive").push((path.clone(), status));
    let close = "connection: close\r\n";
    let _ = match answer {
        Some(Answer::Zip { etag, .. }) if mark.as_deref() == Some(etag) => {
            tell(304);
            stream.write_all(format!("HTTP/1.1 304 Not Modified\r\n{close}\r\n").as_bytes())
        }
        Some(Answer::Zip { body, etag }) => {
            tell(200);
            let head = format!("HTTP/1.1 200 OK\r\n{close}etag: {etag}\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body))
        }
        Some(Answer::Half(body)) => {
            tell(200);
            let head = format!("HTTP/1.1 200 OK\r\n{close}content-length: {}\r\n\r\n", body.len());
            stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body[..body.len() / 2]))
        }
        Some(Answer::Silence) => {
            tell(200);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\nPK");
            // Until the client gives up and closes.
            reader.read_line(&mut String::new()).map(|_| ())
        }
        Some(Answer::Status(status)) => {
            tell(status);
            stream.write_all(format!("HTTP/1.1 {status} X\r\n{close}content-length: 0\r\n\r\n").as_bytes())
        }
        Some(Answer::Redirect(to)) => {
            tell(302);
            let head = format!("HTTP/1.1 302 Found\r\n{close}location: {to}\r\ncontent-length: 0\r\n\r\n");
            stream.write_all(head.as_bytes())
        }
        None => {
            tell(404);
            stream.write_all(format!("HTTP/1.1 404 Not Found\r\n{close}content-length: 0\r\n\r\n").as_bytes())
        }
    };
}

fn archive(id: &str, ecosystem: &str) -> Vec<u8> {
    zip_of(&[(&format!("{id}.json"), record(id, ecosystem, "a", "0", "9").as_bytes())])
}

/// Whether an error is the one that a broken answer should give.
type Expected = fn(&FetchError) -> bool;

struct Fixture {
    server: Server,
    folder: TempDir,
}

impl Fixture {
    fn new() -> Self {
        Self { server: Server::start(), folder: TempDir::new().expect("a folder") }
    }

    fn update(&self, ecosystems: &[&str], options: &Options) -> Vec<(String, Result<Outcome, FetchError>)> {
        let ecosystems: Vec<String> = ecosystems.iter().map(|name| (*name).to_owned()).collect();
        let path = self.folder.path().join(Index::FILE);
        update(&path, &ecosystems, options, &Silent).expect("a sound index").outcomes
    }

    fn one(&self, ecosystem: &str) -> Result<Outcome, FetchError> {
        self.update(&[ecosystem], &self.server.options()).remove(0).1
    }

    fn ids(&self, ecosystem: &str) -> Vec<String> {
        let index = Index::require(&self.folder.path().join(Index::FILE)).expect("an index");
        matches(&index, ecosystem, "a", "1").into_iter().map(|found| found.id).collect()
    }

    fn left_over(&self) -> usize {
        std::fs::read_dir(self.folder.path()).expect("the folder").count()
    }
}

#[test]
fn only_the_ecosystems_asked_for_are_fetched_and_only_when_they_changed() {
    let fixture = Fixture::new();
    fixture.server.put("PyPI", Answer::Zip { body: archive("PYSEC-1", "PyPI"), etag: "\"one\"" });
    fixture.server.put("npm", Answer::Zip { body: archive("GHSA-1", "npm"), etag: "\"npm\"" });
    assert!(matches!(fixture.one("PyPI"), Ok(Outcome::Fetched(1))));
    assert_eq!(fixture.server.asked(), [("/PyPI/all.zip".to_owned(), 200)]);
    let before = Index::require(&fixture.folder.path().join(Index::FILE)).expect("an index").identity().id;
    assert!(matches!(fixture.one("PyPI"), Ok(Outcome::Unchanged)));
    assert_eq!(fixture.server.asked(), [("/PyPI/all.zip".to_owned(), 304)]);
    let after = Index::require(&fixture.folder.path().join(Index::FILE)).expect("an index").identity().id;
    assert_eq!(before, after);
    fixture.server.put("PyPI", Answer::Zip { body: archive("PYSEC-2", "PyPI"), etag: "\"two\"" });
    assert!(matches!(fixture.one("PyPI"), Ok(Outcome::Fetched(1))));
    assert_eq!(fixture.ids("PyPI"), ["PYSEC-2"]);
    let only_missing = Options { only_missing: true, ..fixture.server.options() };
    fixture.server.asked();
    let outcomes = fixture.update(&["PyPI", "npm"], &only_missing);
    assert!(matches!(outcomes[0].1, Ok(Outcome::Present)) && matches!(outcomes[1].1, Ok(Outcome::Fetched(1))));
    assert_eq!(fixture.server.asked(), [("/npm/all.zip".to_owned(), 200)]);
}

#[test]
fn a_name_with_a_space_is_escaped_and_one_with_a_path_refused() {
    let fixture = Fixture::new();
    fixture.server.put("Red%20Hat", Answer::Zip { body: archive("RHSA-1", "Red Hat:x"), etag: "\"r\"" });
    assert!(matches!(fixture.one("Red Hat"), Ok(Outcome::Fetched(1))));
    for name in ["../secret", "a/b", "", ".", "PyPI?x", "http://other"] {
        assert!(matches!(fixture.one(name), Err(FetchError::Name { .. })), "{name}");
    }
}

#[test]
fn whatever_breaks_leaves_the_last_good_state_and_no_partial_file() {
    let fixture = Fixture::new();
    fixture.server.put("PyPI", Answer::Zip { body: archive("PYSEC-1", "PyPI"), etag: "\"one\"" });
    fixture.server.put("npm", Answer::Zip { body: archive("GHSA-1", "npm"), etag: "\"npm\"" });
    assert!(matches!(fixture.one("PyPI"), Ok(Outcome::Fetched(1))));
    let body = archive("PYSEC-2", "PyPI");
    let broken: [(Answer, Expected); 6] = [
        (Answer::Half(body.clone()), |error| matches!(error, FetchError::Transport { .. })),
        (Answer::Silence, |error| matches!(error, FetchError::Stalled { .. })),
        (Answer::Status(404), |error| matches!(error, FetchError::Unknown { .. })),
        (Answer::Status(503), |error| matches!(error, FetchError::Status { status: 503, .. })),
        (Answer::Zip { body: body[..body.len() / 2].to_vec(), etag: "\"x\"" }, |error| {
            matches!(error, FetchError::Import(_))
        }),
        (Answer::Zip { body: zip_of(&[("x.json", b"{}")]), etag: "\"y\"" }, |error| {
            matches!(error, FetchError::Import(_))
        }),
    ];
    for (answer, expected) in broken {
        fixture.server.put("PyPI", answer);
        let error = fixture.one("PyPI").expect_err("it is broken");
        assert!(expected(&error), "{error:?}");
        assert_eq!(fixture.ids("PyPI"), ["PYSEC-1"], "{error}");
        assert_eq!(fixture.left_over(), 2, "index and lock, after {error}");
    }
    // One that fails does not keep another from being committed.
    let outcomes = fixture.update(&["PyPI", "npm"], &fixture.server.options());
    assert!(outcomes[0].1.is_err() && outcomes[1].1.is_ok());
    assert_eq!((fixture.ids("PyPI").len(), fixture.ids("npm").len()), (1, 1));
}

#[test]
fn a_server_that_is_not_there_is_an_error_that_says_what_to_do() {
    let fixture = Fixture::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let base = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let options = Options { base, ..fixture.server.options() };
    let error = fixture.update(&["PyPI"], &options).remove(0).1.expect_err("nobody listens");
    assert!(error.to_string().contains("plimsoll db import"), "{error}");
    assert!(!fixture.folder.path().join(Index::FILE).exists());
}

#[test]
fn redirects_are_followed_but_not_without_end() {
    let fixture = Fixture::new();
    fixture.server.put("PyPI", Answer::Redirect("/npm/all.zip".into()));
    fixture.server.put("npm", Answer::Zip { body: archive("GHSA-1", "npm"), etag: "\"n\"" });
    fixture.server.put("Go", Answer::Redirect("/Go/all.zip".into()));
    assert!(matches!(fixture.one("PyPI"), Ok(Outcome::Fetched(1))));
    assert!(fixture.one("Go").is_err());
}

#[test]
fn a_mirror_on_disk_is_read_like_a_server() {
    let fixture = Fixture::new();
    let mirror = TempDir::new().expect("a folder");
    std::fs::create_dir(mirror.path().join("PyPI")).expect("a folder");
    std::fs::write(mirror.path().join("PyPI/all.zip"), archive("PYSEC-1", "PyPI")).expect("a file");
    let options = Options { base: format!("file://{}", mirror.path().display()), ..Options::default() };
    assert!(matches!(fixture.update(&["PyPI"], &options).remove(0).1, Ok(Outcome::Fetched(1))));
    assert!(matches!(fixture.update(&["PyPI"], &options).remove(0).1, Ok(Outcome::Unchanged)));
    assert!(matches!(fixture.update(&["npm"], &options).remove(0).1, Err(FetchError::Unknown { .. })));
    // Another mirror's mark says nothing of the server's.
    fixture.server.put("PyPI", Answer::Zip { body: archive("PYSEC-2", "PyPI"), etag: "\"one\"" });
    assert!(matches!(fixture.one("PyPI"), Ok(Outcome::Fetched(1))));
}

#[test]
fn progress_tells_of_bytes_and_of_the_end() {
    #[derive(Default)]
    struct Told(std::cell::RefCell<Vec<String>>);
    impl Progress for Told {
        fn started(&self, ecosystem: &str, bytes: Option<u64>) {
            self.0.borrow_mut().push(format!("{ecosystem} of {}", bytes.is_some_and(|bytes| bytes > 0)));
        }
        fn compiling(&self, ecosystem: &str) {
            self.0.borrow_mut().push(format!("{ecosystem} compiling"));
        }
        fn finished(&self, ecosystem: &str, outcome: &Result<Outcome, FetchError>) {
            self.0.borrow_mut().push(format!("{ecosystem} {}", outcome.is_ok()));
        }
    }
    let fixture = Fixture::new();
    fixture.server.put("PyPI", Answer::Zip { body: archive("PYSEC-1", "PyPI"), etag: "\"one\"" });
    let told = Told::default();
    let path = fixture.folder.path().join(Index::FILE);
    update(&path, &["PyPI".to_owned()], &fixture.server.options(), &told).expect("an update");
    assert_eq!(*told.0.borrow(), ["PyPI of true", "PyPI compiling", "PyPI true"]);
}
