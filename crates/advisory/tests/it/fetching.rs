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

    /// Answers a path with a body, always as new.
    fn put_at(&self, path: &str, body: impl Into<Vec<u8>>) {
        let answer = Answer::Zip { body: body.into(), etag: "\"always\"" };
        self.answers.lock().expect("alive").insert(path.to_owned(), answer);
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
    let list = ("/PyPI/modified_id.csv".to_owned(), 404);
    assert_eq!(fixture.server.asked(), [list, ("/PyPI/all.zip".to_owned(), 304)]);
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
        assert_eq!(fixture.left_over(), 3, "index, lock and what failed, after {error}");
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

fn at(id: &str, modified: &str, fixed: &str, more: &str) -> String {
    let record = record(id, "PyPI", "a", "0", fixed).replace("2026-01-01T00:00:00Z", modified);
    record.replacen("\"affected\"", &format!("{more}\"affected\""), 1)
}

#[test]
fn few_changes_are_fetched_one_by_one_and_the_newer_copy_counts() {
    let fixture = Fixture::new();
    let zip = zip_of(&[
        ("A-1.json", at("A-1", "2026-01-01T00:00:00Z", "5", "").as_bytes()),
        ("A-2.json", at("A-2", "2026-01-02T00:00:00Z", "5", "").as_bytes()),
        ("A-3.json", at("A-3", "2026-01-03T00:00:00Z", "5", "").as_bytes()),
    ]);
    fixture.server.put("PyPI", Answer::Zip { body: zip, etag: "\"one\"" });
    assert!(matches!(fixture.one("PyPI"), Ok(Outcome::Fetched(3))));
    fixture.server.asked();
    // A-1 is fixed sooner, A-2 is withdrawn, A-4 is new, A-3 is as it was.
    let list = "2026-02-03T00:00:00Z,A-4\n2026-02-02T00:00:00Z,A-2\n2026-02-01T00:00:00Z,A-1\n2026-01-03T00:00:00Z,A-3\n2020-01-01T00:00:00Z,A-0\n";
    fixture.server.put_at("/PyPI/modified_id.csv", list);
    fixture.server.put_at("/PyPI/A-1.json", at("A-1", "2026-02-01T00:00:00Z", "1", ""));
    let withdrawn = "\"withdrawn\": \"2026-02-02T00:00:00Z\", ";
    fixture.server.put_at("/PyPI/A-2.json", at("A-2", "2026-02-02T00:00:00Z", "5", withdrawn));
    fixture.server.put_at("/PyPI/A-4.json", at("A-4", "2026-02-03T00:00:00Z", "5", ""));
    assert!(matches!(fixture.one("PyPI"), Ok(Outcome::Changed(3))));
    let asked: Vec<String> = fixture.server.asked().into_iter().map(|(path, _)| path).collect();
    assert_eq!(asked, ["/PyPI/modified_id.csv", "/PyPI/A-4.json", "/PyPI/A-2.json", "/PyPI/A-1.json"]);
    assert_eq!(fixture.ids("PyPI"), ["A-3", "A-4"]);
    let index = Index::require(&fixture.folder.path().join(Index::FILE)).expect("an index");
    assert!(index.record("A-2").expect("sound").is_none(), "it was withdrawn");
    assert!(index.records_naming("A-2").expect("sound").is_empty(), "it was withdrawn");
    assert_eq!(index.records_naming("A-1").expect("sound").len(), 1);
    // Nothing more: only the begin of the list is asked for.
    let before = index.identity().id;
    assert!(matches!(fixture.one("PyPI"), Ok(Outcome::Unchanged)));
    assert_eq!(fixture.server.asked(), [("/PyPI/modified_id.csv".to_owned(), 200)]);
    let index = Index::require(&fixture.folder.path().join(Index::FILE)).expect("an index");
    assert_eq!((index.identity().id, index.segments().count()), (before, 2));
}

#[test]
fn many_changes_or_a_list_out_of_order_fetch_the_whole_and_leave_no_changes_behind() {
    let fixture = Fixture::new();
    let zip = |id: &str, modified: &str| zip_of(&[("r.json", at(id, modified, "5", "").as_bytes())]);
    let put = |id: &str, etag| {
        fixture.server.put("PyPI", Answer::Zip { body: zip(id, "2026-01-01T00:00:00Z"), etag });
    };
    put("A-1", "\"one\"");
    assert!(matches!(fixture.one("PyPI"), Ok(Outcome::Fetched(1))));
    fixture.server.put_at("/PyPI/modified_id.csv", "2026-02-01T00:00:00Z,A-2\n");
    fixture.server.put_at("/PyPI/A-2.json", at("A-2", "2026-02-01T00:00:00Z", "5", ""));
    assert!(matches!(fixture.one("PyPI"), Ok(Outcome::Changed(1))));
    assert_eq!(fixture.ids("PyPI"), ["A-1", "A-2"]);
    let many: Vec<String> = (0..400).map(|number| format!("2026-03-01T00:00:00Z,B-{number}")).collect();
    let many = many.join("\n");
    let lists = [
        (many.as_str(), "\"many\""),
        ("2026-02-01T00:00:00Z,B-1\n2026-03-01T00:00:00Z,B-2\n", "\"order\""),
        ("2026-03-01T00:00:00Z,../../secret\n", "\"path\""),
        ("2026-03-01T00:00:00Z,B-404\n", "\"absent\""),
        ("<html>", "\"html\""),
    ];
    for (list, etag) in lists {
        put(etag.trim_matches('"'), etag);
        fixture.server.put_at("/PyPI/modified_id.csv", list);
        assert!(matches!(fixture.one("PyPI"), Ok(Outcome::Fetched(1))), "{list}");
        assert_eq!(fixture.ids("PyPI"), [etag.trim_matches('"')]);
        let index = Index::require(&fixture.folder.path().join(Index::FILE)).expect("an index");
        assert_eq!(index.segments().count(), 1, "{list}");
    }
}

#[test]
fn the_catalog_and_the_scores_are_fetched_too_and_only_when_they_changed() {
    let fixture = Fixture::new();
    let kev = r#"{"dateReleased": "2025-08-25T17:04:19.9796Z", "vulnerabilities": [{"cveID": "CVE-2020-0001", "dateAdded": "2021-11-03"}]}"#;
    let put = |path: &str, body: &[u8], etag| {
        let answer = Answer::Zip { body: body.to_vec(), etag };
        fixture.server.answers.lock().expect("alive").insert(path.to_owned(), answer);
    };
    put("/kev/known_exploited_vulnerabilities.json", kev.as_bytes(), "\"k\"");
    put("/epss/epss_scores-current.csv.gz", b"cve,epss,percentile\nCVE-2020-0001,0.5,0.9\n", "\"e\"");
    let outcomes = fixture.update(&["kev", "epss"], &fixture.server.options());
    assert!(outcomes.iter().all(|(_, outcome)| matches!(outcome, Ok(Outcome::Fetched(1)))), "{outcomes:?}");
    let outcomes = fixture.update(&["kev", "epss"], &fixture.server.options());
    assert!(outcomes.iter().all(|(_, outcome)| matches!(outcome, Ok(Outcome::Unchanged))), "{outcomes:?}");
    // Something else under its address replaces nothing.
    put("/kev/known_exploited_vulnerabilities.json", record("A-1", "npm", "a", "0", "1").as_bytes(), "\"x\"");
    let error = fixture.one("kev").expect_err("no catalog");
    assert!(matches!(error, FetchError::Import(_)), "{error:?}");
    let index = Index::require(&fixture.folder.path().join(Index::FILE)).expect("an index");
    let kev = index.segments().find(|segment| segment.ecosystem.as_deref() == Some("kev")).expect("the catalog");
    assert_eq!(kev.counts.kev, 1);
}

#[test]
fn a_source_that_failed_is_remembered_until_it_is_fetched() {
    let fixture = Fixture::new();
    let path = fixture.folder.path().join(Index::FILE);
    let failed = || advisory::index::failures(&path);
    fixture.server.put("PyPI", Answer::Status(503));
    fixture.server.put("npm", Answer::Zip { body: archive("GHSA-1", "npm"), etag: "\"npm\"" });
    fixture.update(&["PyPI", "npm"], &fixture.server.options());
    assert_eq!(failed().len(), 1);
    assert!(failed()[0].source == "PyPI" && failed()[0].reason.contains("503"), "{:?}", failed());
    fixture.one("npm").expect("unchanged");
    assert_eq!(failed().len(), 1, "npm says nothing of PyPI");
    fixture.server.put("PyPI", Answer::Zip { body: archive("PYSEC-1", "PyPI"), etag: "\"one\"" });
    fixture.one("PyPI").expect("fetched");
    assert_eq!(failed(), []);
    // What somebody else wrote there says nothing.
    std::fs::write(path.with_extension("failures"), "nonsense").expect("a file");
    assert_eq!(failed(), []);
}

#[test]
fn an_archive_of_one_ecosystem_does_not_cover_another_that_its_records_name_too() {
    let fixture = Fixture::new();
    let both = record("GHSA-1", "PyPI", "a", "0", "9").replacen(
        "\"affected\": [",
        "\"affected\": [{\"package\": {\"ecosystem\": \"npm\", \"name\": \"a\"}, \"versions\": [\"1\"]}, ",
        1,
    );
    let body = zip_of(&[("GHSA-1.json", both.as_bytes())]);
    fixture.server.put("PyPI", Answer::Zip { body, etag: "\"one\"" });
    fixture.one("PyPI").expect("fetched");
    let index = Index::require(&fixture.folder.path().join(Index::FILE)).expect("an index");
    assert!(index.covers("PyPI").expect("sound") && !index.covers("npm").expect("sound"));
    let verdict = index.verdict_by_name("npm", "b", "1").expect("sound");
    assert!(matches!(verdict, advisory::Verdict::Unknown { .. }), "{verdict:?}");
}
