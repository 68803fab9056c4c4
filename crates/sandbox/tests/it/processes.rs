//! How programs start, end, and are talked to.

use std::io::{Read as _, Write as _};

use sandbox::{Exit, Stdio};

use crate::house::{House, can_run, finish};

#[test]
fn exit_codes_are_dockers() {
    if !can_run() {
        return;
    }
    let house = House::new();
    assert_eq!(house.run(&[], "exit 7").exit.code(), 7);
    assert_eq!(house.run(&[], "kill -KILL $$; sleep 1; exit 3").exit.code(), 3, "PID 1 is immune to itself");
    let mut request = house.request(&[], "");
    request.args = vec!["no-such-program".into()];
    let error = house.run_request(&request).unwrap_err();
    assert_eq!(error.exit_code(), 127, "{error}");
    assert!(error.to_string().contains("no-such-program"), "{error}");
    request.id = crate::house::unique_id();
    request.args = vec!["/bin/missing".into()];
    assert_eq!(house.run_request(&request).unwrap_err().exit_code(), 127);
    request.id = crate::house::unique_id();
    request.args = vec!["/etc/passwd".into()];
    let error = house.run_request(&request).unwrap_err();
    assert_eq!(error.exit_code(), 126, "{error}");
    request.id = crate::house::unique_id();
    request.args = vec!["/etc".into()];
    assert_eq!(house.run_request(&request).unwrap_err().exit_code(), 126);
}

#[test]
fn a_signal_reaches_the_process_and_its_number_comes_back() {
    if !can_run() {
        return;
    }
    let house = House::new();
    let mut request = house.request(&[], "");
    // As its own first process it would ignore SIGTERM; so a handler says that it came.
    request.args = ["/bin/sh", "-c", "trap 'echo told; exit 9' TERM; echo ready; while :; do sleep 0.05; done"]
        .map(str::to_owned)
        .to_vec();
    let mut container = house.broker.create(&request).unwrap();
    let controls = container.controls().unwrap();
    container.start().unwrap();
    let Some(Stdio::Pipes { mut stdout, .. }) = container.take_stdio() else { panic!() };
    let mut ready = [0; 6];
    stdout.read_exact(&mut ready).unwrap();
    controls.signal(15).unwrap();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!((container.wait().unwrap(), rest.as_str()), (Exit::Code(9), "told\n"));
    request.id = crate::house::unique_id();
    let container = house.broker.create(&request).unwrap();
    container.start().unwrap();
    container.controls().unwrap().signal(9).unwrap();
    let exit = container.wait().unwrap();
    assert_eq!((exit, exit.code()), (Exit::Signal(9), 137));
}

#[test]
fn stdin_is_read_to_its_end_and_output_goes_on_after_it() {
    if !can_run() {
        return;
    }
    let house = House::new();
    let mut request = house.request(&[], "cat; echo end");
    request.open_stdin = true;
    let mut container = house.broker.create(&request).unwrap();
    container.start().unwrap();
    let Some(Stdio::Pipes { stdin: Some(mut stdin), mut stdout, .. }) = container.take_stdio() else { panic!() };
    stdin.write_all(b"hello ").unwrap();
    drop(stdin);
    let mut text = String::new();
    stdout.read_to_string(&mut text).unwrap();
    assert_eq!((container.wait().unwrap(), text.as_str()), (Exit::Code(0), "hello end\n"));
    // Without it there is nothing to read, and nothing of the host's.
    let outcome = house.run(&[], "cat; readlink /proc/self/fd/0");
    assert_eq!(outcome.stdout, "/dev/null\n");
}

#[test]
fn output_can_be_opened_anew_and_no_other_descriptor_is_inherited() {
    if !can_run() {
        return;
    }
    let house = House::new();
    // Not into a pipe, whose end the shell would still have, and not as the last command, which the shell becomes.
    let mut request = house.request(&[], "echo out > /dev/stdout; echo err > /dev/stderr; ls /proc/$$/fd; true");
    request.user = "alice".into();
    let outcome = house.run_request(&request).unwrap();
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("out\n0\n1\n2\n", "err\n"), "{outcome:?}");
}

#[test]
fn the_environment_is_what_was_asked_for_and_the_working_folder_is_made() {
    if !can_run() {
        return;
    }
    let house = House::new();
    let mut request = house.request(&[], "pwd; cat /proc/self/environ");
    request.env = vec!["PATH=/bin".into(), "COLOUR=red".into()];
    request.cwd = "/srv/new/folder".into();
    let outcome = house.run_request(&request).unwrap();
    let (folder, environment) = outcome.stdout.split_once('\n').unwrap();
    assert_eq!(folder, "/srv/new/folder");
    let mut names: Vec<&str> = environment.split('\0').filter_map(|variable| variable.split('=').next()).collect();
    names.sort_unstable();
    names.retain(|name| !matches!(*name, "" | "PWD" | "SHLVL" | "OLDPWD" | "_"));
    assert_eq!(names, ["COLOUR", "HOME", "PATH"], "{environment:?}");
    // A descriptor of ours as working folder (CVE-2024-21626) is none.
    request.id = crate::house::unique_id();
    request.cwd = "/proc/self/fd/7".into();
    assert!(house.run_request(&request).is_err());
}

#[test]
fn a_program_that_writes_into_a_closed_pipe_is_told_so() {
    if !can_run() {
        return;
    }
    // SIGPIPE has its default meaning, though Rust's runtime ignores it for itself.
    let outcome = House::new().run(&[], "{ while :; do echo y; done; } | head -n 1");
    assert_eq!(outcome.stdout, "y\n");
}

#[test]
fn a_name_belongs_to_one_running_container() {
    if !can_run() {
        return;
    }
    let house = House::new();
    let mut request = house.request(&[], "sleep 60");
    let name = format!("quay-{}", request.id.as_str());
    request.name = Some(name.clone());
    let first = house.broker.create(&request).unwrap();
    let mut other = house.request(&[], "true");
    other.name = Some(name);
    let error = house.broker.create(&other).unwrap_err().to_string();
    assert!(error.contains(request.id.as_str()), "{error}");
    drop(first);
}

#[test]
fn a_container_can_be_made_and_given_up_without_being_started() {
    if !can_run() {
        return;
    }
    let house = House::new();
    let request = house.request(&[], "true");
    let container = house.broker.create(&request).unwrap();
    let pid = container.pid();
    container.give_up();
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    let mut again = house.broker.create(&request).unwrap();
    again.start().unwrap();
    assert_eq!(finish(&mut again).exit, Exit::Code(0));
}
