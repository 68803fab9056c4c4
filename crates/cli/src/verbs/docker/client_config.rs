//! Docker's `config.json`, changed in two places and otherwise left as it was written.
//!
//! Docker and other tools write this file too, and it may hold passwords: whatever is not ours keeps its bytes and its
//! place, the file its mode, and a file that cannot be read whole is not touched.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Longest file that is taken for docker's.
const MOST_BYTES: u64 = 4 << 20;

/// A JSON object in the order in which it was written, its values as they were written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Object(Vec<(String, Box<RawValue>)>);

/// The file.
#[derive(Debug)]
pub(crate) struct ClientConfig {
    /// Where it really is: a link to it (dotfiles are often kept so) stays.
    path: PathBuf,
    /// What was read; `None` where there was no file.
    before: Option<String>,
    mode: u32,
    indent: String,
    root: Object,
    /// Whether this program has written into it before: what it was is copied once.
    had_plugin: bool,
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry::<String, Box<RawValue>>()? {
                    // Docker's parser would take the last; which one a person means cannot be known.
                    if members.iter().any(|(name, _)| *name == member.0) {
                        return Err(serde::de::Error::custom(format!("{:?} stands there twice", member.0)));
                    }
                    members.push(member);
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

impl Object {
    /// The value of a member. Go's parser takes a name in any case.
    fn get(&self, name: &str) -> Option<&RawValue> {
        self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// A member that is an object; an empty one where there is none.
    fn object(&self, name: &str) -> Result<Self> {
        match self.get(name).map(RawValue::get) {
            None | Some("null") => Ok(Self::default()),
            Some(text) => serde_json::from_str(text).with_context(|| format!("{name:?} is not an object")),
        }
    }

    fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.get(name)?.get()).ok()
    }

    /// Sets a member where it stands, or at the end.
    fn set(&mut self, name: &str, value: Box<RawValue>) {
        match self.0.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    fn set_text(&mut self, name: &str, value: &str) -> Result<()> {
        self.set(name, raw(&value)?);
        Ok(())
    }

    fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    /// As docker writes it: a member a line.
    fn render(&self, indent: &str, depth: usize) -> Result<String> {
        if self.0.is_empty() {
            return Ok("{}".to_owned());
        }
        let (inner, outer) = (indent.repeat(depth + 1), indent.repeat(depth));
        let members: Result<Vec<String>> = self
            .0
            .iter()
            .map(|(name, value)| Ok(format!("{inner}{}: {}", serde_json::to_string(name)?, value.get())))
            .collect();
        Ok(format!("{{\n{}\n{outer}}}", members?.join(",\n")))
    }
}

fn raw(value: &impl Serialize) -> Result<Box<RawValue>> {
    Ok(serde_json::value::to_raw_value(value)?)
}

/// The file was written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Saved {
    /// The copy of what it was before this program wrote into it, where that is now.
    pub(crate) backup: Option<PathBuf>,
}

impl ClientConfig {
    /// Reads `config.json` in docker's configuration folder, where there is one.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let named = folder.join("config.json");
        let path = std::fs::canonicalize(&named).unwrap_or(named);
        let mut text = String::new();
        let (before, mode) = match File::open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => (None, 0o600),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
            Ok(file) => {
                let about = file.metadata().with_context(|| format!("cannot read {}", path.display()))?;
                if !about.is_file() || about.len() > MOST_BYTES {
                    bail!("{} is no file of less than 4 MiB; it was left as it is", path.display());
                }
                file.take(MOST_BYTES)
                    .read_to_string(&mut text)
                    .with_context(|| format!("cannot read {} as text; it was left as it is", path.display()))?;
                (Some(text), about.mode() & 0o7777)
            }
        };
        let root = match before.as_deref() {
            Some(text) if !text.trim().is_empty() => serde_json::from_str(text).with_context(|| {
                format!("{} is not what docker writes and was left as it is; mend it first", path.display())
            })?,
            _ => Object::default(),
        };
        let indent = before.as_deref().and_then(indent_of).unwrap_or("\t").to_owned();
        let mut config = Self { path, before, mode, indent, root, had_plugin: false };
        config.had_plugin = config.plugins().is_ok_and(|plugins| plugins.get(super::plugin::NAME).is_some());
        Ok(config)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What a plugin is told, by name (`plugins.PLUGIN.NAME`).
    pub(crate) fn of_plugin(&self, plugin: &str, name: &str) -> Result<Option<String>> {
        Ok(self.plugins()?.object(plugin).with_context(|| self.wrong())?.text(name))
    }

