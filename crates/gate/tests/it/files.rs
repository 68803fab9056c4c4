//! Where the policy is found.

use std::fs;
use std::path::Path;

use gate::file::PolicyFile;

const POLICY: &str = "[[rule]]\nimages = \"**\"\nmode = \"warn\"\nsigners = { keys = [\"team/release.pub\"] }\n";

fn put(folder: &Path) {
    fs::create_dir_all(folder.join("team")).unwrap();
    fs::write(folder.join("policy.toml"), POLICY).unwrap();
    fs::copy(super::material::folder().join("release.pub"), folder.join("team/release.pub")).unwrap();
}

#[test]
fn the_first_that_is_there_is_taken_with_the_keys_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path());
    let paths = [folder.path().join("none/policy.toml"), folder.path().join("policy.toml"), "/".into()];
    let file = PolicyFile::open_first(&paths).unwrap().unwrap();
    assert_eq!(file.name(), paths[1].display().to_string());
    assert_eq!(file.parse().unwrap().rules().len(), 1);
    assert!(PolicyFile::open_first(&paths[..1]).unwrap().is_none());
}

#[test]
fn keys_are_found_when_the_way_to_the_folder_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("etc");
    put(&inner);
    let file = PolicyFile::open(&inner.join("policy.toml")).unwrap();
    fs::rename(&inner, folder.path().join("elsewhere")).unwrap();
    assert_eq!(file.parse().unwrap().rules().len(), 1);
}

#[test]
fn one_that_is_there_and_cannot_be_read_is_not_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    put(folder.path());
    let not_a_file = folder.path().join("team");
    let error = PolicyFile::open_first(&[not_a_file.clone(), folder.path().join("policy.toml")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{}: cannot read the policy: it is not a file; make it readable, or take it away",
            not_a_file.display()
        )
    );
}

#[test]
fn a_named_file_must_be_there_and_be_text() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("policy.toml");
    assert!(
        PolicyFile::open(&path)
            .unwrap_err()
            .to_string()
            .ends_with(": no such file; name the policy file, or leave --policy out")
    );
    fs::write(&path, [0xff, 0xfe, 0x00]).unwrap();
    assert!(PolicyFile::open(&path).unwrap_err().to_string().contains("cannot read the policy"));
    fs::write(&path, vec![b'#'; 5 << 20]).unwrap();
    assert!(PolicyFile::open(&path).unwrap_err().to_string().contains("longer than"));
}
