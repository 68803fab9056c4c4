//! Images in the stores of the real podman and the real containerd.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::plimsoll::Home;

/// Whether a test can be done here; says why where it cannot.
fn can(programs: &[&str]) -> bool {
    let has = |program: &&&str| {
        let way = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&way).any(|folder| folder.join(program).is_file())
    };
    let missing = programs.iter().find(|program| !has(program)).copied();
    let missing = missing.or((!rustix::process::geteuid().is_root()).then_some("root"));
    if let Some(missing) = missing {
        assert!(std::env::var_os("PLIMSOLL_REQUIRE").is_none(), "{missing} is required: scripts/install.sh test");
        println!("skipped: no {missing}; scripts/install.sh test brings the programs");
    }
    missing.is_none()
}

fn run(command: &mut Command) {
    let run = command.output().unwrap();
    assert!(run.status.success(), "{command:?}: {}", String::from_utf8_lossy(&run.stderr));
}

/// An archive of two layers: the second deletes a package of the first, and holds a file that only root may read.
fn archive(home: &Home) -> PathBuf {
    let work = home.path("archive");
    let package = |name: &str| format!(r#"{{"name": "{name}", "version": "1.0.0"}}"#);
    let layers: [&[(&str, String, u32)]; 2] = [
        &[
            ("app/node_modules/left/package.json", package("left"), 0o644),
            ("app/node_modules/gone/package.json", package("gone"), 0o644),
        ],
        &[
            ("app/node_modules/.wh.gone", String::new(), 0o644),
            ("app/node_modules/right/package.json", package("right"), 0o600),
        ],
    ];
    let (mut diff_ids, mut names) = (Vec::new(), Vec::new());
    for (index, files) in layers.into_iter().enumerate() {
        let name = format!("{index}.tar");
        fs::create_dir_all(&work).unwrap();
        let mut tar = tar::Builder::new(File::create(work.join(&name)).unwrap());
        for (path, content, mode) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(*mode);
            tar.append_data(&mut header, path, content.as_bytes()).unwrap();
        }
        tar.finish().unwrap();
        diff_ids.push(image::Digest::sha256(&fs::read(work.join(&name)).unwrap()));
        names.push(name);
    }
    let config = json!({
        "architecture": "amd64", "os": "linux", "config": {}, "rootfs": { "type": "layers", "diff_ids": diff_ids } });
    fs::write(work.join("config.json"), config.to_string()).unwrap();
    let manifest = json!([{ "Config": "config.json", "RepoTags": ["localhost/app:1"], "Layers": names }]);
    fs::write(work.join("manifest.json"), manifest.to_string()).unwrap();
    let archive = home.path("image.tar");
    run(Command::new("tar").arg("-C").arg(&work).arg("-cf").arg(&archive).args([
        "manifest.json",
        "config.json",
        "0.tar",
        "1.tar",
    ]));
    archive
}

