//! `plimsoll policy test`: what the policy makes of an image.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use gate::evidence::judge;
use gate::file::PolicyFile;
use image::client::RegistrySource;
use image::{ImageSource, Platform, Reference};
use inventory::worker::Launcher;
use scan::{Advisories, Scanner};
use store::Store;
use time::OffsetDateTime;

use super::explain::explain;
use crate::admission::{ImageEvidence, subject};
use crate::exit;
use crate::house::House;
use crate::output::{self, Style};
use crate::registries::Logins;
use crate::verbs::{runtime, scan::progress};

/// What was read as the calling user.
#[derive(Debug)]
pub(crate) struct Asked {
    /// The image to judge.
    pub(super) image: Reference,
    /// The policy, where there is one.
    pub(super) policy: Option<PolicyFile>,
    /// The platform to judge, where one was named.
    pub(super) platform: Option<Platform>,
    /// For the image's registry.
    pub(super) logins: Logins,
}

/// Judges the image as it is in its registry now, and explains.
pub(super) fn test(asked: Asked, house: &House) -> Result<ExitCode> {
    let Asked { image: reference, policy, platform, logins } = asked;
    let Some(file) = policy else {
        let text = "no policy is in force: nothing is demanded of any image\n\
                    one is read from policy.toml in /etc/plimsoll or your configuration folder, or from --policy FILE\n";
        output::write(text.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    };
    let policy = file.parse()?;
    let client = logins.client();
    let (source, held) = RegistrySource::open_pending(&client, &reference, platform.as_ref())?;
    crate::registries::tell_held(&reference, held.as_ref());
    let source: Arc<dyn ImageSource> = Arc::new(source);
    let judgement = runtime()?.block_on(async {
        let store = Store::open(&house.folder, None).await?;
        let launcher = Launcher::this_program().context("cannot find this program to start the worker that parses")?;
        let scanner = Scanner::new(store, Advisories::in_folder(&house.folder), launcher);
        let progress = progress::of_layers(source.image());
        let subject = subject(source.image(), Some(&reference));
        let origin = Some((client, reference.clone()));
        let evidence = ImageEvidence::new(scanner, source, origin, &house.folder, progress);
        anyhow::Ok(judge(&policy, &subject, &evidence, OffsetDateTime::now_utc()).await)
    })?;
    let explained = explain(&reference, &policy, &judgement, Style::of_stdout().colour);
    output::write(explained.as_bytes())?;
    Ok(if judgement.verdict().allowed { ExitCode::SUCCESS } else { ExitCode::from(exit::REFUSED) })
}
