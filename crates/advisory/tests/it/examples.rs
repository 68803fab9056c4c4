//! The OSV schema's own examples and its linter's and converters' samples are read.

use advisory::record;

use crate::support::{data, unpack};

#[test]
fn every_example_of_the_schemas_repository_is_read() {
    let Some(archive) = data("osv/osv-schema.tar.zst") else { return };
    let mut read = 0;
    for (name, content) in unpack(&archive) {
        let is_json = std::path::Path::new(&name).extension().is_some_and(|ending| ending == "json");
        let is_record = is_json
            && (name.ends_with(".osv.json") || name.contains("osv-linter/testdata") || name.contains("testdata/OSV/"));
        if is_record {
            record::parse(&content).unwrap_or_else(|error| panic!("{name}: {error}"));
            read += 1;
        }
    }
    assert!(read >= 20, "only {read} examples");
}

#[test]
fn every_example_in_the_schemas_document_is_read() {
    let Some(archive) = data("osv/osv-schema.tar.zst") else { return };
    let (_, document) =
        unpack(&archive).into_iter().find(|(name, _)| name.ends_with("docs/schema.md")).expect("the document");
    let document = String::from_utf8(document).expect("text");
    let mut read = 0;
    for block in document.split("```json\n").skip(1).filter_map(|rest| rest.split("\n```").next()) {
        let Ok(value) = serde_json::from_str::<serde_json::Value>(block) else { continue };
        if value.get("id").is_some() && value.get("affected").is_some() {
            let parsed = record::parse(block.as_bytes()).unwrap_or_else(|error| panic!("{error}: {block}"));
            assert_eq!(Some(parsed.id.as_str()), value["id"].as_str());
            read += 1;
        }
    }
    assert!(read >= 5, "only {read} examples");
}
