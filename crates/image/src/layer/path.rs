//! Paths inside a layer, made plain.

/// Longest path that Linux opens (`PATH_MAX`).
pub(super) const PATH_BYTES: usize = 4096;

/// Writes the path that `raw` means inside a root to `path`: relative, without `.`, `..` or empty parts.
///
/// `..` goes up one part and stays at the root there, as a process in a chroot sees it and as containerd unpacks it,
/// so that a name made to escape is still seen, at the place where it would land. It is taken by the text alone, as
/// Go's `path.Clean` does in docker, whatever symbolic links the layer has. Bytes that are not UTF-8 are replaced.
pub(crate) fn normalise(raw: &[u8], path: &mut String) {
    path.clear();
    for part in raw.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => path.truncate(path.rfind('/').unwrap_or(0)),
            _ => {
                if !path.is_empty() {
                    path.push('/');
                }
                path.push_str(&String::from_utf8_lossy(part));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_relative_and_plain_and_never_above_the_root() {
        for (raw, plain) in [
            ("", ""),
            (".", ""),
            ("/", ""),
            ("./", ""),
            ("./usr//bin/./perl", "usr/bin/perl"),
            ("/etc/passwd", "etc/passwd"),
            ("usr/", "usr"),
            ("../../etc/passwd", "etc/passwd"),
            ("usr/../../../etc/shadow", "etc/shadow"),
            ("usr/lib/../bin", "usr/bin"),
            ("..", ""),
            ("...", "..."),
            ("usr/..hidden/x..", "usr/..hidden/x.."),
        ] {
            let mut path = "left over".to_owned();
            normalise(raw.as_bytes(), &mut path);
            assert_eq!(path, plain, "{raw:?}");
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_replaced() {
        let mut path = String::new();
        normalise(b"usr/caf\xe9/x", &mut path);
        assert_eq!(path, "usr/caf\u{fffd}/x");
    }
}