    /// Tells a plugin something.
    pub(crate) fn tell_plugin(&mut self, plugin: &str, name: &str, value: &str) -> Result<()> {
        let mut plugins = self.plugins()?;
        let mut own = plugins.object(plugin).with_context(|| self.wrong())?;
        own.set_text(name, value)?;
        plugins.set(plugin, self.nested(&own, 2)?);
        self.root.set("plugins", self.nested(&plugins, 1)?);
        Ok(())
    }

    /// Forgets a plugin.
    pub(crate) fn forget_plugin(&mut self, plugin: &str) -> Result<()> {
        let mut plugins = self.plugins()?;
        plugins.remove(plugin);
        if plugins.0.is_empty() {
            self.root.remove("plugins");
        } else {
            self.root.set("plugins", self.nested(&plugins, 1)?);
        }
        Ok(())
    }

    /// Whether another plugin has hooks.
    pub(crate) fn has_other_hooks(&self, plugin: &str) -> Result<bool> {
        let plugins = self.plugins()?;
        let has_hooks =
            |name: &str| plugins.object(name).is_ok_and(|own| own.get("hooks").or(own.get("error-hooks")).is_some());
        Ok(plugins.0.iter().any(|(name, _)| name != plugin && has_hooks(name)))
    }

    /// `features.NAME`.
    pub(crate) fn feature(&self, name: &str) -> Result<Option<String>> {
        Ok(self.root.object("features").with_context(|| self.wrong())?.text(name))
    }

    /// Sets a feature, or takes it out.
    pub(crate) fn set_feature(&mut self, name: &str, value: Option<&str>) -> Result<()> {
        let mut features = self.root.object("features").with_context(|| self.wrong())?;
        match value {
            Some(value) => features.set_text(name, value)?,
            None => features.remove(name),
        }
        if features.0.is_empty() {
            self.root.remove("features");
        } else {
            self.root.set("features", self.nested(&features, 1)?);
        }
        Ok(())
    }

    fn plugins(&self) -> Result<Object> {
        self.root.object("plugins").with_context(|| self.wrong())
    }

    fn wrong(&self) -> String {
        format!("{} is not what docker writes and was left as it is; mend it first", self.path.display())
    }

    fn nested(&self, object: &Object, depth: usize) -> Result<Box<RawValue>> {
        Ok(RawValue::from_string(object.render(&self.indent, depth)?)?)
    }

