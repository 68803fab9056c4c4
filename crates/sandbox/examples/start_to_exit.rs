//! How long a container of `/bin/true` takes from its request until nothing of it is left.
//!
//! `start_to_exit SANDBOX TAR [RUNS]`, as root: `SANDBOX` is the built `plimsoll-sandbox`, `TAR` a plain tar with a
//! static `/bin/true`. Prints one line of JSON with milliseconds, for `bench/`.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A measurement that fails has nothing better to do.

use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use sandbox::{Broker, ContainerRequest, DiffId, Limits, Settings};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [program, tar, rest @ ..] = arguments.as_slice() else { panic!("start_to_exit SANDBOX TAR [RUNS]") };
    let runs: u32 = rest.first().map_or(50, |runs| runs.parse().expect("a number of runs"));
    let data = std::env::temp_dir().join(format!("plimsoll-start-{}", std::process::id()));
    std::fs::create_dir(&data).unwrap();
    let broker = Broker::start_program(Path::new(program), &Settings::new(&data)).unwrap();
    // The folder is new, so any name will do.
    let layer: DiffId = format!("sha256:{}", "0".repeat(64)).parse().unwrap();
    let mut unpacking = broker.unpack(&layer).unwrap();
    unpacking.write_all(&std::fs::read(tar).unwrap()).unwrap();
    unpacking.keep().unwrap();
    let times: Vec<[f64; 3]> = (0..runs).map(|run| once(&broker, &layer, run)).collect();
    let phase = |at: usize| {
        let mut phase: Vec<f64> = times.iter().map(|times| times[at]).collect();
        phase.sort_by(f64::total_cmp);
        format!("{{\"least\":{:.2},\"median\":{:.2}}}", phase[0], phase[phase.len() / 2])
    };
    let (made, exited, gone) = (phase(0), phase(1), phase(2));
    println!("{{\"runs\":{runs},\"until_made_ms\":{made},\"until_exit_ms\":{exited},\"until_gone_ms\":{gone}}}");
    drop(broker);
    std::fs::remove_dir_all(&data).unwrap();
}

/// Milliseconds until its process waits to be started, until it has ended, and until nothing of it is left.
fn once(broker: &Broker, layer: &DiffId, run: u32) -> [f64; 3] {
    let request = ContainerRequest {
        id: format!("{:08x}{run:08x}", std::process::id()).parse().unwrap(),
        name: None,
        hostname: "bench".into(),
        layers: vec![layer.clone()],
        args: vec!["/bin/true".into()],
        env: vec!["PATH=/bin".into()],
        cwd: "/".into(),
        user: String::new(),
        binds: Vec::new(),
        terminal: None,
        open_stdin: false,
        remove: true,
        limits: Limits::default(),
    };
    let started = Instant::now();
    let container = broker.create(&request).unwrap();
    let made = started.elapsed();
    container.start().unwrap();
    assert_eq!(container.wait().unwrap().code(), 0);
    let until_exit = started.elapsed();
    container.gone();
    [made, until_exit, started.elapsed()].map(|time| time.as_secs_f64() * 1e3)
}
