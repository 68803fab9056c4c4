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
}

impl Wanted {
    /// Whether the member of a layer at `path` is to be read.
    pub fn reads(&self, path: &str) -> bool {
        match self {
            Self::At(place) => name_of(path) == name_of(place),
            Self::In(place) => path.rsplit('/').nth(1) == Some(name_of(place)),
            Self::Anywhere(pattern) => matches(pattern, path),
        }
    }
}

fn name_of(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// Matches from the end, where most paths already differ.
fn matches(pattern: &str, path: &str) -> bool {
    let (rest, last) = pattern.rsplit_once('/').map_or((None, pattern), |(rest, last)| (Some(rest), last));
    if last == "**" {
        // Zero or more whole parts.
        let mut path = Some(path);
        loop {
            match (rest, path) {
                (None, _) | (Some(_), Some("")) => return rest.is_none(),
                (Some(rest), Some(left)) if matches(rest, left) => return true,
                (Some(_), Some(left)) => path = left.rsplit_once('/').map(|(left, _)| left),
                (Some(_), None) => return false,
            }
        }
    }
    let (left, name) = path.rsplit_once('/').map_or((None, path), |(left, name)| (Some(left), name));
    name_matches(last, name)
        && match (rest, left) {
            (None, None) | (Some("**"), None) => true,
            (Some(rest), Some(left)) => matches(rest, left),
            _ => false,
        }
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
