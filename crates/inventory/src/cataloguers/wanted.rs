//! Which files a cataloguer reads, and which of those count.

/// A place in an image.
///
/// Reading and counting are apart because a layer is seen before the image: `/var/lib/dpkg/status` may be reached
/// through a link that another layer makes. So a layer's walk reads every file that could be the one by its name, and
/// the merge, which knows all links, counts the one that the place leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The file at this path, links followed (`var/lib/dpkg/status`).
    At(&'static str),
    /// The files directly in the folder at this path, links to the folder followed (`var/lib/dpkg/status.d`).
    In(&'static str),
    /// Every file whose path matches: `**` stands for any number of folders, `*` for any part of one name.
    Anywhere(&'static str),
    /// Every file that begins as an ELF program or library, a Mach-O or a PE, whatever its path and mode, if it bears
    /// one of the marks of what tells of packages. Parts that hold machine code may be zeros.
    Executable,
}

impl Wanted {
    /// Whether the member of a layer at `path` is to be read for its path.
    pub fn reads(&self, path: &str) -> bool {
        match self {
            Self::At(place) => name_of(path) == name_of(place),
            Self::In(place) => path.rsplit('/').nth(1) == Some(name_of(place)),
            Self::Anywhere(pattern) => matches(pattern, path),
            Self::Executable => false,
        }
    }
}

fn name_of(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// Matches from the end, where most paths already differ.
fn matches(pattern: &str, path: &str) -> bool {
    let (patterns, last) = split_last(pattern);
    if last == "**" {
        let Some(patterns) = patterns else { return true };
        let mut left = Some(path);
        while let Some(path) = left {
            if matches(patterns, path) {
                return true;
            }
            left = split_last(path).0;
        }
        return false;
    }
    let (folders, name) = split_last(path);
    name_matches(last, name)
        && match (patterns, folders) {
            (None | Some("**"), None) => true,
            (Some(patterns), Some(folders)) => matches(patterns, folders),
            _ => false,
        }
}

fn split_last(path: &str) -> (Option<&str>, &str) {
    path.rsplit_once('/').map_or((None, path), |(rest, last)| (Some(rest), last))
}

/// Matches one name against a pattern with at most one `*`.
fn name_matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => {
            name.len() >= before.len() + after.len() && name.starts_with(before) && name.ends_with(after)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_stars_stand_for_any_number_of_folders() {
        let pattern = "**/node_modules/*/package.json";
        assert!(matches(pattern, "node_modules/a/package.json"));
        assert!(matches(pattern, "x/y/node_modules/a/package.json"));
        assert!(matches(pattern, "node_modules/a/node_modules/b/package.json"));
        assert!(!matches(pattern, "node_modules/a/lib/package.json"));
        assert!(!matches(pattern, "node_modules/package.json"));
        assert!(!matches(pattern, "my_node_modules/a/package.json"));
        assert!(matches("a/**/c", "a/c"));
        assert!(matches("a/**/c", "a/b/b/c"));
        assert!(!matches("a/**/c", "b/c"));
        assert!(!matches("a/**/c", "c"));
    }

    #[test]
    fn one_star_stays_inside_a_name() {
        assert!(matches("**/*.dist-info/METADATA", "lib/a-1.dist-info/METADATA"));
        assert!(matches("**/*.dist-info/METADATA", ".dist-info/METADATA"));
        assert!(!matches("**/*.dist-info/METADATA", "lib/a.dist-info/x/METADATA"));
        assert!(!name_matches("ab*ba", "aba"), "the star's sides do not overlap");
    }

    #[test]
    fn a_path_full_of_the_same_folder_is_matched_in_a_time_that_grows_with_it_only() {
        let deep = "node_modules/".repeat(300) + "x/package.jsonn";
        assert!(!matches("**/node_modules/@*/*/package.json", &deep));
    }
}
