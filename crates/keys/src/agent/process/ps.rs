//! What macOS' ps(1) says of one process.

use std::path::PathBuf;

use super::Process;

/// What it is asked for; the process' number comes after.
pub(super) const ARGUMENTS: [&str; 8] = ["-ww", "-o", "ppid=", "-o", "tty=", "-o", "comm=", "-p"];

/// A line of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The process.
    pub(super) process: Process,
    /// The file of its terminal, where it has one.
    pub(super) terminal: Option<String>,
}

/// `PARENT TERMINAL PATH`, where the path may hold blanks and a process without a terminal has question marks.
pub(super) fn read(text: &str) -> Option<Line> {
    let (parent, rest) = text.trim().split_once(char::is_whitespace)?;
    let (terminal, path) = rest.trim_start().split_once(char::is_whitespace)?;
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let terminal = is_name(terminal).then(|| format!("/dev/{terminal}"));
    let path = path.trim();
    let name = path.rsplit('/').next().unwrap_or(path).to_owned();
    let program = path.starts_with('/').then(|| PathBuf::from(path));
    Some(Line { process: Process { name, program, parent: parent.parse().ok()? }, terminal })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(parent: u32, terminal: Option<&str>, name: &str, program: Option<&str>) -> Line {
        let process = Process { name: name.into(), program: program.map(PathBuf::from), parent };
        Line { process, terminal: terminal.map(str::to_owned) }
    }

    #[test]
    fn a_process_with_and_without_a_terminal_is_read() {
        assert_eq!(ARGUMENTS.join(" "), "-ww -o ppid= -o tty= -o comm= -p");
        let cosign = "  501 ttys003  /opt/homebrew/bin/cosign\n";
        assert_eq!(read(cosign), Some(line(501, Some("/dev/ttys003"), "cosign", Some("/opt/homebrew/bin/cosign"))));
        let desktop = "    1 ??       /Applications/Docker Desktop.app/Contents/MacOS/Docker Desktop\n";
        let path = "/Applications/Docker Desktop.app/Contents/MacOS/Docker Desktop";
        assert_eq!(read(desktop), Some(line(1, None, "Docker Desktop", Some(path))));
        assert_eq!(read("77 ttys000 -zsh"), Some(line(77, Some("/dev/ttys000"), "-zsh", None)));
    }

    #[test]
    fn what_is_no_line_of_ps_is_nothing() {
        for text in ["", "\n", "1", "1 ??", "one ttys000 /bin/sh", "-1 ttys000 /bin/sh"] {
            assert_eq!(read(text), None, "{text:?}");
        }
        assert_eq!(read("1 ../x /bin/sh").unwrap().terminal, None, "no path leads out of /dev");
    }
}
