//! What a Java archive is, from what it says in several places.
//!
//! 1. Each `pom.properties` is an artifact whose classes are there: the archive's own, or one that was shaded into it.
//!    Where one is broken or absent beside its `pom.xml`, that and the folder's name tell.
//! 2. Where none of them is the archive's own, its file name says artifact and version, else its manifest does. The
//!    group is, in this order: that of a well-known artifact ([`groups`]); the first part of a title that Gradle's Ivy
//!    plugin wrote (`group#artifact;version`); a vendor's id that looks like a group; the bundle's or module's name
//!    without what it has in common with the artifact; and, for an archive with classes of its own only, the folder
//!    that most of them lie in.
//!
//! An archive without a version is left out: nothing could be said of it. One without a group has its artifact's name
//! alone; advisories are written about groups and artifacts, so it is unknown, never clean.

use std::collections::BTreeMap;

use super::file_name::FileName;
use super::groups;
use super::manifest::Manifest;
use super::pom::Pom;
use super::properties::PomProperties;
use crate::package::{Package, PackageKind};

/// All that an archive says of itself.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    file_name: String,
    pub(super) manifest: Manifest,
    /// By the entry's path.
    pub(super) properties: Vec<(String, PomProperties)>,
    pub(super) poms: Vec<(String, Pom)>,
    classes: Classes,
}

/// Group, artifact, version; the group is empty where nothing tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Coordinates {
    group: String,
    artifact: String,
    version: String,
}

impl Evidence {
    pub(super) fn new(file_name: &str) -> Self {
        Self { file_name: file_name.to_owned(), ..Self::default() }
    }

    /// Every entry's path goes through here.
    pub(super) fn see_class(&mut self, path: &str) {
        self.classes.see(path);
    }

    /// The artifacts that are there, sorted, each once.
    pub(super) fn packages(&self) -> Vec<Package> {
        let mut found: BTreeMap<Coordinates, Vec<String>> = BTreeMap::new();
        let mut has_own = false;
        for folder in self.folders() {
            let Some((coordinates, licences)) = self.built_by_maven(folder) else { continue };
            has_own |= self.is_own(&coordinates.artifact);
            found.entry(coordinates).or_default().extend(licences);
        }
        if !has_own && let Some(own) = self.own(found.is_empty()) {
            found.entry(own).or_default().extend(self.manifest.licences());
        } else if let [licences] = &mut found.values_mut().collect::<Vec<_>>()[..]
            && licences.is_empty()
        {
            licences.extend(self.manifest.licences());
        }
        found.into_iter().map(|(coordinates, licences)| coordinates.package(licences)).collect()
    }

    /// The folders under `META-INF/maven` that tell of an artifact.
    fn folders(&self) -> Vec<&str> {
        let paths = self.properties.iter().map(|(path, _)| path).chain(self.poms.iter().map(|(path, _)| path));
        let mut folders: Vec<&str> = paths.filter_map(|path| Some(path.rsplit_once('/')?.0)).collect();
        folders.sort_unstable();
        folders.dedup();
        folders
    }

    fn built_by_maven(&self, folder: &str) -> Option<(Coordinates, Vec<String>)> {
        let in_folder = |path: &str| path.rsplit_once('/').is_some_and(|(of, _)| of == folder);
        let properties = self.properties.iter().find(|(path, _)| in_folder(path)).map(|(_, properties)| properties);
        let pom = self.poms.iter().find(|(path, _)| in_folder(path)).map(|(_, pom)| pom);
        let mut parts = folder.rsplit('/');
        let (folder_artifact, folder_group) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let first = |of_properties: Option<&str>, of_pom: Option<&str>, otherwise: &str| {
            let said = of_properties.into_iter().chain(of_pom).find(|said| is_resolved(said));
            said.unwrap_or(otherwise).to_owned()
        };
        let artifact = first(
            properties.map(|said| said.artifact.as_str()),
            pom.map(|said| said.artifact.as_str()),
            folder_artifact,
        );
        // A project without a version of its own is the archive's: those that were shaded in say theirs.
        let own_version = if self.is_own(&artifact) { self.own_version() } else { None };
        let coordinates = Coordinates {
            group: first(properties.map(|said| said.group.as_str()), pom.map(|said| said.group.as_str()), folder_group),
            version: first(
                properties.map(|said| said.version.as_str()),
                pom.map(|said| said.version.as_str()),
                own_version.as_deref().unwrap_or_default(),
            ),
            artifact,
        };
        let is_whole = is_resolved(&coordinates.artifact) && is_resolved(&coordinates.version);
        let licences = pom.map(|pom| pom.licences.clone()).unwrap_or_default();
        is_whole.then_some((coordinates, licences))
    }

