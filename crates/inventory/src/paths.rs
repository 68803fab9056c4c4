//! Paths inside an image, relative to its root, and the links in them.

/// Links that one path may lead through, as the kernel has it (path_resolution(7)).
const MOST_LINKS: usize = 40;
/// Parts that are walked for one path. Forty links of the longest kind would make eighty thousand of them, for each
/// member of a layer that is made to waste time.
const MOST_PARTS: usize = 1024;

/// Where `path` leads when links are followed as for a process whose root is the image's: absolute targets begin at
/// it, and `..` does not leave it. The last part is followed only where `last_too`. None where there are too many
/// links, as in a loop, or parts. Whether the folders on the way exist is not asked: a link to `missing/../there`
/// leads to `there`, and finds a package where the kernel would find none.
pub(crate) fn follow<'a>(path: &'a str, last_too: bool, link_at: impl Fn(&str) -> Option<&'a str>) -> Option<String> {
    let mut real = String::with_capacity(path.len());
    let mut parts: Vec<&str> = path.rsplit('/').collect();
    let (mut links, mut walked) = (0, 0);
    while let Some(part) = parts.pop() {
        let before = real.len();
        match part {
            "" | "." => continue,
            ".." => {
                real.truncate(real.rfind('/').unwrap_or(0));
                continue;
            }
            _ if real.is_empty() => real.push_str(part),
            _ => {
                real.push('/');
                real.push_str(part);
            }
        }
        walked += 1;
        if walked > MOST_PARTS {
            return None;
        }
        let Some(target) = (last_too || !parts.is_empty()).then(|| link_at(&real)).flatten() else { continue };
        links += 1;
        if links > MOST_LINKS {
            return None;
        }
        real.truncate(if target.starts_with('/') { 0 } else { before });
        parts.extend(target.rsplit('/'));
    }
    Some(real)
}

/// A path and the folders above it, the shortest first, without the root.
pub(crate) fn with_ancestors(path: &str) -> impl Iterator<Item = &str> {
    let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
    ends.map(|end| &path[..end]).filter(|path| !path.is_empty())
}

/// The folder that a path is in (`""` for the root) and its name there.
pub(crate) fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// A name in a folder.
pub(crate) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn followed(path: &str, links: &[(&str, &'static str)]) -> Option<String> {
        let links: Vec<(String, &'static str)> = links.iter().map(|(path, to)| ((*path).to_owned(), *to)).collect();
        follow(&path.to_owned().leak()[..], true, |path| links.iter().find(|(at, _)| at == path).map(|(_, to)| *to))
    }

    #[test]
    fn links_are_followed_inside_the_image() {
        let links =
            [("lib", "usr/lib"), ("etc/os-release", "../usr/lib/os-release"), ("a", "/b"), ("b", "../../../c/.")];
        assert_eq!(followed("lib/apk/db/installed", &links).unwrap(), "usr/lib/apk/db/installed");
        assert_eq!(followed("etc/os-release", &links).unwrap(), "usr/lib/os-release");
        assert_eq!(followed("a/x", &links).unwrap(), "c/x");
        assert_eq!(followed("", &links).unwrap(), "");
    }

    #[test]
    fn a_loop_of_links_leads_nowhere() {
        assert_eq!(followed("a", &[("a", "b"), ("b", "a")]), None);
        assert_eq!(followed("a", &[("a", "a/a")]), None);
    }

    #[test]
    fn a_dot_dot_after_a_link_goes_up_from_where_the_link_leads() {
        assert_eq!(followed("x/../y", &[("x", "deep/er/")]).unwrap(), "deep/y");
    }

    #[test]
    fn ancestors_come_first() {
        assert_eq!(with_ancestors("a/b/c").collect::<Vec<_>>(), ["a", "a/b", "a/b/c"]);
        assert_eq!(with_ancestors("").count(), 0);
    }
}
