//! A worker that dies, hangs or lies costs what it was asked about, and the caller goes on.

use std::io::Cursor;
use std::time::Duration;

use inventory::cataloguers::readers_of;
use inventory::record::Fact;
use inventory::worker::{Answers, Bounds, Launcher, Worker};

use crate::layers::status;
use crate::support::{launcher, worker_program};

const STATUS: &[u8] = b"Package: a\nStatus: install ok installed\nVersion: 1\n";

fn ask(worker: &mut Worker<'_>, path: &str, content: &[u8]) -> u32 {
    let readers = readers_of(path).collect();
    worker.ask(path, readers, content.len() as u64, &mut Cursor::new(content)).unwrap()
}

fn names(answers: &Answers, ticket: u32) -> Vec<String> {
    let told = answers.told.get(&ticket).into_iter().flatten();
    let name = |fact: &Fact| match fact {
        Fact::Package(package) => package.name.clone(),
        Fact::Release(release) => release.id.clone(),
        Fact::Owns(owns) => owns.name.clone(),
        Fact::Licences(licences) => format!("{licences:?}"),
        Fact::Linked(linked) => linked.module.clone(),
        Fact::ContentSets(sets) => sets.join(" "),
        Fact::PackageTable(table) => format!("{table:?}"),
    };
    told.flat_map(|told| told.facts.iter().map(name)).collect()
}

#[test]
fn a_member_goes_to_a_sealed_process_and_its_packages_come_back() {
    let (launcher, bounds) = (launcher(), Bounds::default());
    let mut worker = Worker::new(&launcher, &bounds);
    let first = ask(&mut worker, "var/lib/dpkg/status", STATUS);
    let second = ask(&mut worker, "etc/os-release", b"ID=debian\n");
    let answers = worker.finish();
    assert!(answers.lost.is_empty(), "{:?}", answers.lost);
    assert_eq!(names(&answers, first), ["a"]);
    assert_eq!(names(&answers, second), ["debian"]);
}

#[test]
fn a_member_too_large_for_the_pipe_goes_through_the_file_and_files_follow_each_other() {
    let (launcher, bounds) = (launcher(), Bounds { in_memory: 1000, ..Bounds::default() });
    let mut worker = Worker::new(&launcher, &bounds);
    let filler = format!("\nPackage: filler\nDescription: {}\n", "x".repeat(50_000)).repeat(20);
    let tickets: Vec<_> = ["one", "two", "three"]
        .map(|name| {
            let status = format!(
                "Package: {name}\nStatus: install ok installed\nVersion: 1\n{filler}\nPackage: last-{name}\n\
                                  Status: install ok installed\nVersion: 1\n"
            );
            ask(&mut worker, "var/lib/dpkg/status", status.as_bytes())
        })
        .into();
    let small = ask(&mut worker, "var/lib/dpkg/status", STATUS);
    let answers = worker.finish();
    assert!(answers.lost.is_empty(), "{:?}", answers.lost);
    assert_eq!(names(&answers, tickets[0]), ["one", "last-one"]);
    assert_eq!(names(&answers, tickets[2]), ["three", "last-three"]);
    assert_eq!(names(&answers, small), ["a"]);
}

#[test]
fn thousands_of_members_fill_both_pipes_and_nobody_waits_for_the_other_forever() {
    let (launcher, bounds) = (launcher(), Bounds::default());
    let mut worker = Worker::new(&launcher, &bounds);
    let status = status((0..200).map(|index| (format!("p{index}"), "1".to_owned())));
    let tickets: Vec<_> = (0..200).map(|_| ask(&mut worker, "var/lib/dpkg/status", status.as_bytes())).collect();
    let answers = worker.finish();
    assert!(answers.lost.is_empty(), "{:?}", answers.lost);
    assert!(tickets.iter().all(|ticket| names(&answers, *ticket).len() == 200));
}

#[test]
fn no_process_is_started_where_nothing_is_asked() {
    let launcher = Launcher::program("/nonexistent", ["worker"]);
    let answers = Worker::new(&launcher, &Bounds::default()).finish();
    assert!(answers.lost.is_empty());
}

/// What is said of a member that some other program was asked about in a worker's place.
fn lost_with(program: &str, arguments: &[&str], bounds: &Bounds) -> Vec<String> {
    let launcher = Launcher::program(program, arguments.iter().copied());
    let mut worker = Worker::new(&launcher, bounds);
    let ticket = ask(&mut worker, "var/lib/dpkg/status", STATUS);
    let answers = worker.finish();
    assert!(names(&answers, ticket).is_empty());
    answers.lost
}

fn shell_with(script: &str) -> Vec<String> {
    lost_with("/bin/sh", &["-c", script], &Bounds::default())
}

#[test]
fn a_worker_that_cannot_be_started_is_named() {
    insta::assert_snapshot!(lost_with("/nonexistent/worker", &[], &Bounds::default()).join("\n"),
        @"/var/lib/dpkg/status: starting the sealed worker /nonexistent/worker: No such file or directory (os error 2)");
}

