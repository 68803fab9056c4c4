//! CycloneDX as XML: each component becomes what the JSON says of it, so that one reader serves both.
//!
//! Neither external entities nor document types are ever followed or expanded: the reader knows none.

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};
use serde_json::{Map, Value, json};

use super::collector::Collector;
use super::{SbomError, cyclonedx};

/// Elements within elements.
const DEEPEST: usize = 128;
/// Most properties and licences of a component that are kept, each.
const MOST: usize = 1000;
/// Most bytes of one text.
const LONGEST: usize = 64 << 10;

/// Reads a document and gives its format.
pub(super) fn read(text: &[u8], collector: &mut Collector<'_>) -> Result<String, SbomError> {
    let text = String::from_utf8_lossy(text);
    let mut reader = Reader::from_str(&text);
    let config = reader.config_mut();
    config.expand_empty_elements = true;
    let mut state = State { path: Vec::new(), open: Vec::new(), text: String::new(), version: None };
    loop {
        let malformed =
            |reason: String, at: u64| SbomError::Malformed { format: "XML", reason: format!("{reason} at byte {at}") };
        let event = reader.read_event().map_err(|error| malformed(error.to_string(), reader.error_position()))?;
        match event {
            Event::Start(element) => {
                if state.path.len() >= DEEPEST {
                    let reason = format!("elements lie more than {DEEPEST} deep");
                    return Err(malformed(reason, reader.buffer_position()));
                }
                state.start(&element);
            }
            Event::End(_) => state.end(collector),
            Event::Text(text) => state.add(&text),
            Event::CData(text) => state.add(&text),
            Event::GeneralRef(reference) => {
                let character = reference.resolve_char_ref().ok().flatten();
                match character {
                    Some(character) => state.add(character.encode_utf8(&mut [0; 4])),
                    None => state.add(match &*reference {
                        "amp" => "&",
                        "lt" => "<",
                        "gt" => ">",
                        "quot" => "\"",
                        "apos" => "'",
                        // An entity of a document type, which is not expanded.
                        _ => "",
                    }),
                }
            }
            Event::Eof if state.path.is_empty() => break,
            Event::Eof => return Err(malformed("it breaks off".into(), reader.buffer_position())),
            // Empty elements come as a start and an end.
            Event::Empty(_) | Event::Decl(_) | Event::DocType(_) | Event::Comment(_) | Event::PI(_) => {}
        }
    }
    match state.version {
        Some(version) => Ok(format!("CycloneDX {version} XML")),
        None => Err(SbomError::Unknown),
    }
}

/// Where the reader is.
struct State {
    /// Names of the open elements.
    path: Vec<String>,
    /// Open components, each with the depth at which it stands.
    open: Vec<(usize, Map<String, Value>)>,
    /// Text since the last tag.
    text: String,
    version: Option<String>,
}

impl State {
    fn start(&mut self, element: &BytesStart<'_>) {
        let name = element.local_name().as_ref().to_owned();
        self.text.clear();
        match name.as_str() {
            "bom" if self.path.is_empty() => {
                let namespace = attribute(element, "xmlns").or_else(|| {
                    let prefixed =
                        element.attributes().flatten().find(|attribute| attribute.key.as_ref().starts_with("xmlns:"));
                    prefixed.map(|attribute| attribute.value.into_owned())
                });
                let version =
                    namespace.as_deref().and_then(|space| space.strip_prefix("http://cyclonedx.org/schema/bom/"));
                self.version = version.map(|version| version.chars().filter(|c| !c.is_control()).take(8).collect());
            }
            "component" => {
                let kind = attribute(element, "type").unwrap_or_default();
                self.open.push((self.path.len(), Map::from_iter([("type".to_owned(), kind.into())])));
            }
            "property" => {
                if let Some(named) = attribute(element, "name") {
                    self.push("properties", json!({ "name": named }));
                }
            }
            _ => {}
        }
        self.path.push(name);
    }

    fn add(&mut self, text: &str) {
        if self.text.len() + text.len() <= LONGEST {
            self.text.push_str(text);
        }
    }

    fn end(&mut self, collector: &mut Collector<'_>) {
        let Some(name) = self.path.pop() else { return };
        let depth = self.path.len();
        let value = std::mem::take(&mut self.text).trim().to_owned();
        let Some((at, _)) = self.open.last() else { return };
        let inside = depth - at.min(&depth);
        let parent = self.path.last().map_or("", String::as_str).to_owned();
        match (name.as_str(), parent.as_str(), inside) {
            ("component", _, 0) => {
                let Some((_, component)) = self.open.pop() else { return };
                let component = Value::Object(component);
                if parent == "metadata" {
                    cyclonedx::metadata(&json!({ "component": component }), collector);
                } else if !self.path.iter().any(|name| name == "tools" || name == "pedigree") {
                    cyclonedx::component(&component, collector);
                }
            }
            ("name" | "version" | "group" | "purl" | "publisher" | "description", "component", 1) => {
                if let Some((_, component)) = self.open.last_mut() {
                    component.insert(name, value.into());
                }
            }
            ("id" | "name", "license", 3) => self.push("licenses", json!({ "license": { name: value } })),
            ("expression", "licenses", 2) => self.push("licenses", json!({ "expression": value })),
            ("property", "properties", 2) => self.value_of_property(value),
            _ => {}
        }
    }

    fn push(&mut self, field: &str, value: Value) {
        let Some((_, component)) = self.open.last_mut() else { return };
        if let Value::Array(list) = component.entry(field).or_insert_with(|| Value::Array(Vec::new()))
            && list.len() < MOST
        {
            list.push(value);
        }
    }

    fn value_of_property(&mut self, value: String) {
        let Some((_, component)) = self.open.last_mut() else { return };
        if let Some(Value::Object(property)) =
            component.get_mut("properties").and_then(Value::as_array_mut).and_then(|list| list.last_mut())
        {
            property.entry("value").or_insert_with(|| value.into());
        }
    }
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = element.attributes().flatten().find(|attribute| attribute.key.as_ref() == name)?;
    found.normalized_value(XmlVersion::Implicit1_0).ok().map(std::borrow::Cow::into_owned)
}
