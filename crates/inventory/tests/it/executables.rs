//! Executables tell what they are built of, whatever built them and however they were stripped.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use inventory::layer::{Limits, catalogue};
use inventory::package::symbol_hash;
use inventory::worker::Bounds;
use inventory::{Inventory, Linked, PackageKind, merge};

use crate::layers::Layer;
use crate::support::{cache, launcher, output_of, skip};

fn scanned(files: &[(&str, &Path)]) -> Inventory {
    let layer = files.iter().fold(Layer::new(), |layer, (name, path)| layer.file(name, std::fs::read(path).unwrap()));
    scan(&layer, &Limits::default())
}

fn scan(layer: &Layer, limits: &Limits) -> Inventory {
    let (_, record) = catalogue(Cursor::new(layer.tar()), limits, &launcher()).unwrap();
    assert!(record.complete, "{:?}", record.warnings);
    let kept = inventory::LayerRecord::from_bytes(&record.to_bytes().unwrap()).unwrap();
    assert_eq!(kept, record);
    merge(&[record])
}

fn packages(inventory: &Inventory, path: &str) -> BTreeSet<(String, String)> {
    let there = inventory.packages.iter().filter(|located| located.path == path);
    there.map(|located| (located.package.name.clone(), located.package.version.clone())).collect()
}

fn linked<'a>(inventory: &'a Inventory, path: &str) -> BTreeMap<&'a str, &'a Linked> {
    let there = inventory.linked.iter().filter(|(of, _)| of == path);
    there.map(|(_, linked)| (linked.module.as_str(), linked)).collect()
}

fn has(linked: &Linked, package: &str, symbol: &str) -> bool {
    let package = linked.packages.iter().find(|one| one.path == package);
    package.is_some_and(|package| package.symbols.binary_search(&symbol_hash(symbol)).is_ok())
}

/// A program of two modules, one of them in place of another, built in every way that hides what it is built of.
struct Go {
    _folder: tempfile::TempDir,
    programs: BTreeMap<&'static str, PathBuf>,
}

/// A name, Go's environment, and arguments of `go build`.
type Way = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);

const MAIN: &str = r#"
package main

import (
	"fmt"
	"net/url"
	"os"

	"example.com/lib/inner"
	"gopkg.in/dotted.v3"
)

func main() {
	box := inner.Box[string]{Value: "a"}
	fmt.Println(inner.Called(box.Get()), inner.Inlined(len(os.Args)), dotted.Name(os.Args))
	fmt.Println(url.Parse("http://localhost/"))
}
"#;

const INNER: &str = r#"
package inner

import "fmt"

type Box[T any] struct{ Value T }

//go:noinline
func (box *Box[T]) Get() T { return box.Value }

//go:noinline
func Called(text string) string { defer func() { fmt.Println("done") }(); return text + "!" }

func Inlined(number int) int { return number + 1 }

//go:noinline
func NeverCalled() string { return "nobody asks" }
"#;

fn go_program() -> Option<&'static str> {
    let runs = |program: &&str| Command::new(program).arg("version").output().is_ok_and(|said| said.status.success());
    ["go", "/usr/local/go/bin/go"].into_iter().find(runs)
}

fn go() -> Option<&'static Go> {
    static BUILT: OnceLock<Option<Go>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let Some(go) = go_program() else {
            skip("there is no go to build programs with");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("app/main.go", MAIN);
        write(
            "app/go.mod",
            "module example.com/app/v2\ngo 1.18\nrequire example.com/lib v1.2.3\nrequire gopkg.in/dotted.v3 v3.0.1\n\
             replace example.com/lib v1.2.3 => example.org/fork v1.9.0\n",
        );
        // A proxy of files, so that modules have versions and nothing is asked of the network.
        proxied(
            folder.path(),
            "example.org/fork",
            "v1.9.0",
            "module example.com/lib\ngo 1.18\n",
            "inner/inner.go",
            INNER,
        );
        let dotted = "package dotted\n\nfunc Name(of []string) string { return of[0] }\n";
        proxied(
            folder.path(),
            "gopkg.in/dotted.v3",
            "v3.0.1",
            "module gopkg.in/dotted.v3\ngo 1.18\n",
            "dotted.go",
            dotted,
        );
        let mut programs = BTreeMap::new();
        let ways: &[Way] = &[
            ("plain", &[], &[]),
            ("stripped", &[], &["-ldflags=-s -w -buildid="]),
            ("trimmed", &[], &["-trimpath", "-buildmode=pie"]),
            ("released", &[], &["-ldflags=-s -X main.version=v2.0.1 -X 'main.builtBy=some one'"]),
            ("arm64", &[("GOARCH", "arm64")], &["-ldflags=-s -w"]),
            ("386", &[("GOARCH", "386")], &[]),
            ("s390x", &[("GOARCH", "s390x")], &["-ldflags=-s -w"]),
            ("macos", &[("GOOS", "darwin"), ("GOARCH", "arm64")], &[]),
            ("macos-stripped", &[("GOOS", "darwin"), ("GOARCH", "amd64")], &["-ldflags=-s -w"]),
            ("windows.exe", &[("GOOS", "windows")], &["-ldflags=-s -w"]),
        ];
        for (name, environment, arguments) in ways {
            let program = folder.path().join(name);
            let mut build = Command::new(go);
            build.arg("build").args(*arguments).arg("-o").arg(&program).arg(".").current_dir(folder.path().join("app"));
            build.env("GOPROXY", format!("file://{}/proxy", folder.path().display())).env("GONOSUMDB", "*");
            build.env("GOMODCACHE", folder.path().join("cache")).env("GOFLAGS", "-mod=mod -modcacherw -buildvcs=false");
            build.env("GOSUMDB", "off").env("CGO_ENABLED", "0").envs(environment.iter().copied());
            output_of(&mut build);
            programs.insert(*name, program);
        }
        Some(Go { _folder: folder, programs })
    });
    built.as_ref()
}

