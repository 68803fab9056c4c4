//! JSON of any of the formats, told apart by its fields while it is read: a list's packages may stand before the field
//! that says what it is.

use std::fmt;

use serde::Deserialize as _;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use super::collector::Collector;
use super::{SbomError, cyclonedx, own, spdx, syft};

/// Most bytes of one entry. As a value in memory it has some twenty times as many.
const ENTRY_BYTES: usize = 4 << 20;
/// Statements within statements that are looked into.
const DEEPEST: usize = 4;

/// Reads a document and gives its format.
pub(super) fn read(text: &[u8], collector: &mut Collector<'_>) -> Result<String, SbomError> {
    let malformed = |error: serde_json::Error| SbomError::Malformed { format: "JSON", reason: error.to_string() };
    let mut reading = Reading { collector, marks: Marks::default(), spdx: spdx::Document::default() };
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    Document { reading: &mut reading, depth: 0 }.deserialize(&mut deserializer).map_err(malformed)?;
    deserializer.end().map_err(malformed)?;
    let Reading { collector, marks, spdx } = reading;
    spdx.finish(collector);
    marks.format()
}

/// What a document says that it is.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one for each mark")]
struct Marks {
    cyclonedx: bool,
    spec_version: Option<String>,
    spdx_version: Option<String>,
    is_spdx3: bool,
    syft: bool,
    /// The version of our own shape, and whether there is what only it has.
    schema_version: Option<String>,
    own: bool,
}

impl Marks {
    fn format(self) -> Result<String, SbomError> {
        if self.cyclonedx {
            return Ok(format!("CycloneDX {} JSON", self.spec_version.unwrap_or_default()));
        }
        match self.spdx_version {
            Some(version) if version.starts_with("SPDX-2.") => {
                return Ok(format!("{} JSON", version.replace('-', " ")));
            }
            Some(_) => return Err(SbomError::Unsupported("SPDX of another version", "write SPDX 2.3 or CycloneDX")),
            None => {}
        }
        match self {
            _ if self.syft => Ok("Syft JSON".into()),
            Marks { own: true, schema_version: Some(version), .. } => match version.split('.').next() {
                Some("1") => Ok(format!("Plimsoll JSON {version}")),
                _ => Err(SbomError::Unsupported("Plimsoll's JSON of a later version", "write it as CycloneDX")),
            },
            _ if self.is_spdx3 => Err(SbomError::Unsupported("SPDX 3", "write SPDX 2.3 or CycloneDX")),
            _ => Err(SbomError::Unknown),
        }
    }
}

struct Reading<'a, 'c> {
    collector: &'a mut Collector<'c>,
    marks: Marks,
    spdx: spdx::Document,
}

/// The whole, or the predicate of a statement about it.
struct Document<'r, 'a, 'c> {
    reading: &'r mut Reading<'a, 'c>,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Document<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Document<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a document with fields")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            let reading = &mut *self.reading;
            match key.as_str() {
                "bomFormat" => reading.marks.cyclonedx |= whole(&mut map)?.as_str() == Some("CycloneDX"),
                "specVersion" => reading.marks.spec_version = short_text(&whole(&mut map)?),
                "spdxVersion" => reading.marks.spdx_version = short_text(&whole(&mut map)?),
                "@graph" | "@context" => {
                    map.next_value::<IgnoredAny>()?;
                    reading.marks.is_spdx3 = true;
                }
                "metadata" => cyclonedx::metadata(&whole(&mut map)?, reading.collector),
                "components" => map.next_value_seed(Entries {
                    reading,
                    each: |entry, reading| {
                        cyclonedx::component(entry, reading.collector);
                    },
                })?,
                "packages" => map.next_value_seed(Entries {
                    reading,
                    each: |entry, reading| {
                        if own::is_package(entry) {
                            own::package(entry, reading.collector);
                        } else {
                            reading.spdx.package(entry, reading.collector);
                        }
                    },
                })?,
                "relationships" => map.next_value_seed(Entries {
                    reading,
                    each: |entry, reading| {
                        reading.spdx.relationship(entry);
                    },
                })?,
                "documentDescribes" => map.next_value_seed(Entries {
                    reading,
                    each: |entry, reading| {
                        reading.spdx.describes(entry.as_str().unwrap_or_default());
                    },
                })?,
                "artifacts" => {
                    reading.marks.syft = true;
                    map.next_value_seed(Entries {
                        reading,
                        each: |entry, reading| {
                            syft::artifact(entry, reading.collector);
                        },
                    })?;
                }
                "schema_version" => reading.marks.schema_version = short_text(&whole(&mut map)?),
                "image" => {
                    reading.marks.own = true;
                    own::image(&whole(&mut map)?, reading.collector);
                }
                "unverified_layers" => {
                    let layers = whole(&mut map)?;
                    let layers = layers.as_array().map(Vec::as_slice).unwrap_or_default();
                    reading.collector.unverified.extend(layers.iter().filter_map(|layer| own::number(Some(layer))));
                }
                "warnings" => {
                    let warnings = whole(&mut map)?;
                    let warnings = warnings.as_array().map(Vec::as_slice).unwrap_or_default();
                    let texts = warnings.iter().filter_map(serde_json::Value::as_str).map(str::to_owned);
                    reading.collector.warnings.extend(texts);
                }
                "source" => syft::source(&whole(&mut map)?, reading.collector),
                "distro" => syft::distro(&whole(&mut map)?, reading.collector),
                "predicate" if self.depth < DEEPEST => {
                    map.next_value_seed(Maybe(Document { reading, depth: self.depth + 1 }))?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// A field as a value; null where it is larger than any real one.
fn whole<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Value, A::Error> {
    Ok(parsed(map.next_value::<&RawValue>()?).unwrap_or(Value::Null))
}

/// Nesting is bounded by `serde_json` itself, to 128.
fn parsed(raw: &RawValue) -> Result<Value, String> {
    if raw.get().len() > ENTRY_BYTES {
        return Err(format!("it has more than {ENTRY_BYTES} bytes"));
    }
    serde_json::from_str(raw.get()).map_err(|error| error.to_string())
}

fn short_text(value: &Value) -> Option<String> {
    value.as_str().map(|text| text.chars().filter(|character| !character.is_control()).take(20).collect())
}

/// A list whose entries are read one by one; anything but a list is passed over.
struct Entries<'r, 'a, 'c> {
    reading: &'r mut Reading<'a, 'c>,
    each: fn(&Value, &mut Reading<'a, 'c>),
}

impl<'de> DeserializeSeed<'de> for Entries<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        if !raw.get().starts_with('[') {
            return Ok(());
        }
        serde_json::Deserializer::from_str(raw.get()).deserialize_seq(self).map_err(D::Error::custom)
    }
}

impl<'de> Visitor<'de> for Entries<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(raw) = entries.next_element::<&RawValue>()? {
            match parsed(raw) {
                Ok(entry) => (self.each)(&entry, self.reading),
                Err(reason) => self.reading.collector.unreadable("an entry", &reason),
            }
        }
        Ok(())
    }
}

/// A document, or anything else, which is passed over.
struct Maybe<'r, 'a, 'c>(Document<'r, 'a, 'c>);

impl<'de> DeserializeSeed<'de> for Maybe<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        if !raw.get().starts_with('{') {
            return Ok(());
        }
        self.0.deserialize(&mut serde_json::Deserializer::from_str(raw.get())).map_err(D::Error::custom)
    }
}