fn names(bill: &str) -> Vec<String> {
    let bill: Value = serde_json::from_str(bill).unwrap();
    let mut names: Vec<_> = bill["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| package["name"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

/// A store of podman's with the image in it, and what tells where it is.
fn podman(home: &Home, driver: &str) -> (PathBuf, String) {
    let (root, conf) = (home.path("storage"), home.path("storage.conf"));
    let text = format!(
        "[storage]\ndriver = \"{driver}\"\ngraphroot = \"{}\"\nrunroot = \"{}\"\n",
        root.display(),
        home.path("run").display()
    );
    fs::write(&conf, text).unwrap();
    let mut skopeo = Command::new("skopeo");
    skopeo.env("CONTAINERS_STORAGE_CONF", &conf).args(["--insecure-policy", "copy", "--quiet"]);
    run(skopeo.arg(format!("docker-archive:{}", archive(home).display())).arg("containers-storage:localhost/app:1"));
    (root, conf.to_str().unwrap().to_owned())
}

#[test]
fn an_image_in_podmans_store_is_read_as_its_archive_is() {
    if !can(&["skopeo"]) {
        return;
    }
    for driver in ["overlay", "vfs"] {
        let home = Home::new();
        let (_, conf) = podman(&home, driver);
        let variables = [("CONTAINERS_STORAGE_CONF", conf.as_str())];
        for target in ["podman:app:1", "podman:localhost/app:1", "containers-storage:app:1", "app:1"] {
            let bill = home.run_with(&["sbom", "--format", "json", target], &variables).with(0).stdout;
            assert_eq!(names(&bill), ["left", "right"], "{target} by {driver}");
            assert!(bill.contains("localhost") || target.contains("app:1"), "{bill}");
        }
        let missing = home.run_with(&["sbom", "podman:other"], &variables).with(2).stderr;
        assert!(missing.contains("podman images"), "{missing}");
    }
}

#[test]
fn a_file_that_was_changed_in_podmans_store_is_noticed_and_without_proof_it_is_said() {
    if !can(&["skopeo"]) {
        return;
    }
    let home = Home::new();
    let (root, conf) = podman(&home, "overlay");
    let variables = [("CONTAINERS_STORAGE_CONF", conf.as_str())];
    let layers =
        fs::read_dir(root.join("overlay")).unwrap().flatten().map(|entry| entry.path().join("diff/app/node_modules"));
    let layer = layers.into_iter().find(|folder| folder.join("right").exists()).unwrap();
    fs::write(layer.join("right/package.json"), r#"{"name": "wrong", "version": "1.0.0"}"#).unwrap();
    let changed = home.run_with(&["sbom", "podman:app:1"], &variables).with(2).stderr;
    assert!(changed.contains("was changed"), "{changed}");
    // Where nothing is left to put the tar together from, the folder is read, and every output says so.
    for entry in fs::read_dir(root.join("overlay-layers")).unwrap().flatten() {
        if entry.file_name().to_string_lossy().ends_with(".tar-split.gz") {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    let bill = home.run_with(&["sbom", "--format", "json", "podman:app:1"], &variables).with(0).stdout;
    assert_eq!(names(&bill), ["left", "wrong"], "what the second layer deletes is gone");
    let bill = home.run_with(&["sbom", "--format", "cyclonedx", "podman:app:1"], &variables).with(0).stdout;
    assert!(bill.contains("unverified"), "{bill}");
}

/// A containerd of its own, ended with the test.
struct Containerd(Child);

impl Drop for Containerd {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn an_image_in_containerds_store_is_read_while_it_runs() {
    if !can(&["containerd", "ctr", "skopeo"]) {
        return;
    }
    let home = Home::new();
    let (root, socket) = (home.path("containerd"), home.path("sock"));
    let conf = format!(
        "version = 2\nroot = \"{}\"\nstate = \"{}\"\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\naddress = \"{}\"\n",
        root.display(),
        home.path("state").display(),
        socket.display()
    );
    fs::write(home.path("containerd.toml"), conf).unwrap();
    let mut daemon = Command::new("containerd");
    daemon.arg("-c").arg(home.path("containerd.toml")).stdout(Stdio::null()).stderr(Stdio::null());
    let daemon = Containerd(daemon.spawn().unwrap());
    let ctr = || {
        let mut ctr = Command::new("ctr");
        ctr.arg("-a").arg(&socket);
        ctr
    };
    while !ctr().args(["version"]).output().unwrap().status.success() {
        std::thread::sleep(Duration::from_millis(20));
    }
    let from = format!("docker-archive:{}", archive(&home).display());
    let oci = home.path("oci.tar");
    run(Command::new("skopeo").args([
        "--insecure-policy",
        "copy",
        "--quiet",
        &from,
        &format!("oci-archive:{}:1", oci.display()),
    ]));
    // Content is what is read; unpacking it into a snapshot is not asked for.
    for namespace in ["default", "k8s.io"] {
        let mut import = ctr();
        import.args(["-n", namespace, "images", "import", "--no-unpack", "--base-name", "quay.io/team/app"]);
        let imported = import.arg(&oci).output().unwrap();
        if !imported.status.success() {
            // Older ones cannot leave it packed.
            run(ctr().args(["-n", namespace, "images", "import", "--base-name", "quay.io/team/app"]).arg(&oci));
        }
    }
    fs::write(home.path("config.toml"), format!("containerd-root = \"{}\"\n", root.display())).unwrap();
    let config = home.path("config.toml");
    let config = config.to_str().unwrap();
    for target in ["containerd:quay.io/team/app:1", "containerd:quay.io/team/app:1@k8s.io", "quay.io/team/app:1"] {
        let bill = home.run(&["--config", config, "sbom", "--format", "json", target]).with(0).stdout;
        assert_eq!(names(&bill), ["left", "right"], "{target}");
    }
    let missing = home.run(&["--config", config, "sbom", "containerd:quay.io/team/app:1@moby"]).with(2).stderr;
    assert!(missing.contains("ctr -n moby images ls"), "{missing}");
    drop(daemon);
}