/// A module in the folder of a proxy (Go's "GOPROXY protocol").
fn proxied(folder: &Path, module: &str, version: &str, manifest: &str, file: &str, source: &str) {
    let place = folder.join("proxy").join(module).join("@v");
    std::fs::create_dir_all(&place).unwrap();
    std::fs::write(place.join(format!("{version}.mod")), manifest).unwrap();
    std::fs::write(place.join(format!("{version}.info")), format!(r#"{{"Version": "{version}"}}"#)).unwrap();
    let script = "import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1], 'w')\n\
                  for name, text in zip(sys.argv[2::2], sys.argv[3::2]): z.writestr(name, text)\nz.close()\n";
    let mut zip = Command::new("python3");
    zip.args(["-c", script]).arg(place.join(format!("{version}.zip")));
    zip.args([&format!("{module}@{version}/go.mod"), manifest, &format!("{module}@{version}/{file}"), source]);
    output_of(&mut zip);
}

/// What `go version -m` says, replacements in place of what they replace.
fn told_by_go(program: &Path) -> BTreeSet<(String, String)> {
    let said = output_of(Command::new(go_program().unwrap()).args(["version", "-m"]).arg(program));
    let mut modules: Vec<(String, String)> = Vec::new();
    let mut lines = said.lines();
    let version = lines.next().unwrap().rsplit_once(": go").unwrap().1;
    modules.push(("stdlib".into(), version.split([' ', '-']).next().unwrap().to_owned()));
    for line in lines {
        let fields: Vec<_> = line.trim().split('\t').collect();
        let module = || (fields[1].to_owned(), fields[2].to_owned());
        match fields[0] {
            "mod" | "dep" => modules.push(module()),
            "=>" => *modules.last_mut().unwrap() = module(),
            _ => {}
        }
    }
    modules.into_iter().collect()
}

#[test]
fn the_modules_of_a_go_program_are_what_go_says_however_it_was_built() {
    let Some(go) = go() else { return };
    let files: Vec<_> = go.programs.iter().map(|(name, path)| (*name, path.as_path())).collect();
    let inventory = scanned(&files);
    assert_eq!(inventory.warnings, [""; 0]);
    assert!(inventory.packages.iter().all(|located| located.package.kind == PackageKind::Golang));
    for (name, program) in &files {
        let mut expected = told_by_go(program);
        assert!(expected.contains(&("example.org/fork".into(), "v1.9.0".into())), "{expected:?}");
        if *name == "released" {
            // What the linker was told, where go itself knows nothing.
            assert!(expected.remove(&("example.com/app/v2".into(), "(devel)".into())));
            expected.insert(("example.com/app/v2".into(), "v2.0.1".into()));
        }
        assert_eq!(packages(&inventory, &format!("/{name}")), expected, "{name}");
    }
}

#[test]
fn the_functions_of_a_go_program_are_told_those_that_were_inlined_too() {
    let Some(go) = go() else { return };
    let files: Vec<_> = go.programs.iter().map(|(name, path)| (*name, path.as_path())).collect();
    let inventory = scanned(&files);
    for name in go.programs.keys() {
        let linked = linked(&inventory, &format!("/{name}"));
        let modules: Vec<_> = linked.keys().copied().collect();
        assert_eq!(modules, ["example.com/app/v2", "example.org/fork", "gopkg.in/dotted.v3", "stdlib"], "{name}");
        let fork = linked["example.org/fork"];
        assert!(has(fork, "example.org/fork/inner", "Called"), "{name}");
        assert!(has(fork, "example.org/fork/inner", "Box.Get"), "{name}");
        assert!(has(fork, "example.org/fork/inner", "Inlined"), "{name}");
        assert!(!has(fork, "example.org/fork/inner", "NeverCalled"), "{name}");
        assert!(has(linked["gopkg.in/dotted.v3"], "gopkg.in/dotted.v3", "Name"), "{name}");
        assert!(has(linked["example.com/app/v2"], "example.com/app/v2", "main"), "{name}");
        assert!(has(linked["stdlib"], "net/url", "Parse"), "{name}");
        assert!(linked["stdlib"].packages.iter().all(|package| package.path != "net/http"), "{name}");
        let built_for = linked["stdlib"].built_for.as_ref().map(|built| (&*built.os, &*built.architecture)).unwrap();
        match *name {
            "macos" => assert_eq!(built_for, ("darwin", "arm64")),
            "macos-stripped" => assert_eq!(built_for, ("darwin", "amd64")),
            "windows.exe" => assert_eq!(built_for.0, "windows"),
            "arm64" | "386" | "s390x" => assert_eq!(built_for, ("linux", *name)),
            _ => assert_eq!(built_for.0, "linux", "{name}"),
        }
    }
}

#[test]
fn every_function_that_the_symbol_table_names_is_told() {
    let Some(go) = go() else { return };
    let plain = &go.programs["plain"];
    let inventory = scanned(&[("stripped", &go.programs["stripped"]), ("plain", plain)]);
    let symbols = output_of(Command::new(go_program().unwrap()).args(["tool", "nm"]).arg(plain));
    let told = linked(&inventory, "/stripped");
    let stdlib = told["stdlib"];
    let mut checked = 0;
    for line in symbols.lines() {
        let fields: Vec<_> = line.split_whitespace().collect();
        let [_, "T" | "t", name] = fields[..] else { continue };
        // Assembly has further names, the compiler's own functions have none, closures another.
        let is_plain = !name.contains(['[', ':', '-'])
            && !name.contains(".func")
            && name.contains('/')
            && name.rsplit('.').next() != Some("abi0");
        let folder = name.rfind('/').map_or(0, |at| at + 1);
        let Some(dot) = name[folder..].find('.').map(|at| at + folder) else { continue };
        let symbol = name[dot + 1..].replace(['(', '*', ')'], "");
        let is_made =
            symbol.split('.').any(|part| part.bytes().all(|byte| byte.is_ascii_digit())) || symbol.contains("wrap");
        if is_plain && !is_made && !name.starts_with("example") && !name.starts_with("gopkg") {
            checked += 1;
            assert!(has(stdlib, &name[..dot], &symbol), "{name}");
        }
    }
    assert!(checked > 200, "{checked}");
    assert_eq!(told["stdlib"], linked(&inventory, "/plain")["stdlib"], "stripping takes nothing away");
}

#[test]
fn a_program_too_large_for_memory_tells_the_same() {
    let Some(go) = go() else { return };
    let files: Vec<_> = go.programs.iter().map(|(name, path)| (*name, path.as_path())).collect();
    let layer = files.iter().fold(Layer::new(), |layer, (name, path)| layer.file(name, std::fs::read(path).unwrap()));
    let limits = Limits { worker: Bounds { in_memory: 100_000, ..Bounds::default() }, ..Limits::default() };
    let (small, large) = (scan(&layer, &Limits::default()), scan(&layer, &limits));
    assert!(!small.linked.is_empty());
    assert_eq!(small, large);
    // Little room in the file: the walk waits for the worker and goes on.
    let limits = Limits { worker: Bounds { in_memory: 100_000, in_file: 1, ..Bounds::default() }, ..Limits::default() };
    assert_eq!(scan(&layer, &limits), small);
}

#[test]
fn a_go_program_cut_anywhere_is_no_harm() {
    let Some(go) = go() else { return };
    for name in ["stripped", "macos", "windows.exe"] {
        let whole = std::fs::read(&go.programs[name]).unwrap();
        let cuts =
            (0..60).map(|part| whole.len() * part / 60).chain([1, 63, 64, 100, 500, 1000, 4096, whole.len() - 1]);
        let layer = cuts.fold(Layer::new(), |layer, cut| layer.file(&format!("bin/{cut}"), &whole[..cut]));
        let inventory = scan(&layer, &Limits::default());
        let bugs: Vec<_> = inventory.warnings.iter().filter(|warning| warning.contains("bug")).collect();
        assert!(bugs.is_empty(), "{bugs:?}");
    }
}

#[test]
fn hard_links_and_names_do_not_matter() {
    let Some(go) = go() else { return };
    let program = std::fs::read(&go.programs["stripped"]).unwrap();
    // A name that a cataloguer of other files wants, too.
    let layer = Layer::new()
        .file("srv/status", program.clone())
        .file("opt/tool.txt", program)
        .hard_link("usr/bin/tool", "opt/tool.txt");
    let inventory = scan(&layer, &Limits::default());
    for path in ["/srv/status", "/opt/tool.txt", "/usr/bin/tool"] {
        assert!(packages(&inventory, path).contains(&("example.org/fork".into(), "v1.9.0".into())), "{path}");
    }
}

#[test]
fn what_upx_packed_is_said_to_be_so() {
    let mut packed = std::fs::read("/proc/self/exe").unwrap();
    packed.truncate(100_000);
    packed[236..240].copy_from_slice(b"UPX!");
    let inventory = scan(&Layer::new().file("usr/bin/packed", packed), &Limits::default());
    assert!(inventory.packages.is_empty());
    insta::assert_snapshot!(inventory.warnings.join("\n"), @"/usr/bin/packed (executable): it is packed by UPX, and what it is built of cannot be seen; scan it before it is packed");
}

/// The section that cargo-auditable links into a program.
fn auditable(json: &str) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(json.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn the_crates_of_a_program_are_in_its_section() {
    if Command::new("objcopy").arg("--version").output().is_err() {
        return skip("there is no objcopy to put a section into a program with");
    }
    let folder = tempfile::tempdir().unwrap();
    let (section, program) = (folder.path().join("section"), folder.path().join("program"));
    let json = r#"{"packages": [{"name": "app", "version": "0.1.0", "source": "local", "root": true, "dependencies": [1]},
                   {"name": "time", "version": "0.1.43", "source": "crates.io"},
                   {"name": "cc", "version": "1.0.0", "source": "crates.io", "kind": "build"}]}"#;
    std::fs::write(&section, auditable(json)).unwrap();
    let mut objcopy = Command::new("objcopy");
    objcopy.arg(format!("--add-section=.dep-v0={}", section.display())).arg("/bin/true").arg(&program);
    output_of(&mut objcopy);
    let inventory = scanned(&[("usr/bin/app", &program), ("bin/true", Path::new("/bin/true"))]);
    assert_eq!(inventory.warnings, [""; 0]);
    let expected = [("app", "0.1.0"), ("time", "0.1.43")].map(|(name, version)| (name.to_owned(), version.to_owned()));
    assert_eq!(packages(&inventory, "/usr/bin/app"), BTreeSet::from(expected));
    assert_eq!(inventory.packages.len(), 2, "a program without a mark tells nothing");
}

#[test]
fn cargo_auditables_own_programs_are_read() {
    let tools = std::env::var_os("PLIMSOLL_TOOLS").map_or_else(|| cache().join("tools"), PathBuf::from).join("bin");
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
    // By the shell: `Command` looks for a program where this process has its own.
    let is_there = Command::new("sh").args(["-c", "command -v cargo-auditable"]).env("PATH", &path).output();
    if is_there.is_ok_and(|found| found.stdout.is_empty()) {
        return skip("there is no cargo-auditable to build a program with");
    }
    let folder = tempfile::tempdir().unwrap();
    let app = folder.path().join("app");
    std::fs::create_dir_all(app.join("src")).unwrap();
    std::fs::write(app.join("src/main.rs"), "fn main() { println!(\"{}\", itoa::Buffer::new().format(7)); }").unwrap();
    let manifest = "[package]\nname = \"app\"\nversion = \"0.3.0\"\nedition = \"2021\"\n[dependencies]\nitoa = \"1\"\n\
                    [profile.release]\nstrip = true\n[workspace]\n";
    std::fs::write(app.join("Cargo.toml"), manifest).unwrap();
    let mut build = Command::new("cargo");
    build
        .args(["auditable", "build", "--quiet", "--release"])
        .current_dir(&app)
        .env("CARGO_TARGET_DIR", app.join("target"))
        .env("PATH", path);
    output_of(&mut build);
    let lock = std::fs::read_to_string(app.join("Cargo.lock")).unwrap();
    let itoa = lock.split("name = \"itoa\"\nversion = \"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let inventory = scanned(&[("app", &app.join("target/release/app"))]);
    let expected = BTreeSet::from([("app".to_owned(), "0.3.0".to_owned()), ("itoa".to_owned(), itoa)]);
    assert_eq!(packages(&inventory, "/app"), expected);
    let vendor = |name: &str| {
        let located = inventory.packages.iter().find(|located| located.package.name == name).unwrap();
        located.package.vendor.clone()
    };
    assert_eq!((vendor("app").as_deref(), vendor("itoa")), (Some("local"), None));
}
