//! The corpus: a real distribution's base, and over it what the languages' own installers put there.

use std::path::{Path, PathBuf};

use crate::command::{command, succeed};
use crate::layout::Layout;
use crate::machine;

/// Packages of the distribution that bring each format that it has, and no runtimes of hundreds of megabytes.
const BASE: &[&str] = &[
    "python3-requests",
    "python3-yaml",
    "node-express",
    "ruby",
    "ruby-sinatra",
    "liblog4j2-java",
    "libjackson2-databind-java",
    "skopeo",
];

pub(crate) struct Corpus {
    pub(crate) work: PathBuf,
    /// The unpacked base, for the judges.
    pub(crate) base: PathBuf,
    /// The layer over it, unpacked.
    pub(crate) above: PathBuf,
}

impl Corpus {
    pub(crate) fn made(work: &Path) -> Self {
        let mut base = command(machine::root().join("scripts/base-image.sh"), ["corpus"]);
        base.args(BASE);
        let base_tar = PathBuf::from(succeed(base).trim());
        let corpus = Self { work: work.into(), base: work.join("base"), above: work.join("above") };
        for folder in [&corpus.base, &corpus.above] {
            std::fs::create_dir_all(folder).expect("a folder for a tree");
        }
        let mut unpack = command("tar", ["--extract", "--exclude=./dev/*", "--file"]);
        succeed({
            unpack.arg(&base_tar).arg("--directory").arg(&corpus.base);
            unpack
        });
        corpus.install();
        let above_tar = work.join("above.tar");
        let mut pack = command("tar", ["--create", "--owner=0", "--group=0", "--file"]);
        pack.arg(&above_tar).arg("--directory").arg(&corpus.above).arg(".");
        succeed(pack);
        Layout::of(&work.join("image"), &[&base_tar, &above_tar]);
        corpus
    }

    /// The image, as scanners are told of it.
    pub(crate) fn target(&self) -> String {
        format!("oci:{}:1.0", self.work.join("image").display())
    }

    pub(crate) fn site_packages(&self) -> PathBuf {
        self.above.join("opt/app/site-packages")
    }

    pub(crate) fn web(&self) -> PathBuf {
        self.above.join("srv/web")
    }

    /// Debian's own: the registry of gems is not everywhere where Debian is.
    pub(crate) fn gems(&self) -> PathBuf {
        self.base.join("usr/share/rubygems-integration/all")
    }

    fn install(&self) {
        let mut pip = command("python3", ["-m", "pip", "install", "--quiet", "--no-compile", "--target"]);
        pip.arg(self.site_packages()).args(["idna==3.3", "flask==2.0.1", "PyYAML==5.4.1", "zope.interface==5.4.0"]);
        pip.args(["--only-binary=:all:", "--python-version=3.9", "--no-warn-conflicts"]);
        succeed(pip);
        std::fs::create_dir_all(self.web()).expect("a folder for npm");
        let mut npm =
            command("npm", ["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"]);
        npm.arg(self.web()).args(["express@4.17.1", "lodash@4.17.20", "@babel/parser@7.16.0"]);
        succeed(npm);
    }
}
