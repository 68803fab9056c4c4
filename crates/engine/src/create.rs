//! What is asked of the sandbox: an image's config and the caller's wishes, put together as docker does.

use image::Image;
use oci_spec::image::Config;
use sandbox::{Bind, ContainerId, ContainerRequest, DiffId, Limits, TerminalSize};

use crate::EngineError;

/// Where programs are looked for when the image sets no PATH.
const DEFAULT_PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What the caller wants of a container, beside the image.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// The program with its arguments, or arguments to the image's entrypoint; the image's own where empty.
    pub command: Vec<String>,
    /// Instead of the image's entrypoint; one that is empty takes it away.
    pub entrypoint: Option<String>,
    /// `NAME=VALUE`, over the image's.
    pub environment: Vec<String>,
    /// The folder that it starts in, instead of the image's.
    pub working_folder: Option<String>,
    /// `USER[:GROUP]`, instead of the image's.
    pub user: Option<String>,
    /// A name among running containers.
    pub name: Option<String>,
    /// Its host name, instead of the first half of its id.
    pub hostname: Option<String>,
    /// Files and folders of the host.
    pub binds: Vec<Bind>,
    /// A terminal of this size.
    pub terminal: Option<TerminalSize>,
    /// Whether its stdin is open.
    pub open_stdin: bool,
    /// Whether its writable layer is deleted when it has ended.
    pub remove: bool,
    /// What it may use.
    pub limits: Limits,
}

/// A new id: 64 random digits, as docker's are.
pub fn new_id() -> Result<ContainerId, EngineError> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| EngineError::Wish(format!("the system gives no random numbers: {error}")))?;
    let digits = bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]));
    digits.collect::<String>().parse().map_err(|error| EngineError::Wish(format!("{error}")))
}

/// Puts image and wishes together.
pub fn request(
    image: &Image,
    layers: &[DiffId],
    id: ContainerId,
    wishes: &Wishes,
) -> Result<ContainerRequest, EngineError> {
    let default = Config::default();
    let config = image.config.config().as_ref().unwrap_or(&default);
    let args = arguments(config, wishes);
    if args.first().is_none_or(String::is_empty) {
        return Err(EngineError::Wish(format!(
            "no command specified: {} names none, so write one behind it",
            image.name
        )));
    }
    let working_folder = wishes.working_folder.as_deref().or(config.working_dir().as_deref());
    let cwd = match working_folder {
        None | Some("") => "/".to_owned(),
        Some(folder) if folder.starts_with('/') => folder.to_owned(),
        Some(folder) => {
            return Err(EngineError::Wish(format!("the working folder {folder:?} is not an absolute path; write one")));
        }
    };
    let hostname = wishes.hostname.clone().unwrap_or_else(|| id.as_str().chars().take(12).collect());
    let env = environment(config, wishes, &hostname);
    let user = wishes.user.clone().or_else(|| config.user().clone()).unwrap_or_default();
    let request = ContainerRequest {
        id,
        name: wishes.name.clone(),
        hostname,
        layers: layers.to_vec(),
        args,
        env,
        cwd,
        user,
        binds: wishes.binds.clone(),
        terminal: wishes.terminal,
        open_stdin: wishes.open_stdin,
        remove: wishes.remove,
        limits: wishes.limits,
    };
    request.check().map_err(sandbox::BrokerError::from)?;
    Ok(request)
}

/// Entrypoint and command. An entrypoint of the caller's takes the image's command away with the image's entrypoint.
fn arguments(config: &Config, wishes: &Wishes) -> Vec<String> {
    let image_entrypoint = config.entrypoint().clone().unwrap_or_default();
    let image_command = config.cmd().clone().unwrap_or_default();
    let (entrypoint, command) = match &wishes.entrypoint {
        Some(own) => (Some(own.clone()).filter(|own| !own.is_empty()).into_iter().collect(), Vec::new()),
        None => (image_entrypoint, image_command),
    };
    let command = if wishes.command.is_empty() { command } else { wishes.command.clone() };
    entrypoint.into_iter().chain(command).collect()
}

/// The image's variables, the caller's over them, and docker's own below both.
fn environment(config: &Config, wishes: &Wishes, hostname: &str) -> Vec<String> {
    let mut all: Vec<String> = vec![DEFAULT_PATH.into(), format!("HOSTNAME={hostname}")];
    if wishes.terminal.is_some() {
        all.push("TERM=xterm".into());
    }
    let image = config.env().iter().flatten().cloned();
    for variable in image.chain(wishes.environment.iter().cloned()) {
        let name = variable.split('=').next().unwrap_or_default();
        match all.iter_mut().find(|earlier| earlier.split('=').next() == Some(name)) {
            Some(earlier) => *earlier = variable,
            None => all.push(variable),
        }
    }
    // Docker lets an image have a variable without a value; a process cannot.
    all.retain(|variable| variable.contains('=') && !variable.starts_with('='));
    all
}

#[cfg(test)]
mod tests {
    use oci_spec::image::ConfigBuilder;

    use super::*;

    fn config() -> Config {
        ConfigBuilder::default()
            .entrypoint(vec!["/entry".into()])
            .cmd(vec!["serve".into(), "--all".into()])
            .env(vec!["PATH=/image".into(), "COLOUR=red".into(), "EMPTY".into()])
            .build()
            .unwrap()
    }

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn a_command_replaces_the_images_and_keeps_its_entrypoint() {
        let wishes = Wishes::default();
        assert_eq!(arguments(&config(), &wishes), texts(&["/entry", "serve", "--all"]));
        let wishes = Wishes { command: texts(&["once"]), ..Wishes::default() };
        assert_eq!(arguments(&config(), &wishes), texts(&["/entry", "once"]));
    }

    #[test]
    fn an_entrypoint_takes_the_images_command_away() {
        let own = |entrypoint: &str| Wishes { entrypoint: Some(entrypoint.into()), ..Wishes::default() };
        assert_eq!(arguments(&config(), &own("/bin/sh")), texts(&["/bin/sh"]));
        assert_eq!(arguments(&config(), &own("")), Vec::<String>::new());
    }

    #[test]
    fn a_variable_of_the_caller_goes_over_the_images() {
        let wishes = Wishes { environment: texts(&["COLOUR=blue", "A=b=c"]), ..Wishes::default() };
        let found = environment(&config(), &wishes, "quay");
        assert_eq!(found, texts(&["PATH=/image", "HOSTNAME=quay", "COLOUR=blue", "A=b=c"]));
    }
}
