//! A container, from the image that is named to its exit code.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use engine::admission::{Admission, Everything};
use engine::pull::Progress;
use engine::{EngineError, Run, Wishes, attach};
use gate::file::PolicyFile;
use image::client::{Client, Credentials, RegistrySource};
use image::source::{LayoutFolder, OciLayout};
use image::{ImageSource, Platform, Target};
use inventory::worker::Launcher;
use sandbox::{Bind, Broker};
use scan::{Advisories, Scanner};
use store::Store;
use tokio::runtime::Runtime;

use super::Arguments;
use super::by_policy::ByPolicy;
use crate::admission::find_policy;
use crate::arguments::General;
use crate::exit;
use crate::house::{House, Needs};
use crate::verbs::{Start, runtime};

/// What was opened and read as the calling user.
enum Origin {
    Registry { client: Client, reference: image::Reference },
    Layout { folder: LayoutFolder, tag: Option<String> },
}

/// Runs; what the container ended with.
pub(super) fn run(arguments: &Arguments, general: &General) -> Result<u8> {
    let start = Start::new(general)?;
    if !start.caller.is_root() {
        bail!("run makes namespaces and mounts, which only root may; run it with sudo");
    }
    let image = arguments.image()?;
    let target: Target = image.parse()?;
    let origin = Origin::open(&target)?;
    let wishes = arguments.wishes()?;
    let policy = find_policy(&start.caller, arguments.policy.as_deref(), &start.settings)?;
    // While still root, and before anything of the image is read.
    let settings = sandbox::Settings { binds: wishes.binds.clone(), ..sandbox::Settings::new(&start.folder) };
    let broker = Broker::start(&settings)?;
    let house = House::enter(start.folder, &start.caller, start.settings, Needs::OwnFolder)?;

    let runtime = Arc::new(runtime()?);
    let store = runtime.block_on(Store::open(&house.folder, None))?;
    let admission = admission(policy, &house, &store, origin.client(), runtime)?;
    let source = origin.resolve(image, arguments.platform.as_ref())?;
    let progress = Bars::new();
    let run = Run { broker: &broker, blobs: store.blobs(), admission: admission.as_ref(), progress: &progress };
    let mut made = run.create(source, &wishes)?;
    progress.finish();
    let exit = attach::attach(&mut made, arguments.interactive, |made| run.start(made))?;
    made.container.gone();
    Ok(exit.code())
}

/// What an error ends the program with.
pub(super) fn exit_code(error: &anyhow::Error) -> u8 {
    error.downcast_ref::<EngineError>().map_or(exit::NOT_RUN, EngineError::exit_code)
}

/// Who decides whether the image may be used.
fn admission(
    policy: Option<PolicyFile>,
    house: &House,
    store: &Store,
    client: Option<Client>,
    runtime: Arc<Runtime>,
) -> Result<Box<dyn Admission>> {
    let Some(file) = policy else { return Ok(Box::new(Everything)) };
    let launcher = Launcher::this_program().context("cannot find this program to start the worker that parses")?;
    let scanner = Scanner::new(store.clone(), Advisories::in_folder(&house.folder), launcher);
    Ok(Box::new(ByPolicy::new(file.parse()?, scanner, client, house.folder.clone(), runtime)))
}

impl Origin {
    /// As the calling user: credentials and files.
    fn open(target: &Target) -> Result<Self> {
        match target {
            Target::Reference(reference) | Target::Registry(reference) => {
                let credentials = Credentials::of_caller([reference]);
                let client = Client::new(credentials, image::client::Settings::default());
                Ok(Self::Registry { client, reference: reference.clone() })
            }
            Target::OciLayout { folder, tag } => {
                let mut folder = LayoutFolder::open(folder)?;
                folder.hold_files()?;
                Ok(Self::Layout { folder, tag: tag.clone() })
            }
            other => {
                bail!("{other} cannot be run from where it is; push it to a registry, or write it to an OCI layout")
            }
        }
    }

    /// The registry's client, where the image is in one.
    fn client(&self) -> Option<Client> {
        match self {
            Self::Registry { client, .. } => Some(client.clone()),
            Self::Layout { .. } => None,
        }
    }

    /// As the owner of the data folder: what comes from outside is read here.
    fn resolve(self, name: &str, platform: Option<&Platform>) -> Result<Arc<dyn ImageSource>> {
        Ok(match self {
            Self::Registry { client, reference } => Arc::new(RegistrySource::open(&client, &reference, platform)?),
            Self::Layout { folder, tag } => Arc::new(OciLayout::open(folder, name, tag.as_deref(), platform)?),
        })
    }
}