    /// Writes it anew, whole or not at all, with a copy of what was there beside it. Says where the copy is; `None` where
    /// there was no file, or nothing to write.
    pub(crate) fn save(&self) -> Result<Option<Saved>> {
        let text = format!("{}\n", self.root.render(&self.indent, 0)?);
        let ending = self.before.as_deref().map_or("\n", |before| if before.ends_with('\n') { "\n" } else { "" });
        let text = format!("{}{ending}", text.trim_end());
        if self.before.as_deref() == Some(&text) {
            return Ok(None);
        }
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make folder {}", folder.display()))?;
        }
        // Docker's own `login` may have written meanwhile; what it wrote must not be lost.
        let now = match std::fs::read_to_string(&self.path) {
            Ok(now) => Some(now),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", self.path.display())),
        };
        if now != self.before {
            bail!("{} was changed by another program meanwhile; run this again", self.path.display());
        }
        let backup = match self.before.as_deref().filter(|_| !self.had_plugin) {
            Some(before) => {
                let backup = beside(&self.path, "before-plimsoll");
                self.replace(&backup, before)?;
                Some(backup)
            }
            None => None,
        };
        self.replace(&self.path, &text)?;
        Ok(Some(Saved { backup }))
    }

    fn replace(&self, path: &Path, text: &str) -> Result<()> {
        let writing = || format!("cannot write {}", path.display());
        let new = beside(path, &format!("{}.new", std::process::id()));
        let write = || -> std::io::Result<()> {
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
            file.set_permissions(std::fs::Permissions::from_mode(self.mode))?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&new, path)
        };
        write().inspect_err(|_| drop(std::fs::remove_file(&new))).with_context(writing)
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// What stands before the first member.
fn indent_of(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once('{')?;
    let line = rest.get(..rest.find('"')?)?;
    let (_, indent) = line.rsplit_once('\n')?;
    Some(indent).filter(|indent| !indent.is_empty() && indent.len() <= 8 && indent.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// As docker and a person's hand left it.
    const REAL: &str = r#"{
	"auths": {
		"registry.example.com": {
			"auth": "dXNlcjpwYXNzd29yZA=="
		}
	},
	"credsStore": "pass",
	"plugins": {
		"debug":   { "hooks": "exec" , "x": "y" },
		"-x-cli-hints": {
			"enabled": "true"
		}
	},
	"currentContext": "prod",
	"unknown": [1,  2.50, null]
}"#;

    fn folder(text: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("config.json"), text).unwrap();
        fs::set_permissions(folder.path().join("config.json"), fs::Permissions::from_mode(0o640)).unwrap();
        folder
    }

    fn install(folder: &Path) -> ClientConfig {
        let mut config = ClientConfig::read(folder).unwrap();
        config.tell_plugin("plimsoll", "hooks", "push,image push").unwrap();
        config.set_feature("hooks", Some("true")).unwrap();
        config
    }

    #[test]
    fn everything_else_keeps_its_bytes_its_place_and_the_file_its_mode() {
        let folder = folder(REAL);
        let backup = install(folder.path()).save().unwrap().unwrap().backup.unwrap();
        assert_eq!(fs::read_to_string(&backup).unwrap(), REAL);
        let path = folder.path().join("config.json");
        let text = fs::read_to_string(&path).unwrap();
        insta::assert_snapshot!(text, @r#"
        {
        	"auths": {
        		"registry.example.com": {
        			"auth": "dXNlcjpwYXNzd29yZA=="
        		}
        	},
        	"credsStore": "pass",
        	"plugins": {
        		"debug": { "hooks": "exec" , "x": "y" },
        		"-x-cli-hints": {
        			"enabled": "true"
        		},
        		"plimsoll": {
        			"hooks": "push,image push"
        		}
        	},
        	"currentContext": "prod",
        	"unknown": [1,  2.50, null],
        	"features": {
        		"hooks": "true"
        	}
        }
        "#);
        for file in [&path, &backup] {
            assert_eq!(fs::metadata(file).unwrap().mode() & 0o777, 0o640);
        }
        assert!(ClientConfig::read(folder.path()).unwrap().has_other_hooks("plimsoll").unwrap());
        assert_eq!(install(folder.path()).save().unwrap(), None, "a second time there is nothing to write");

        let mut config = install(folder.path());
        config.tell_plugin("plimsoll", "key", "file:b.key").unwrap();
        assert_eq!(config.save().unwrap(), Some(Saved { backup: None }));
        assert_eq!(fs::read_to_string(&backup).unwrap(), REAL, "what was there before all of it");

        let mut config = ClientConfig::read(folder.path()).unwrap();
        config.forget_plugin("plimsoll").unwrap();
        config.set_feature("hooks", None).unwrap();
        config.save().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), REAL.replace("\"debug\":   {", "\"debug\": {"));
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "{names:?}");
    }

    #[test]
    fn a_file_that_is_not_understood_is_left_as_it_is() {
        for text in ["{", "[]", "nothing", "{\"plugins\": {}, \"plugins\": {}}", "{\"auths\": {}} trailing"] {
            let folder = folder(text);
            let error = format!("{:#}", ClientConfig::read(folder.path()).unwrap_err());
            assert!(error.contains("left as it is"), "{error}");
            assert_eq!(fs::read_to_string(folder.path().join("config.json")).unwrap(), text);
        }
        for text in ["{\"plugins\": []}", "{\"plugins\": {\"plimsoll\": 3}}"] {
            let folder = folder(text);
            let error = ClientConfig::read(folder.path()).unwrap().tell_plugin("plimsoll", "hooks", "x").unwrap_err();
            assert!(format!("{error:#}").contains("left as it is"), "{error:#}");
        }
        let folder = folder("{\"features\": 1}");
        assert!(ClientConfig::read(folder.path()).unwrap().set_feature("hooks", Some("true")).is_err());
    }

    #[test]
    fn a_link_stays_a_link_and_a_missing_file_is_made_for_its_owner_alone() {
        let (real, linked) = (folder("{}"), tempfile::tempdir().unwrap());
        std::os::unix::fs::symlink(real.path().join("config.json"), linked.path().join("config.json")).unwrap();
        install(linked.path()).save().unwrap();
        assert!(fs::symlink_metadata(linked.path().join("config.json")).unwrap().is_symlink());
        assert!(fs::read_to_string(real.path().join("config.json")).unwrap().contains("plimsoll"));

        let empty = tempfile::tempdir().unwrap();
        assert_eq!(install(&empty.path().join("new")).save().unwrap(), Some(Saved { backup: None }));
        assert_eq!(fs::metadata(empty.path().join("new/config.json")).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_another_program_wrote_meanwhile_is_not_lost() {
        let folder = folder("{}");
        let config = install(folder.path());
        fs::write(folder.path().join("config.json"), "{\"auths\": {\"a\": {}}}").unwrap();
        assert!(config.save().unwrap_err().to_string().contains("another program"));
    }
}
