//! A light check that a page is sound: not a validator, but what goes wrong in templates.

use std::collections::{HashMap, HashSet};

const VOID: [&str; 12] = ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"];

/// What one page was found to hold.
#[derive(Default)]
struct Seen {
    open: Vec<String>,
    ids: HashSet<String>,
    references: Vec<String>,
    labelled: HashSet<String>,
    fields: Vec<String>,
    headings: Vec<u8>,
}

/// Tags are nested and closed, ids are unique, what refers to an id finds it, there is one `h1` and no level left out,
/// every field has a label, every picture an `alt`, every table a caption; and there is nothing that the security
/// policy would stop.
pub(crate) fn check(page: &str) {
    assert!(page.starts_with("<!doctype html>\n<html lang=\"en\">"), "{}", &page[..80.min(page.len())]);
    let mut seen = Seen::default();
    for tag in tags(page) {
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(seen.open.pop().as_deref(), Some(name.trim()), "closed out of turn"),
            None => seen.opened(tag),
        }
    }
    assert!(seen.open.is_empty(), "never closed: {:?}", seen.open);
    for reference in &seen.references {
        assert!(seen.ids.contains(reference), "nothing has the id {reference}");
    }
    for field in &seen.fields {
        assert!(seen.labelled.contains(field), "field {field:?} has no label");
    }
    assert_eq!(page.matches("<h1").count(), 1, "one h1");
    assert!(seen.headings.windows(2).all(|pair| pair[1] <= pair[0] + 1), "a level is left out: {:?}", seen.headings);
    assert_eq!(page.matches("<table").count(), page.matches("<caption").count(), "every table has a caption");
}

impl Seen {
    fn opened(&mut self, tag: &str) {
        let (name, attributes) = parse(tag);
        for (attribute, value) in &attributes {
            self.attribute(attribute, value, &attributes, tag);
        }
        match name.as_str() {
            "script" | "style" | "iframe" | "object" => panic!("<{name}> is forbidden by the security policy"),
            "img" => assert!(attributes.contains_key("alt"), "<{tag}> has no alt"),
            "input" | "select" => self.fields.push(attributes.get("id").cloned().unwrap_or_default()),
            "th" => assert!(attributes.contains_key("scope"), "<{tag}> has no scope"),
            "h1" | "h2" | "h3" | "h4" => self.headings.push(name.as_bytes()[1] - b'0'),
            _ => {}
        }
        if !VOID.contains(&name.as_str()) && name != "!doctype" {
            self.open.push(name);
        }
    }

    fn attribute(&mut self, attribute: &str, value: &str, all: &HashMap<String, String>, tag: &str) {
        assert!(!attribute.starts_with("on") && attribute != "style", "{attribute} in <{tag}>");
        match attribute {
            "id" => assert!(self.ids.insert(value.to_owned()), "id {value} stands twice"),
            "for" => {
                self.labelled.insert(value.to_owned());
                self.references.push(value.to_owned());
            }
            "aria-labelledby" => self.references.push(value.to_owned()),
            "href" if value.starts_with('#') => self.references.push(value[1..].to_owned()),
            "href" | "src" | "action" => {
                let outer = value.starts_with("https://") || value.starts_with("http://");
                assert!(outer || value.starts_with('/'), "{attribute}={value}");
                let rel = all.get("rel").map(String::as_str).unwrap_or_default();
                assert!(!outer || rel.contains("noreferrer"), "{value} tells where it was followed from");
            }
            _ => {}
        }
    }
}

fn tags(page: &str) -> impl Iterator<Item = &str> {
    page.split('<').skip(1).map(|piece| piece.split_once('>').expect("a tag that ends").0)
}

fn parse(tag: &str) -> (String, HashMap<String, String>) {
    let (name, rest) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
    let mut attributes = HashMap::new();
    let mut rest = rest.trim();
    while !rest.is_empty() {
        let end = rest.find(['=', ' ', '\n']).unwrap_or(rest.len());
        let attribute = rest[..end].to_owned();
        rest = &rest[end..];
        let mut value = String::new();
        if let Some(quoted) = rest.strip_prefix("=\"") {
            let (inner, after) = quoted.split_once('"').expect("a quoted value that ends");
            inner.clone_into(&mut value);
            rest = after;
        }
        assert!(attributes.insert(attribute.clone(), value).is_none(), "{attribute} stands twice in <{tag}>");
        rest = rest.trim();
    }
    (name.to_owned(), attributes)
}