    /// Whether an artifact is what the archive's name says that it is.
    fn is_own(&self, artifact: &str) -> bool {
        let rest = self.file_name.strip_prefix(artifact);
        rest.is_some_and(|rest| rest.starts_with(['.', '-', '_'])) || FileName::split(&self.file_name).version.is_none()
    }

    fn own_version(&self) -> Option<String> {
        let of_file_name = FileName::split(&self.file_name).version;
        let of_manifest = || {
            let said = ["Implementation-Version", "Bundle-Version", "Plugin-Version"];
            let mut said = said.into_iter().filter_map(|attribute| self.manifest.get(attribute));
            // Some say the commit and the day behind it, some what their build forgot to fill in.
            said.find_map(|version| version.split_whitespace().next().filter(|first| starts_with_digit(first)))
        };
        of_file_name.or_else(of_manifest).map(str::to_owned)
    }

    /// What the archive itself is, where Maven did not say it.
    fn own(&self, alone: bool) -> Option<Coordinates> {
        let file = FileName::split(&self.file_name);
        let version = self.own_version()?;
        let ivy = self.ivy();
        let artifact = match (file.version, ivy, self.tomcat(file.artifact)) {
            (_, _, Some(artifact)) => artifact,
            (Some(_), _, _) | (None, None, _) => file.artifact.to_owned(),
            (None, Some((_, artifact)), _) => artifact.to_owned(),
        };
        let told = groups::group_of(&artifact, &version)
            .or(ivy.map(|(group, _)| group))
            .or_else(|| self.vendor())
            .map(str::to_owned)
            .or_else(|| self.named_group(&artifact));
        let group = match told {
            Some(group) => group,
            // What has no version in its name and no group is an application's own, or a part of the Java runtime.
            None if file.version.is_none() => return None,
            // Beside shaded ones, most classes are theirs.
            None if !alone => return None,
            None => self.classes.group().unwrap_or_default(),
        };
        (!artifact.is_empty()).then_some(Coordinates { group, artifact, version })
    }

    /// `org.elasticsearch#server;7.10.0`.
    fn ivy(&self) -> Option<(&str, &str)> {
        let (group, rest) = self.manifest.get("Implementation-Title")?.split_once('#')?;
        let (artifact, _) = rest.split_once(';')?;
        (is_group(group) && !artifact.is_empty()).then_some((group, artifact))
    }

    /// A vendor's id, which Maven and sbt fill with the group; some fill the vendor with it instead.
    fn vendor(&self) -> Option<&str> {
        let attributes = ["Group-Id", "Implementation-Vendor-Id", "Implementation-Vendor", "Extension-Name"];
        let said = attributes[..3].iter().filter_map(|attribute| self.manifest.get(attribute));
        said.into_iter().find(|said| is_group(said) && !is_umbrella(said))
    }

    /// The bundle's or module's name without its last part where the artifact ends with that.
    fn named_group(&self, artifact: &str) -> Option<String> {
        let names = [self.manifest.symbolic_name(), self.manifest.get("Automatic-Module-Name")];
        names.into_iter().flatten().find_map(|name| {
            if !is_group(name) {
                return None;
            }
            let (rest, last) = name.rsplit_once('.')?;
            let is_part = letters(artifact).ends_with(&letters(last)) || artifact == name;
            let group = if is_part && rest.contains('.') && !is_umbrella(rest) { rest } else { name };
            (!is_umbrella(group)).then(|| group.to_owned())
        })
    }

