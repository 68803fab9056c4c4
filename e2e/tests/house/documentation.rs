//! Every room says its job at its door.

use crate::workspace;

#[test]
fn each_crate_begins_with_a_module_doc_that_is_more_than_its_name() {
    for folder in workspace::folders() {
        let file = ["lib.rs", "main.rs"]
            .map(|name| format!("{folder}/src/{name}"))
            .into_iter()
            .find(|path| workspace::root().join(path).is_file())
            .unwrap_or_else(|| panic!("{folder} has neither lib.rs nor main.rs"));
        let text = workspace::read(&file);
        let doc: Vec<&str> = text.lines().map_while(|line| line.strip_prefix("//!")).collect();
        assert!(doc.join(" ").len() > 60, "{file} begins with no doc that says the crate's job");
    }
}

#[test]
fn documents_link_only_to_files_that_exist() {
    let mut broken = Vec::new();
    for document in markdown() {
        let text = workspace::read(&document);
        let folder = workspace::root().join(&document).parent().expect("a folder").to_path_buf();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = target.split('#').next().unwrap_or_default();
            if path.is_empty() || path.contains("://") {
                continue;
            }
            if !folder.join(path).exists() {
                broken.push(format!("{document}: {target}"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// The Markdown files of the root and of `docs/`.
fn markdown() -> Vec<String> {
    let mut found = Vec::new();
    for folder in ["", "docs/"] {
        for entry in std::fs::read_dir(workspace::root().join(folder)).expect("a folder of documents") {
            let name = entry.expect("an entry of it").file_name().into_string().expect("a name in UTF-8");
            if std::path::Path::new(&name).extension().is_some_and(|extension| extension == "md") {
                found.push(format!("{folder}{name}"));
            }
        }
    }
    found
}
