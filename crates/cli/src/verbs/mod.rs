//! One file a verb.

pub(crate) mod agent;
pub(crate) mod completions;
pub(crate) mod db;
pub(crate) mod docker;
pub(crate) mod explain;
pub(crate) mod key;
pub(crate) mod man;
pub(crate) mod opener;
pub(crate) mod policy;
pub(crate) mod revoke;
pub(crate) mod run;
pub(crate) mod sbom;
pub(crate) mod scan;
pub(crate) mod sign;
pub(crate) mod trust;
pub(crate) mod up;
pub(crate) mod verify;
pub(crate) mod version;
pub(crate) mod worker;

use std::process::ExitCode;

use anyhow::Result;

use crate::arguments::{Arguments, General, Verb};
use crate::caller::Caller;
use crate::house::{House, Needs};
use crate::settings::Settings;
use crate::{logging, privileges};

/// A verb in its two halves.
pub(crate) trait Command {
    /// What the first half hands to the second: open files, credentials, keys.
    type Prepared;
    /// What it needs of the data folder.
    const NEEDS: Needs;

    /// As the calling user: opens what the command line names, reads the caller's credentials. Parses nothing that
    /// comes from outside.
    fn prepare(self, start: &Start) -> Result<Self::Prepared>;

    /// As the owner of the data folder: everything else.
    fn execute(prepared: Self::Prepared, house: House) -> Result<ExitCode>;
}

/// What a verb's first half may look at.
#[derive(Debug)]
pub(crate) struct Start {
    /// Who called.
    pub(crate) caller: Caller,
    /// The configuration file's settings.
    pub(crate) settings: Settings,
    /// The configuration file, where one was named.
    pub(crate) config: Option<std::path::PathBuf>,
    /// Where the data folder is; not entered yet.
    pub(crate) folder: std::path::PathBuf,
}

/// Does what the command line says.
pub(crate) fn perform(arguments: Arguments) -> Result<ExitCode> {
    let general = arguments.general;
    match arguments.verb {
        Verb::Completions(verb) => completions::print(&verb),
        Verb::Version(verb) => version::perform(&verb),
        Verb::Man(verb) => man::print(&verb),
        Verb::Opener(verb) => opener::serve(&verb),
        Verb::Worker(verb) => worker::serve(&verb),
        Verb::DockerPlugin(verb) => docker::install::perform(&verb),
        Verb::DockerLook(verb) => halves(verb, &general),
        Verb::Agent(verb) => agent::perform(verb, &Start::new(&general)?),
        Verb::Key(verb) => key::perform(verb, &Start::new(&general)?),
        Verb::Scan(verb) => halves(verb, &general),
        Verb::Sbom(verb) => halves(verb, &general),
        Verb::Explain(verb) => halves(verb, &general),
        Verb::Up(verb) => halves(verb, &general),
        Verb::Run(verb) => Ok(run::perform(&verb, &general)),
        Verb::Sign(verb) => halves(verb, &general),
        Verb::Verify(verb) => halves(verb, &general),
        Verb::Revoke(verb) => halves(verb, &general),
        Verb::Trust(verb) => trust::perform(verb, &general),
        Verb::Db(verb) => halves(verb, &general),
        Verb::Policy(verb) => halves(verb, &general),
    }
}

/// First half, change of user, second half.
pub(crate) fn halves<C: Command>(verb: C, general: &General) -> Result<ExitCode> {
    let start = Start::new(general)?;
    let prepared = verb.prepare(&start)?;
    let house = House::enter(start.folder, &start.caller, start.settings, C::NEEDS)?;
    C::execute(prepared, house)
}

impl Start {
    /// Reads the settings and starts logging.
    pub(crate) fn new(general: &General) -> Result<Self> {
        privileges::no_core_files();
        let caller = Caller::of_this_process();
        let settings = Settings::read(general, &caller)?;
        let level = general.log.as_deref().or(settings.log.as_deref()).unwrap_or("warn");
        logging::start(level, general.log_format.or(settings.log_format).unwrap_or_default())?;
        let folder = House::place(general, &settings, &caller)?;
        Ok(Self { caller, settings, config: general.config.clone(), folder })
    }
}

/// A runtime for the verbs that wait on several things at once.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime> {
    use anyhow::Context as _;
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads for waiting on I/O")
}
