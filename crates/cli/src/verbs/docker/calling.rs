//! The command line of the process that called: docker does not tell its hooks what was pushed.

use anyhow::{Context as _, Result, bail};

/// Longest command line that is read.
const MOST_BYTES: u64 = 4 << 20;

/// Docker's variable for plugins: how docker itself was called (its `argv[0]`).
const ORIGINAL_COMMAND: &str = "DOCKER_CLI_PLUGIN_ORIGINAL_CLI_COMMAND";

/// The arguments of the docker that started this process, its own name left out.
pub(crate) fn arguments() -> Result<Vec<String>> {
    let Some(parent) = rustix::process::getppid() else { bail!("the docker that called is not there any more") };
    let arguments = of_process(parent.as_raw_nonzero().get())?;
    after_name(arguments, std::env::var(ORIGINAL_COMMAND).ok().as_deref())
}

/// Leaves the name out, where it is the one that docker says of itself: a process that has taken over an orphan is
/// another.
fn after_name(arguments: Vec<String>, name: Option<&str>) -> Result<Vec<String>> {
    let mut arguments = arguments.into_iter();
    match (arguments.next(), name) {
        (Some(first), Some(name)) if first == name => Ok(arguments.collect()),
        (Some(_), None) => Ok(arguments.collect()),
        (first, _) => bail!("the process that called is {:?} and not docker", first.unwrap_or_default()),
    }
}

/// proc(5): arguments end with a zero byte each.
#[cfg(target_os = "linux")]
fn of_process(pid: i32) -> Result<Vec<String>> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(format!("/proc/{pid}/cmdline"))
        .and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes))
        .with_context(|| format!("cannot read the command line of process {pid}"))?;
    Ok(from_zero_terminated(&bytes))
}

/// Where there is no `/proc` (macOS). ps(1) joins the arguments with blanks, so one that holds blanks falls apart: no
/// image's name does.
#[cfg(not(target_os = "linux"))]
fn of_process(pid: i32) -> Result<Vec<String>> {
    from_ps(|arguments| std::process::Command::new("/bin/ps").args(arguments).output(), pid)
}

#[cfg(target_os = "linux")]
fn from_zero_terminated(bytes: &[u8]) -> Vec<String> {
    let bytes = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    if bytes.is_empty() {
        return Vec::new();
    }
    bytes.split(|byte| *byte == 0).map(|argument| String::from_utf8_lossy(argument).into_owned()).collect()
}

#[cfg(any(test, not(target_os = "linux")))]
fn from_ps(ps: impl FnOnce(&[&str]) -> std::io::Result<std::process::Output>, pid: i32) -> Result<Vec<String>> {
    let output = ps(&["-ww", "-o", "args=", "-p", &pid.to_string()]).context("cannot run ps")?;
    if !output.status.success() || output.stdout.len() as u64 > MOST_BYTES {
        bail!("ps does not tell the command line of process {pid}");
    }
    let line = String::from_utf8_lossy(&output.stdout);
    Ok(line.split_whitespace().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(arguments: &[&str]) -> Vec<String> {
        arguments.iter().map(|&argument| argument.to_owned()).collect()
    }

    #[test]
    fn only_docker_itself_is_believed() {
        let arguments = || texts(&["/usr/bin/docker", "push", "app"]);
        assert_eq!(after_name(arguments(), Some("/usr/bin/docker")).unwrap(), ["push", "app"]);
        assert_eq!(after_name(arguments(), None).unwrap(), ["push", "app"]);
        let other = after_name(texts(&["/sbin/init"]), Some("docker")).unwrap_err();
        assert!(other.to_string().contains("not docker"), "{other}");
        assert!(after_name(Vec::new(), None).is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn empty_arguments_and_blanks_survive_in_proc() {
        assert_eq!(from_zero_terminated(b"docker\0push\0\0a b\0"), ["docker", "push", "", "a b"]);
        assert_eq!(from_zero_terminated(b""), Vec::<String>::new());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_reads_its_own_command_line() {
        let own: Vec<String> = std::env::args().collect();
        assert_eq!(of_process(i32::try_from(std::process::id()).unwrap()).unwrap(), own);
    }

    /// As macOS' ps prints it.
    #[test]
    fn a_line_of_ps_is_read() {
        use std::os::unix::process::ExitStatusExt as _;
        let ps = |arguments: &[&str]| {
            assert_eq!(arguments, ["-ww", "-o", "args=", "-p", "42"]);
            let stdout = b"/usr/local/bin/docker push -q localhost:5000/team/app:v1\n".to_vec();
            Ok(std::process::Output { status: std::process::ExitStatus::from_raw(0), stdout, stderr: Vec::new() })
        };
        let read = from_ps(ps, 42).unwrap();
        assert_eq!(read, ["/usr/local/bin/docker", "push", "-q", "localhost:5000/team/app:v1"]);
        let gone = |_: &[&str]| {
            let status = std::process::ExitStatus::from_raw(1 << 8);
            Ok(std::process::Output { status, stdout: Vec::new(), stderr: Vec::new() })
        };
        assert!(from_ps(gone, 42).is_err());
    }
}
