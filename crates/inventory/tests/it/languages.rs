//! Packages of programming languages, compared with what their own package managers list.

use std::collections::BTreeSet;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use inventory::PackageKind;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::layers::Layer;
use crate::real::{made_once, named, scanned, tar_of};
use crate::support::{output_of, skip};

/// Whether a program is there that answers to `--version`.
fn is_there(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success())
}

fn write(path: PathBuf, content: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

#[test]
fn gems_are_what_gem_lists() {
    if !is_there("gem") {
        return skip("there is no gem to install with and compare with");
    }
    // A gem for this platform, one for every platform in two versions; Ruby brings its own.
    let folder = made_once("gem-tree-1", |folder| {
        for (name, version, platform) in [
            ("thing", "1.2.3", "Gem::Platform::CURRENT"),
            ("other", "0.9.0", "'ruby'"),
            ("other", "1.0.0.pre1", "'ruby'"),
        ] {
            let source = folder.join("source").join(format!("{name}-{version}"));
            let specification = format!(
                "Gem::Specification.new do |s|\n s.name = '{name}'\n s.version = '{version}'\n s.platform = {platform}\n \
                 s.summary = 'x'\n s.authors = ['x']\n s.licenses = ['MIT', 'Ruby']\n s.files = ['lib/x.rb']\nend\n"
            );
            write(source.join("x.gemspec"), &specification);
            write(source.join("lib/x.rb"), "");
            output_of(
                Command::new("gem").args(["build", "--silent", "--output", "x.gem", "x.gemspec"]).current_dir(&source),
            );
            let mut install = Command::new("gem");
            install.args(["install", "--local", "--silent", "--no-document", "--install-dir"]).arg(folder.join("gems"));
            output_of(install.arg("x.gem").current_dir(&source));
        }
    });
    let gem = |arguments: &[&str]| {
        output_of(Command::new("gem").args(arguments).env("GEM_HOME", folder.join("gems")).env_remove("GEM_PATH"))
    };
    // `other (1.0.0.pre1, 0.9.0)`, `thing (1.2.3 x86_64-linux)`, `bundler (2.3.15, default: 2.3.7)`.
    let listed: BTreeSet<(String, String)> = gem(&["list", "--local", "--all", "--quiet"])
        .lines()
        .filter_map(|line| line.strip_suffix(')')?.split_once(" ("))
        .flat_map(|(name, versions)| {
            let one = |version: &str| {
                let version = version.trim_start_matches("default: ");
                (name.to_owned(), version.split(' ').next().unwrap().to_owned())
            };
            versions.split(", ").map(one).collect::<Vec<_>>()
        })
        .collect();
    let paths = gem(&["env", "gempath"]);
    let specifications = paths.trim().split(':').map(|path| Path::new(path).join("specifications"));
    let there: Vec<PathBuf> = specifications.filter(|path| path.is_dir()).collect();
    let packed = Command::new("tar").args(["-C", "/", "-cPf", "-"]).args(&there).output().unwrap();
    let inventory = scanned(Cursor::new(packed.stdout));
    assert_eq!(inventory.warnings, [""; 0]);
    assert!(listed.len() > 30, "{listed:?}");
    assert_eq!(named(&inventory, PackageKind::Gem), listed);
    let thing = inventory.packages.iter().find(|located| located.package.name == "thing").unwrap();
    assert_eq!(thing.package.licences, ["MIT", "Ruby"]);
    assert!(thing.purl.starts_with("pkg:gem/thing@1.2.3?platform="), "{}", thing.purl);
}

#[test]
fn php_packages_are_what_composer_shows() {
    if !is_there("composer") {
        return skip("there is no Composer to install with and compare with");
    }
    let folder = made_once("composer-tree-1", |folder| {
        for (name, version) in [("acme/Mixed", "v1.2.3"), ("acme/plain", "2.0.0-beta1"), ("acme/dev", "dev-main")] {
            let package = format!(r#"{{"name": "{}", "version": "{version}", "license": "MIT"}}"#, name.to_lowercase());
            write(folder.join("packages").join(name).join("composer.json"), &package);
        }
        let root = r#"{"name": "acme/app", "minimum-stability": "dev", "config": {"vendor-dir": "lib"},
            "repositories": [{"packagist.org": false}, {"type": "path", "url": "packages/*/*", "options": {"symlink": false}}],
            "require": {"acme/mixed": "*", "acme/plain": "*", "acme/dev": "*"}}"#;
        write(folder.join("composer.json"), root);
        let mut composer = Command::new("composer");
        composer.args(["install", "--no-interaction", "--quiet"]).env("COMPOSER_ALLOW_SUPERUSER", "1");
        output_of(composer.env("COMPOSER_HOME", folder.join("home")).current_dir(folder));
    });
    let mut composer = Command::new("composer");
    composer.args(["show", "--format=json"]).env("COMPOSER_ALLOW_SUPERUSER", "1").current_dir(&folder);
    let shown: serde_json::Value =
        serde_json::from_str(&output_of(composer.env("COMPOSER_HOME", folder.join("home")))).unwrap();
    let field = |value: &serde_json::Value, name: &str| value[name].as_str().unwrap().to_owned();
    let shown: BTreeSet<_> = shown["installed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|value| (field(value, "name"), field(value, "version")))
        .collect();
    let inventory = scanned(Cursor::new(tar_of(&folder)));
    assert_eq!(shown.len(), 3);
    assert_eq!(named(&inventory, PackageKind::Composer), shown);
    assert_eq!(inventory.warnings, [""; 0]);
}

#[test]
fn python_packages_of_the_distribution_are_what_pip_lists() {
    let site = Path::new("/usr/lib/python3/dist-packages");
    let has_pip =
        Command::new("python3").args(["-m", "pip", "--version"]).output().is_ok_and(|output| output.status.success());
    if !site.is_dir() || !has_pip {
        return skip("there are no Python packages of Debian's, or no pip to compare with");
    }
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "list", "--disable-pip-version-check", "--format=json", "--path"]).arg(site);
    let listed: Vec<serde_json::Value> = serde_json::from_str(&output_of(&mut pip)).unwrap();
    let field = |value: &serde_json::Value, name: &str| value[name].as_str().unwrap().to_owned();
    let listed: BTreeSet<_> = listed.iter().map(|value| (field(value, "name"), field(value, "version"))).collect();
    let mut tar = Command::new("tar");
    tar.args(["-C", "/usr/lib/python3", "-cf", "-", "--wildcards", "--exclude=*/*/*/*", "dist-packages"]);
    let mut inventory = scanned(Cursor::new(tar.output().unwrap().stdout));
    inventory.packages.retain(|located| located.path.matches('/').count() <= 3);
    assert_eq!(named(&inventory, PackageKind::Pypi), listed);
}

