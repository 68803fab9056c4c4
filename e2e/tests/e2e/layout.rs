//! Images in OCI layouts, made by umoci from tars.

use std::path::{Path, PathBuf};

use crate::command::{command, succeed};

/// An image that lies in an OCI layout.
#[derive(Debug)]
pub(crate) struct Layout {
    folder: PathBuf,
}

impl Layout {
    /// An image of these layers, base first, tagged `1.0`.
    pub(crate) fn of(folder: &Path, layers: &[&Path]) -> Self {
        let image = format!("{}:1.0", folder.display());
        succeed(command("umoci", ["init", "--layout", &folder.display().to_string()]));
        succeed(command("umoci", ["new", "--image", &image]));
        for layer in layers {
            succeed(command("umoci", ["raw", "add-layer", "--image", &image, &layer.display().to_string()]));
        }
        let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        succeed(command("umoci", ["config", "--image", &image, "--config.cmd", "/bin/sh", "--config.env", path]));
        Self { folder: folder.to_owned() }
    }

    /// Pushes it with the real skopeo.
    pub(crate) fn push(&self, reference: &str) {
        let from = format!("oci:{}:1.0", self.folder.display());
        succeed(command(
            "skopeo",
            ["copy", "--quiet", "--dest-tls-verify=false", &from, &format!("docker://{reference}")],
        ));
    }
}

/// A tar with one file in it.
pub(crate) fn tar_of_one_file(work: &Path, name: &str, content: &str) -> PathBuf {
    let folder = work.join(format!("{name}.layer"));
    std::fs::create_dir_all(folder.join("srv")).expect("a folder for a layer");
    std::fs::write(folder.join("srv").join(name), content).expect("a layer's file");
    let tar = work.join(format!("{name}.tar"));
    let mut pack = command("tar", ["--create", "--owner=0", "--group=0", "--file"]);
    pack.arg(&tar).arg("--directory").arg(&folder).arg("srv");
    succeed(pack);
    tar
}
