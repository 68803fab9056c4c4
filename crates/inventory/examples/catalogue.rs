//! Catalogues layers as a scan does and says what it took: `catalogue FILE…`, base first, `-` for standard input.
//!
//! Prints the packages with their layers, then one line of figures: bytes, seconds, and the peak of anonymous memory
//! of this process and its workers together.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use inventory::layer::{Limits, catalogue};
use inventory::merge;
use inventory::worker::{Launcher, serve};

fn main() -> ExitCode {
    let names: Vec<_> = std::env::args_os().skip(1).collect();
    if names.first().is_some_and(|name| name == "worker") {
        return serve();
    }
    match run(&names) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("catalogue: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(names: &[std::ffi::OsString]) -> Result<(), Box<dyn std::error::Error>> {
    // As `plimsoll` itself does, which holds keys and credentials; a worker must start all the same.
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    let launcher = Launcher::this_program()?;
    let done = AtomicBool::new(false);
    let started = Instant::now();
    let mut bytes = 0;
    let mut kept = 0;
    let (records, peak) = std::thread::scope(|scope| -> Result<_, Box<dyn std::error::Error>> {
        let watch = scope.spawn(|| peak_until(&done));
        let read = names.iter().map(|name| {
            let input: Box<dyn Read + Send> =
                if name == "-" { Box::new(io::stdin()) } else { Box::new(File::open(name)?) };
            let (walked, record) = catalogue(input, &Limits::default(), &launcher)?;
            bytes += walked.uncompressed_size;
            kept += record.to_bytes()?.len();
            Ok(record)
        });
        let records: Result<Vec<_>, Box<dyn std::error::Error>> = read.collect();
        done.store(true, Ordering::Relaxed);
        let peak = watch.join().map_err(|_| "the thread that watches memory failed")?;
        Ok((records?, peak))
    })?;
    let walked = started.elapsed();
    let inventory = merge(&records);
    let merged = started.elapsed().saturating_sub(walked);
    let mut output = io::stdout().lock();
    for located in &inventory.packages {
        writeln!(output, "{} {} {}", located.layer, located.purl, located.place())?;
    }
    for warning in &inventory.warnings {
        writeln!(output, "! {warning}")?;
    }
    writeln!(
        output,
        "{} packages, {bytes} bytes of tar, {kept} bytes of records, walked in {:.3} s, merged in {:.4} s, peak {} KiB",
        inventory.packages.len(),
        walked.as_secs_f64(),
        merged.as_secs_f64(),
        peak
    )?;
    Ok(())
}

/// The largest sum of anonymous memory, in KiB, of this process and its children at any one look.
fn peak_until(done: &AtomicBool) -> u64 {
    let mut peak = 0;
    loop {
        let last = done.load(Ordering::Relaxed);
        let own = anonymous("self");
        let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
        let children: String =
            tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok()).collect();
        peak = peak.max(own + children.split_whitespace().map(anonymous).sum::<u64>());
        if last {
            return peak;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn anonymous(process: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|value| value.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