/// Built by Maven, Gradle, Ant and sbt; with `pom.properties` and without; of groups that their manifests do not name.
const ARCHIVES: &[&str] = &[
    "ch.qos.logback:logback-core:1.4.11",
    "com.beust:jcommander:1.78",
    "com.fasterxml.jackson.core:jackson-core:2.13.2",
    "com.github.luben:zstd-jni:1.5.0-1",
    "com.h2database:h2:1.4.200",
    "com.jayway.jsonpath:json-path:2.4.0",
    "com.mysql:mysql-connector-j:8.0.33",
    "com.squareup.okio:okio-jvm:3.2.0",
    "commons-collections:commons-collections:3.2.1",
    "io.micrometer:micrometer-core:1.9.0",
    "io.projectreactor:reactor-core:3.4.15",
    "log4j:log4j:1.2.17",
    "org.apache.commons:commons-text:1.9",
    "org.apache.kafka:kafka-clients:3.3.1",
    "org.apache.logging.log4j:log4j-core:2.14.1",
    "org.apache.poi:poi:4.1.0",
    "org.apache.tomcat.embed:tomcat-embed-el:9.0.65",
    "org.bouncycastle:bcpkix-jdk15on:1.65",
    "org.postgresql:postgresql:42.3.2",
    "org.springframework.boot:spring-boot:2.7.18",
    "org.springframework.security:spring-security-web:6.2.0",
    "org.springframework:spring-expression:3.2.18.RELEASE",
    "org.typelevel:cats-kernel_2.13:2.6.1",
    "org.yaml:snakeyaml:1.26",
];

#[test]
fn java_archives_are_what_maven_calls_them_wherever_they_lie() {
    if !is_there("mvn") {
        return skip("there is no Maven to fetch archives with");
    }
    let folder = made_once("maven-tree-1", |folder| {
        let dependencies = ARCHIVES.iter().map(|archive| {
            let parts: Vec<&str> = archive.split(':').collect();
            format!(
                "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version><exclusions><exclusion>\
                 <groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions></dependency>",
                parts[0], parts[1], parts[2]
            )
        });
        let pom = format!(
            "<project><modelVersion>4.0.0</modelVersion><groupId>t</groupId><artifactId>t</artifactId><version>1</version>\
             <dependencies>{}</dependencies></project>",
            dependencies.collect::<String>()
        );
        write(folder.join("pom.xml"), &pom);
        let mut maven = Command::new("mvn");
        maven.args(["--batch-mode", "--quiet", "dependency:copy-dependencies", "-DoutputDirectory=lib"]);
        output_of(maven.current_dir(folder));
    });
    let expected: BTreeSet<(String, String)> = ARCHIVES
        .iter()
        .map(|archive| archive.rsplit_once(':').unwrap())
        .map(|(name, version)| (name.to_owned(), version.to_owned()))
        .collect();
    let mut jars: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder.join("lib"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(path).unwrap()))
        .collect();
    jars.sort();
    assert_eq!(jars.len(), ARCHIVES.len());

    let loose = jars.iter().fold(Layer::new(), |layer, (name, jar)| layer.file(&format!("app/lib/{name}"), &jar[..]));
    let packed = |within: &str, method: CompressionMethod| {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, jar) in &jars {
            let options = SimpleFileOptions::default().compression_method(method);
            writer.start_file(format!("{within}/{name}"), options).unwrap();
            writer.write_all(jar).unwrap();
        }
        writer.finish().unwrap().into_inner()
    };
    // As Spring Boot packs it, and as a servlet container gets it.
    let boot = Layer::new().file("app/shop.jar", packed("BOOT-INF/lib", CompressionMethod::Stored));
    let war = Layer::new().file("srv/shop.war", packed("WEB-INF/lib", CompressionMethod::Deflated));
    for (shape, place) in [
        (loose, "/app/lib/log4j-1.2.17.jar"),
        (boot, "/app/shop.jar!/BOOT-INF/lib/log4j-1.2.17.jar"),
        (war, "/srv/shop.war!/WEB-INF/lib/log4j-1.2.17.jar"),
    ] {
        let inventory = scanned(Cursor::new(shape.tar()));
        assert_eq!(inventory.warnings, [""; 0]);
        assert_eq!(named(&inventory, PackageKind::Maven), expected, "these carry no others inside themselves");
        let log4j = inventory.packages.iter().find(|located| located.package.name == "log4j:log4j").unwrap();
        assert_eq!(log4j.place(), place);
    }
}