    /// Tomcat's own distribution calls its archives otherwise than the repository does, and Debian's otherwise than
    /// both: `catalina.jar`, `tomcat9-catalina-9.0.70.jar`.
    fn tomcat(&self, stem: &str) -> Option<String> {
        if self.manifest.get("Implementation-Title") != Some("Apache Tomcat") {
            return None;
        }
        let numbered =
            stem.strip_prefix("tomcat").map(|rest| rest.trim_start_matches(|end: char| end.is_ascii_digit()));
        let part = match (numbered.and_then(|rest| rest.strip_prefix('-')), stem) {
            (Some(part), _) => part,
            (None, "catalina-tribes") => "tribes",
            (None, "catalina-ssi") => "ssi",
            (None, "catalina-storeconfig") => "storeconfig",
            (
                None,
                "catalina"
                | "catalina-ant"
                | "catalina-ha"
                | "jasper"
                | "jasper-el"
                | "el-api"
                | "jsp-api"
                | "servlet-api"
                | "annotations-api"
                | "websocket-api"
                | "websocket-client-api"
                | "jaspic-api",
            ) => stem,
            (None, _) => return None,
        };
        Some(format!("tomcat-{part}"))
    }
}

impl Coordinates {
    fn package(self, mut licences: Vec<String>) -> Package {
        let name = if self.group.is_empty() { self.artifact } else { format!("{}:{}", self.group, self.artifact) };
        licences.dedup();
        licences.truncate(10);
        Package { licences, ..Package::new(PackageKind::Maven, name, self.version) }
    }
}

/// Which folders an archive's classes lie in.
#[derive(Debug, Default)]
struct Classes {
    /// Classes by the first folders of their path that could be a group.
    by_group: BTreeMap<String, usize>,
    all: usize,
}

impl Classes {
    /// Folders that are counted; an archive of one project has a few.
    const MOST: usize = 64;

    fn see(&mut self, path: &str) {
        if path.strip_suffix(".class").is_none() || path.starts_with("META-INF/") || path.contains("-INF/") {
            return;
        }
        self.all += 1;
        let Some((folder, _)) = path.rsplit_once('/') else { return };
        let mut parts = folder.split('/');
        let (Some(first), Some(second)) = (parts.next(), parts.next()) else { return };
        let mut group = format!("{first}.{second}");
        if is_umbrella(&group) {
            let Some(third) = parts.next() else { return };
            group = format!("{group}.{third}");
        }
        if self.by_group.len() < Self::MOST || self.by_group.contains_key(&group) {
            *self.by_group.entry(group).or_default() += 1;
        }
    }

    /// The one that has most of the classes.
    fn group(&self) -> Option<String> {
        let (group, classes) = self.by_group.iter().max_by_key(|(_, classes)| **classes)?;
        (classes * 2 > self.all && is_group(group)).then(|| group.clone())
    }
}

fn is_resolved(said: &str) -> bool {
    !said.is_empty() && !said.contains("${") && !said.contains('@') && !said.contains(char::is_whitespace)
}

fn starts_with_digit(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
}

/// A domain's name written backwards: words with dots between them, the first of which is a top level.
fn is_group(text: &str) -> bool {
    let is_word = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_lowercase())
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let top = text.split('.').next().unwrap_or_default();
    let is_top = top.len() == 2
        || matches!(top, "com" | "org" | "net" | "edu" | "gov" | "info" | "dev" | "app" | "biz" | "javax" | "jakarta");
    is_top && text.contains('.') && text.split('.').all(is_word)
}

/// Who publishes for many projects has a group for each of them, and none himself.
fn is_umbrella(group: &str) -> bool {
    matches!(
        group,
        "org.apache"
            | "com.sun"
            | "org.eclipse"
            | "com.google"
            | "com.github"
            | "io.github"
            | "org.jboss"
            | "org.codehaus"
            | "com.amazonaws"
            | "com.oracle"
            | "com.microsoft"
            | "com.ibm"
            | "net.sourceforge"
            | "com.netflix"
            | "org.glassfish"
            | "com.typesafe"
            | "org.apache.commons"
            | "com.squareup"
            | "org.wildfly"
            | "org.webjars"
            | "com.fasterxml"
            | "io.projectreactor"
    )
}

/// Its letters and digits, without the Scala version behind it.
fn letters(name: &str) -> String {
    let name = name.rsplit_once('_').filter(|(_, scala)| starts_with_digit(scala)).map_or(name, |(name, _)| name);
    name.chars().filter(char::is_ascii_alphanumeric).collect()
}