#[test]
fn a_worker_that_ends_is_told_by_how_it_ended() {
    insta::assert_snapshot!(shell_with("exit 3").join("\n"),
        @"/var/lib/dpkg/status: the worker ended with exit code 3 before it had answered");
    insta::assert_snapshot!(shell_with("kill -9 $$").join("\n"),
        @"/var/lib/dpkg/status: the worker was killed (signal 9; the machine may be out of memory) before it had answered");
    insta::assert_snapshot!(shell_with("kill -31 $$").join("\n"),
        @"/var/lib/dpkg/status: the worker was killed for a system call that its seal forbids before it had answered");
    insta::assert_snapshot!(shell_with("exec >&-; read x; sleep 1000").join("\n"),
        @"/var/lib/dpkg/status: the worker closed its pipe before it had answered");
}

#[test]
fn a_worker_that_hangs_is_ended() {
    let bounds = Bounds { silence: Duration::from_millis(200), ..Bounds::default() };
    insta::assert_snapshot!(lost_with("/bin/sleep", &["1000"], &bounds).join("\n"),
        @"/var/lib/dpkg/status: the worker did not answer within 0.2 s and was ended");
}

#[test]
fn a_worker_that_does_not_read_is_ended() {
    let bounds = Bounds { silence: Duration::from_millis(200), ..Bounds::default() };
    let launcher = Launcher::program("/bin/sleep", ["1000"]);
    let mut worker = Worker::new(&launcher, &bounds);
    ask(&mut worker, "var/lib/dpkg/status", &vec![b'\n'; 4 << 20]);
    assert_eq!(worker.finish().lost.len(), 1);
}

#[test]
fn a_worker_that_drips_is_ended_when_patience_is() {
    let bounds = Bounds { patience: Duration::from_millis(300), ..Bounds::default() };
    // The start of a frame of 0x41414141 bytes would be nonsense at once; of 65 bytes it is not.
    let lost =
        lost_with("/bin/sh", &["-c", r"printf '\101\000\000\000'; while sleep 0.01; do printf A; done"], &bounds);
    assert!(lost[0].contains("did not answer within"), "{lost:?}");
}

#[test]
fn a_worker_that_answers_nonsense_is_ended() {
    let lost = lost_with("/usr/bin/yes", &[], &Bounds::default());
    insta::assert_snapshot!(lost.join("\n"),
        @"/var/lib/dpkg/status: the worker answered nonsense (an answer of 175704697 bytes) and was ended");
    insta::assert_snapshot!(shell_with(r"printf '\002\000\000\000\007\007'; sleep 1000").join("\n"),
        @"/var/lib/dpkg/status: the worker answered nonsense (a frame that cannot be read: Serde Deserialization Error) and was ended");
}

#[test]
fn a_worker_that_died_is_followed_by_another_and_only_its_members_are_lost() {
    let launcher = launcher();
    let bounds = Bounds { silence: Duration::from_secs(20), ..Bounds::default() };
    // A worker that takes one request and is killed for it, once.
    let flag = tempfile::tempdir().unwrap();
    let script = format!(
        "if mkdir {0}/first 2>/dev/null; then kill -9 $$; fi; exec {1} worker",
        flag.path().display(),
        worker_program().display()
    );
    let dying = Launcher::program("/bin/sh", ["-c", &script]);
    let mut worker = Worker::new(&dying, &bounds);
    // Larger than the pipe, so that its end is seen while writing.
    let first = ask(&mut worker, "var/lib/dpkg/status", &[STATUS, &vec![b'\n'; 1 << 20]].concat());
    let second = ask(&mut worker, "var/lib/dpkg/status", STATUS);
    let answers = worker.finish();
    assert_eq!(answers.lost.len(), 1, "{:?}", answers.lost);
    assert!(names(&answers, first).is_empty());
    assert_eq!(names(&answers, second), ["a"]);
    drop(launcher);
}

#[test]
fn workers_are_not_started_again_and_again() {
    let launcher = Launcher::program("/bin/false", [""; 0]);
    let bounds = Bounds { restarts: 2, ..Bounds::default() };
    let mut worker = Worker::new(&launcher, &bounds);
    for _ in 0..5 {
        ask(&mut worker, "var/lib/dpkg/status", &vec![b'\n'; 1 << 20]);
    }
    let lost = worker.finish().lost;
    assert_eq!(lost.len(), 5);
    assert!(lost[4].ends_with("not read, since workers failed before"), "{lost:?}");
}

#[test]
fn a_layer_that_ends_in_the_middle_of_a_member_is_the_layers_error() {
    let (launcher, bounds) = (launcher(), Bounds::default());
    let mut worker = Worker::new(&launcher, &bounds);
    let readers = readers_of("var/lib/dpkg/status").collect();
    worker.ask("var/lib/dpkg/status", readers, 1000, &mut Cursor::new(STATUS)).unwrap_err();
}

#[test]
fn a_worker_can_be_tried_before_it_is_needed() {
    let ready = launcher().check().unwrap().unwrap();
    assert!(ready.seal.filtered);
    println!("landlock here: {:?}", ready.seal.landlock);
    let error = Launcher::program("/bin/true", [""; 0]).check().unwrap_err();
    assert_eq!(error.to_string(), "the worker ended with exit code 0 before it had answered");
}

#[test]
fn a_worker_with_a_second_thread_refuses_to_parse() {
    let lost = lost_with(worker_program().to_str().unwrap(), &["threads"], &Bounds::default());
    insta::assert_snapshot!(lost.join("\n"),
        @"/var/lib/dpkg/status: the worker that parses layers could not seal itself: counting this process's threads: there are 2, and only the first one would be sealed");
}
