//! Processes as `/proc` shows them.

use std::collections::BTreeMap;
use std::fs;

/// A process at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    /// Its number.
    pub(crate) pid: u32,
    /// Arguments, separated by spaces.
    pub(crate) arguments: String,
    parent: u32,
    status: BTreeMap<String, String>,
}

impl Process {
    /// Every process that can be read now.
    pub(crate) fn all() -> Vec<Self> {
        let entries = fs::read_dir("/proc").expect("/proc");
        let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        numbers.filter_map(Self::read).collect()
    }

    /// A process and all below it.
    pub(crate) fn family(root: u32) -> Vec<Self> {
        let all = Self::all();
        let mut family: Vec<Self> = all.iter().filter(|process| process.pid == root).cloned().collect();
        let mut at = 0;
        while at < family.len() {
            let parent = family[at].pid;
            family.extend(all.iter().filter(|process| process.parent == parent).cloned());
            at += 1;
        }
        family
    }

    fn read(pid: u32) -> Option<Self> {
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let pairs = status.lines().filter_map(|line| line.split_once(':'));
        let status: BTreeMap<_, _> = pairs.map(|(key, value)| (key.to_owned(), value.trim().to_owned())).collect();
        Some(Self {
            pid,
            arguments: String::from_utf8_lossy(&arguments).trim_end_matches('\0').replace('\0', " "),
            parent: status.get("PPid")?.parse().ok()?,
            status,
        })
    }

    /// Real, effective, saved and file system uid.
    pub(crate) fn uids(&self) -> Vec<u32> {
        self.status["Uid"].split_whitespace().map(|uid| uid.parse().expect("a uid")).collect()
    }

    /// A field of `/proc/PID/status`.
    pub(crate) fn field(&self, name: &str) -> &str {
        &self.status[name]
    }

    /// The sets of capabilities that a process could use or get: permitted, effective, inheritable, ambient.
    pub(crate) fn capabilities(&self) -> [u64; 4] {
        ["CapPrm", "CapEff", "CapInh", "CapAmb"]
            .map(|set| u64::from_str_radix(self.field(set), 16).expect("hexadecimal"))
    }

    /// The ends of its sockets, as `/proc/PID/fd` names them.
    pub(crate) fn sockets(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(format!("/proc/{}/fd", self.pid)) else { return Vec::new() };
        let links = entries.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
        links
            .filter_map(|link| link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']').map(ToOwned::to_owned))
            .collect()
    }
}

/// The inodes of TCP and UDP sockets in this network namespace.
pub(crate) fn internet_sockets() -> Vec<String> {
    let tables = ["tcp", "tcp6", "udp", "udp6", "raw", "raw6"];
    let text = tables.map(|table| fs::read_to_string(format!("/proc/net/{table}")).unwrap_or_default()).concat();
    text.lines().filter_map(|line| line.split_whitespace().nth(9).map(ToOwned::to_owned)).collect()
}

/// The number of a user of this machine.
pub(crate) fn uid_of(user: &str) -> u32 {
    let passwd = fs::read_to_string("/etc/passwd").expect("/etc/passwd");
    let line =
        passwd.lines().find(|line| line.starts_with(&format!("{user}:"))).unwrap_or_else(|| panic!("no user {user}"));
    line.split(':').nth(2).and_then(|uid| uid.parse().ok()).expect("a uid in /etc/passwd")
}
