//! Native images of GraalVM: a CycloneDX bill of materials, gzipped, at the symbol `sbom`, its length at `sbom_length`
//! (`native-image --enable-sbom`, on by default in Oracle's builds).

use std::io::Read;

use serde::Deserialize;

use super::layout::Layout;
use crate::cataloguers::{Content, Told};
use crate::package::{Package, PackageKind};

const COMPRESSED: u64 = 8 << 20;
const INFLATED: u64 = 32 << 20;

#[derive(Debug, Deserialize)]
struct Bill {
    #[serde(default)]
    components: Vec<Component>,
}

#[derive(Debug, Deserialize)]
struct Component {
    #[serde(default)]
    group: Option<String>,
    name: String,
    #[serde(default)]
    version: Option<String>,
}

/// Reads a program; false where it holds no such bill.
pub(super) fn read(layout: &Layout, content: &mut dyn Content, told: &mut Told) -> bool {
    let Some((address, length)) = layout.bill else { return false };
    match bill(layout, content, address, length) {
        Ok(bill) => bill.components.into_iter().filter_map(package).for_each(|package| told.package(package)),
        Err(reason) => told.warn(format!("its bill of materials (symbol sbom) cannot be read: {reason}")),
    }
    true
}

fn bill(layout: &Layout, content: &mut dyn Content, address: u64, length: u64) -> Result<Bill, String> {
    let number = layout.memory(content, length, 8).ok_or("its length is nowhere")?;
    let add = |number, byte: &u8| number << 8 | u64::from(*byte);
    let length = if layout.is_big_endian { number.iter().fold(0, add) } else { number.iter().rev().fold(0, add) };
    if length > COMPRESSED {
        return Err(format!("it has {length} bytes, and {COMPRESSED} are the most"));
    }
    let bytes = layout.memory(content, address, length).ok_or("it is nowhere in the file")?;
    let mut json = Vec::new();
    let inflated = flate2::read::GzDecoder::new(&bytes[..]).take(INFLATED + 1).read_to_end(&mut json);
    inflated.map_err(|error| error.to_string())?;
    if json.len() as u64 > INFLATED {
        return Err(format!("it has more than {INFLATED} bytes"));
    }
    serde_json::from_slice(&json).map_err(|error| error.to_string())
}

/// What has no group is the image itself or a part of it that no repository gives out.
fn package(component: Component) -> Option<Package> {
    let group = component.group.filter(|group| !group.is_empty())?;
    let version = component.version.filter(|version| !version.is_empty())?;
    Some(Package::new(PackageKind::Maven, format!("{group}:{}", component.name), version))
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use super::*;
    use crate::cataloguers::executable::layout::Segment;
    use crate::record::Fact;

    fn told(json: &[u8], length: Option<u64>) -> (Vec<Fact>, Vec<String>) {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(json).unwrap();
        let bill = encoder.finish().unwrap();
        let length = length.unwrap_or(bill.len() as u64);
        let bytes = [length.to_le_bytes().to_vec(), bill].concat();
        let size = bytes.len() as u64;
        let segments = vec![Segment { address: 0x1000, offset: 0, size, is_writable: false, is_code: false }];
        let layout = Layout { segments, bill: Some((0x1008, 0x1000)), ..Layout::default() };
        let mut told = Told::default();
        assert!(read(&layout, &mut Cursor::new(bytes), &mut told));
        told.into_parts()
    }

    #[test]
    fn components_with_a_group_are_packages() {
        let (facts, warnings) = told(
            br#"{"bomFormat": "CycloneDX", "components": [
                {"type": "library", "group": "io.netty", "name": "netty-codec", "version": "4.1.100.Final"},
                {"type": "library", "name": "app", "version": "1"}, {"type": "library", "group": "a", "name": "b"}]}"#,
            None,
        );
        assert!(warnings.is_empty(), "{warnings:?}");
        let [Fact::Package(package)] = &facts[..] else { panic!("{facts:?}") };
        assert_eq!((package.name.as_str(), package.version.as_str()), ("io.netty:netty-codec", "4.1.100.Final"));
    }

    #[test]
    fn a_bill_that_cannot_be_read_is_a_warning() {
        assert_eq!(told(b"[", None).1.len(), 1);
        for length in [0, 5, 1 << 20, u64::MAX] {
            let (facts, warnings) = told(b"{}", Some(length));
            assert!(facts.is_empty() && warnings.len() == 1, "{warnings:?}");
        }
    }
}
