//! Who a container's process is: the image's user by name, looked up in the image's own files.
//!
//! These files are the image's, so they are read by a child that has given up everything: it lives in the
//! container's root file system, with the ids of the container's root, without a capability.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::process::{Resource, Rlimit, WaitOptions};
use rustix::thread::{Gid, Uid};
use sandbox::channel::Channel;
use serde::{Deserialize, Serialize};

use super::Failure;
use crate::system;

/// Most bytes that are read of `/etc/passwd` or `/etc/group`, and most of one line.
const MAX_FILE: u64 = 16 << 20;
const MAX_LINE: usize = 64 << 10;

/// Most groups that a user is put in.
const MAX_GROUPS: usize = 1024;

/// A user in the container's own numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct User {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) groups: Vec<u32>,
    pub(super) home: String,
}

/// Looks a user up, and makes the folder that the process starts in where it is missing (as docker does).
pub(super) fn look_up(root: &Path, owner: u32, user: &str, cwd: &str) -> Result<User, Failure> {
    let run = || -> io::Result<Result<User, String>> {
        let (ours, theirs) = Channel::pair()?;
        let child = system::fork(|| {
            let found = enter(root, owner).map_err(|error| format!("cannot enter the image: {error}")).and_then(|()| {
                make_folder(cwd)?;
                find(user)
            });
            u8::from(theirs.send(&found, &[]).is_err())
        })?;
        drop(theirs);
        let answer = ours.receive::<Result<User, String>>();
        rustix::process::waitpid(Some(child), WaitOptions::empty())?;
        Ok(answer.map_err(io::Error::other)?.0)
    };
    match run() {
        Ok(Ok(user)) => Ok(user),
        Ok(Err(reason)) => Err(Failure { code: 125, reason }),
        Err(error) => Err(Failure::of("look up the user in the image", error)),
    }
}

/// Makes the image's root this process' root, and gives up everything.
fn enter(root: &Path, owner: u32) -> io::Result<()> {
    rustix::process::chroot(root)?;
    rustix::process::chdir("/")?;
    for (resource, most) in
        [(Resource::As, 256 << 20), (Resource::Cpu, 10), (Resource::Fsize, 0), (Resource::Nofile, 64)]
    {
        rustix::process::setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    let (uid, gid) = (Uid::from_raw(owner), Gid::from_raw(owner));
    rustix::thread::set_thread_groups(&[])?;
    rustix::thread::set_thread_res_gid(gid, gid, gid)?;
    rustix::thread::set_thread_res_uid(uid, uid, uid)?;
    rustix::thread::set_no_new_privs(true)?;
    Ok(())
}

fn make_folder(cwd: &str) -> Result<(), String> {
    match std::fs::create_dir_all(cwd) {
        // A file in the way is told when the container changes into it.
        Ok(()) => Ok(()),
        Err(_) if Path::new(cwd).exists() => Ok(()),
        Err(error) => Err(format!("cannot make the working folder {cwd} in the container: {error}")),
    }
}

/// Reads `USER[:GROUP]` as the image specification has it: names or numbers, the group from the user's entry and the
/// other groups from `/etc/group` where none is named.
fn find(text: &str) -> Result<User, String> {
    let (name, group) = match text.split_once(':') {
        Some((name, group)) => (name, Some(group).filter(|group| !group.is_empty())),
        None => (text, None),
    };
    let name = if name.is_empty() { "0" } else { name };
    let entry = entry("/etc/passwd", |fields| fields.len() >= 6 && (fields[0] == name || fields[2] == name))?;
    let number = |text: &str| text.parse::<u32>().ok().filter(|id| *id < crate::ranges::BLOCK);
    let (uid, own_group, home, login) = match &entry {
        Some(fields) => {
            let wrong = || format!("the line of user {name:?} in the image's /etc/passwd holds no numbers below 65536");
            let (uid, gid) = (number(&fields[2]).ok_or_else(wrong)?, number(&fields[3]).ok_or_else(wrong)?);
            (uid, gid, fields[5].clone(), Some(fields[0].clone()))
        }
        None => match number(name) {
            Some(uid) => (uid, 0, String::new(), None),
            None => return Err(format!("the image has no user {name:?} in /etc/passwd; choose another with -u")),
        },
    };
    let gid = match group {
        None => own_group,
        Some(group) => {
            let entry =
                self::entry("/etc/group", |fields| fields.len() >= 3 && (fields[0] == group || fields[2] == group))?;
            let found = entry.and_then(|fields| number(&fields[2])).or_else(|| number(group));
            found.ok_or_else(|| format!("the image has no group {group:?} in /etc/group; choose another with -u"))?
        }
    };
    let mut groups = match (&login, group) {
        (Some(login), None) => groups_of(login, &number)?,
        _ => Vec::new(),
    };
    // Else a process could leave its own group, and modes that deny something to it, behind (CVE-2022-36109).
    if !groups.contains(&gid) {
        groups.insert(0, gid);
    }
    let home = if home.starts_with('/') && !home.contains('\0') { home } else { "/".into() };
    Ok(User { uid, gid, groups, home })
}

/// The groups that list a user as their member.
fn groups_of(login: &str, number: &impl Fn(&str) -> Option<u32>) -> Result<Vec<u32>, String> {
    let mut groups = Vec::new();
    entry("/etc/group", |fields| {
        if fields.len() >= 4
            && groups.len() < MAX_GROUPS
            && fields[3].split(',').any(|member| member == login)
            && let Some(gid) = number(&fields[2])
        {
            groups.push(gid);
        }
        false
    })?;
    Ok(groups)
}

/// The first line of a file whose fields are wanted. A file that is missing or no file has none.
fn entry(path: &str, mut wanted: impl FnMut(&[String]) -> bool) -> Result<Option<Vec<String>>, String> {
    // Non-blocking: the image may have a FIFO there.
    let opened = std::fs::OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path);
    let Ok(file) = opened else { return Ok(None) };
    if !file.metadata().is_ok_and(|about| about.is_file()) {
        return Ok(None);
    }
    let mut lines = BufReader::new(File::take(file, MAX_FILE));
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = lines.by_ref().take(MAX_LINE as u64).read_until(b'\n', &mut line);
        match read {
            Ok(0) => return Ok(None),
            Ok(_) => {}
            Err(error) => return Err(format!("cannot read the image's {path}: {error}")),
        }
        let text = String::from_utf8_lossy(&line);
        let fields: Vec<String> = text.trim_end().split(':').map(str::to_owned).collect();
        if wanted(&fields) {
            return Ok(Some(fields));
        }
    }
}