impl Arguments {
    /// The image. An option that does not exist lands here too, since all that follows the image is the command's.
    fn image(&self) -> Result<&str> {
        match self.image_and_command.first().map(String::as_str) {
            Some(option) if option.starts_with('-') => {
                bail!("{option} is no option of run; plimsoll run --help lists them")
            }
            Some(image) => Ok(image),
            None => bail!("name an image to run"),
        }
    }

    fn wishes(&self) -> Result<Wishes> {
        if self.tty && self.interactive && attach::terminal_size().is_none() {
            bail!("-t with -i needs a terminal, but stdin is none; leave -t out");
        }
        let mut wishes = Wishes {
            command: self.image_and_command.get(1..).unwrap_or_default().to_vec(),
            entrypoint: self.entrypoint.clone(),
            environment: self.environment.iter().filter_map(|variable| with_value(variable)).collect(),
            working_folder: self.workdir.clone(),
            user: self.user.clone(),
            name: self.name.clone(),
            hostname: self.hostname.clone(),
            binds: self.volumes.iter().map(|volume| bind(volume)).collect::<Result<_>>()?,
            terminal: self.tty.then(|| attach::terminal_size().unwrap_or_default()),
            open_stdin: self.interactive,
            remove: self.rm,
            ..Wishes::default()
        };
        if let Some(pids) = self.pids_limit {
            wishes.limits.pids = pids;
        }
        Ok(wishes)
    }
}

/// `NAME=VALUE` as it is; `NAME` with the value that it has here, and not at all where it has none.
fn with_value(variable: &str) -> Option<String> {
    if variable.contains('=') {
        return Some(variable.to_owned());
    }
    std::env::var(variable).ok().map(|value| format!("{variable}={value}"))
}

/// `SOURCE:DESTINATION[:ro|rw]`. A relative source begins here.
fn bind(text: &str) -> Result<Bind> {
    let mut parts = text.split(':');
    let (source, destination, mode) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    let wrong = || anyhow!("-v {text:?}: write SOURCE:DESTINATION or SOURCE:DESTINATION:ro");
    let destination = destination.filter(|path| path.starts_with('/')).ok_or_else(wrong)?;
    let read_only = match (mode, parts.next()) {
        (None | Some("rw"), None) => false,
        (Some("ro"), None) => true,
        _ => return Err(wrong()),
    };
    if !source.contains('/') && source != "." {
        bail!("-v {text:?}: named volumes are not there yet; write a path, for example ./{source}");
    }
    let source = std::path::absolute(Path::new(source)).with_context(|| format!("-v {text:?}"))?;
    Ok(Bind { source, destination: in_container(destination), read_only })
}

/// A path in the container without the detours in it. There is nothing above the root.
fn in_container(path: &str) -> PathBuf {
    let mut names = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    Path::new("/").join(names.join("/"))
}

/// One bar on a terminal, nothing elsewhere.
struct Bars(indicatif::ProgressBar);

impl Bars {
    fn new() -> Self {
        let style = indicatif::ProgressStyle::with_template("{msg} {bytes} ({bytes_per_sec})")
            .unwrap_or_else(|_| indicatif::ProgressStyle::default_bar());
        // Hides itself where stderr is no terminal.
        Self(indicatif::ProgressBar::no_length().with_style(style).with_message("pulling"))
    }

    fn finish(&self) {
        self.0.finish_and_clear();
    }
}

impl Progress for Bars {
    fn fetched(&self, _layer: usize, bytes: u64, _of: u64) {
        self.0.inc(bytes);
    }

    fn unpacked(&self, layer: usize) {
        self.0.set_message(format!("unpacked layer {}", layer + 1));
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_volume_is_a_path_with_a_place() {
        let found = bind("/srv/data:/data:ro").unwrap();
        assert_eq!(found, Bind { source: "/srv/data".into(), destination: "/data".into(), read_only: true });
        assert!(bind("./here:/there").unwrap().source.is_absolute());
        for (detour, place) in [("/a/../../b/", "/b"), ("//a/./b", "/a/b"), ("/..", "/")] {
            assert_eq!(bind(&format!("/srv:{detour}")).unwrap().destination, Path::new(place));
        }
        for wrong in ["data:/data", "/srv", "/srv:data", "/srv:/data:rx", "/srv:/data:ro:z", ""] {
            assert!(bind(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn everything_behind_the_image_is_the_command() {
        use clap::Parser as _;
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            run: Arguments,
        }
        let line = Line::parse_from(["run", "--rm", "-it", "busybox", "sh", "-c", "--rm", "-v"]);
        assert!(line.run.rm && line.run.interactive && line.run.tty);
        assert_eq!(line.run.image().unwrap(), "busybox");
        assert_eq!(line.run.image_and_command, ["busybox", "sh", "-c", "--rm", "-v"]);
        let line = Line::parse_from(["run", "--remove", "busybox"]);
        assert!(line.run.image().unwrap_err().to_string().starts_with("--remove is no option of run"));
    }
}
