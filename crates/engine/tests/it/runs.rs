//! An image is pulled, unpacked once, and run as its config says.

use std::fs;

use engine::admission::Everything;
use engine::{EngineError, Wishes};
use sandbox::Exit;

use crate::harbour::{Harbour, can_run};

#[test]
fn an_image_runs_as_its_config_says() {
    if !can_run() {
        return;
    }
    let harbour = Harbour::new();
    let line = "/bin/busybox id; pwd; echo $COLOUR $HOME; /bin/busybox cat /etc/motd";
    let outcome = harbour.run(line, Wishes::default());
    let expected = "uid=1000(sailor) gid=1000 groups=1000\n/srv\nred /home/sailor\nabove\n";
    assert_eq!((outcome.exit, outcome.stdout.as_str()), (Exit::Code(0), expected));
}

#[test]
fn wishes_go_over_the_config() {
    if !can_run() {
        return;
    }
    let harbour = Harbour::new();
    let wishes = Wishes {
        user: Some("0".into()),
        working_folder: Some("/made".into()),
        environment: vec!["COLOUR=blue".into()],
        hostname: Some("pier".into()),
        ..Wishes::default()
    };
    let outcome = harbour.run("/bin/busybox id -u; pwd; echo $COLOUR; /bin/busybox hostname", wishes);
    assert_eq!(outcome.stdout, "0\n/made\nblue\npier\n");
}

#[test]
fn a_layer_is_fetched_and_unpacked_once() {
    if !can_run() {
        return;
    }
    let harbour = Harbour::new();
    assert_eq!(harbour.run("exit 3", Wishes::default()).exit, Exit::Code(3));
    let layers = harbour.data.path().join("sandbox/layers");
    let times = || {
        let mut times: Vec<_> =
            fs::read_dir(&layers).unwrap().map(|layer| layer.unwrap().metadata().unwrap().created().ok()).collect();
        times.sort();
        times
    };
    let before = times();
    assert_eq!(before.len(), 2);
    // Without the blobs a second run has nothing to read layers from.
    for layer in &harbour.source().image().layers {
        fs::remove_file(harbour.blob(layer.blob.as_ref().unwrap())).unwrap();
        assert!(harbour.store.blobs().size(layer.blob.as_ref().unwrap()).unwrap().is_some());
        harbour.store.blobs().delete(layer.blob.as_ref().unwrap()).unwrap();
    }
    assert_eq!(harbour.run("exit 4", Wishes::default()).exit, Exit::Code(4));
    assert_eq!(times(), before);
}

#[test]
fn a_layer_of_which_one_byte_was_changed_is_not_run() {
    if !can_run() {
        return;
    }
    let harbour = Harbour::new();
    let source = harbour.source();
    let layer = harbour.blob(source.image().layers[1].blob.as_ref().unwrap());
    let mut bytes = fs::read(&layer).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&layer, bytes).unwrap();
    let error = harbour.create(&Everything, &Wishes::default()).err().unwrap();
    assert!(matches!(error, EngineError::Store(_) | EngineError::Digest(_)), "{error:?}");
    assert_eq!(error.exit_code(), 125);
    assert_eq!(fs::read_dir(harbour.data.path().join("sandbox/layers")).unwrap().count(), 0);
}

#[test]
fn a_layer_that_is_not_what_the_config_names_is_not_kept() {
    if !can_run() {
        return;
    }
    let harbour = Harbour::new();
    // The blob is what the manifest names, but the config promises another tar.
    let index = harbour.layout.path().join("index.json");
    let source = harbour.source();
    let image = source.image();
    let claimed = image.layers[1].diff_id.hex().to_owned();
    let config = String::from_utf8(image.config_bytes.to_vec()).unwrap().replace(&claimed, &"0".repeat(64));
    let config_digest = image::Digest::sha256(config.as_bytes());
    fs::write(harbour.blob(&config_digest), &config).unwrap();
    let manifest = String::from_utf8(image.manifest_bytes.as_ref().unwrap().to_vec()).unwrap();
    let manifest = manifest.replace(image.config_bytes.digest().as_str(), config_digest.as_str());
    let manifest_digest = image::Digest::sha256(manifest.as_bytes());
    fs::write(harbour.blob(&manifest_digest), &manifest).unwrap();
    let text = fs::read_to_string(&index).unwrap().replace(image.digest.as_str(), manifest_digest.as_str());
    fs::write(&index, text).unwrap();
    let error = harbour.create(&Everything, &Wishes::default()).err().unwrap();
    assert!(matches!(error, EngineError::Digest(_)), "{error:?}");
    let kept = fs::read_dir(harbour.data.path().join("sandbox/layers")).unwrap().count();
    assert_eq!(kept, 1, "the base alone");
}

#[test]
fn a_missing_program_is_127_and_one_that_cannot_be_executed_126() {
    if !can_run() {
        return;
    }
    let harbour = Harbour::new();
    for (program, code) in [("/bin/none", 127), ("none", 127), ("/etc/motd", 126)] {
        let wishes = Wishes { entrypoint: Some(program.into()), remove: true, ..Wishes::default() };
        let error = harbour.create(&Everything, &wishes).err().unwrap();
        assert_eq!(error.exit_code(), code, "{error}");
        assert!(error.to_string().contains(program), "{error}");
    }
}
