//! `plimsoll up`: serve registry and pages.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use axum::http::uri::Authority;
use axum::routing::any;
use catalog::Catalog;
use gate::file::PolicyFile;
use inventory::worker::Launcher;
use keys::{KeyUri, NamedKey, Nobody, Signer, Surroundings};
use registry::{Cataloguing, Hosts, Registry};
use scan::{Advisories, Scanner};
use store::{DataFolder, Serving, Store};
use tokio::signal::unix::{SignalKind, signal};

use super::{Command, Start, key};
use crate::admission::find_policy;
use crate::house::{House, Needs};
use crate::output;
use crate::stating::stating;

/// docker takes a registry on any port of 127.0.0.0/8 without TLS. 5000 is Debian's docker-registry and macOS's
/// AirPlay, 8080 everybody's.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5150);

/// How long what still runs is waited for when everything else has ended: cataloguing is done again at the next start.
const LAST_WAIT: Duration = Duration::from_secs(3);

/// Arguments of `plimsoll up`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Then, with the address that it tells:\n  \
    docker push 127.0.0.1:5150/NAME:TAG    stores an image and finds what is vulnerable in it\n  \
    http://127.0.0.1:5150/                 shows what was found")]
pub(crate) struct Arguments {
    /// Address and port [default: 127.0.0.1:5150]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Listen beyond loopback though there is no access control: everybody who reaches the port may do everything
    #[arg(long)]
    insecure_open: bool,
    /// A name under which clients reach this server, with a port or for any port; may be given several times
    #[arg(long = "name", value_name = "HOST[:PORT]")]
    names: Vec<Authority>,
    /// Policy that the pages hold images against
    /// [default: policy.toml in /etc/plimsoll or your configuration folder]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The registry's own key: sign SBOM and findings of each image with it, as statements beside the image
    ///
    /// A path, file:PATH or pkcs11:…; what unlocks it comes from --passphrase-fd, a systemd credential or the environment.
    #[arg(long, value_name = "KEY")]
    state_with: Option<KeyUri>,
    /// Read the passphrase of that key from the first line of this open file descriptor
    #[arg(long, value_name = "N", requires = "state_with")]
    passphrase_fd: Option<u32>,
}

/// What the first half hands to the second.
#[derive(Debug)]
pub(crate) struct Prepared {
    listen: SocketAddr,
    insecure_open: bool,
    names: Vec<Authority>,
    policy: Option<PolicyFile>,
    /// The registry's own key, and what unlocks it.
    stating: Option<(NamedKey, Surroundings)>,
    /// A port that only root may take, taken while this process still was that.
    listener: Option<std::net::TcpListener>,
}

impl Command for Arguments {
    type Prepared = Prepared;
    const NEEDS: Needs = Needs::OwnFolder;

    fn prepare(self, start: &Start) -> Result<Prepared> {
        let configured = start.settings.listen.as_deref().map(|text| {
            text.parse().map_err(|_| anyhow!("listen = {text:?} in the configuration file is not ADDRESS:PORT"))
        });
        let listen = match self.listen {
            Some(listen) => listen,
            None => configured.transpose()?.unwrap_or(LISTEN),
        };
        // Any other port is taken when it is known that nobody serves the folder yet: a second server should hear that,
        // not that its port is taken.
        let privileged = (1..1024).contains(&listen.port());
        let listener = privileged.then(|| registry::bind(listen, self.insecure_open)).transpose()?;
        let policy = find_policy(&start.caller, self.policy.as_deref(), &start.settings)?;
        let stating = match &self.state_with {
            Some(uri) => {
                let key = NamedKey::read(uri)?;
                Some((key, Surroundings::look(self.passphrase_fd, None, key::modules(start))?))
            }
            None => None,
        };
        Ok(Prepared { listen, insecure_open: self.insecure_open, names: self.names, policy, stating, listener })
    }

    fn execute(prepared: Prepared, house: House) -> Result<ExitCode> {
        let runtime = super::runtime()?;
        let served = runtime.block_on(serve(prepared, &house));
        runtime.shutdown_timeout(LAST_WAIT);
        served.map(|()| ExitCode::SUCCESS)
    }
}

async fn serve(prepared: Prepared, house: &House) -> Result<()> {
    let policy = prepared.policy.as_ref().map(PolicyFile::parse).transpose()?.unwrap_or_default();
    let serving = Serving::take(&DataFolder::open(&house.folder)?)?;
    let store = Store::open(&house.folder, None).await?;
    let swept = store.blobs().sweep_uploads()?;
    if swept > 0 {
        tracing::info!(swept, "uploads that an earlier server left behind were deleted");
    }
    let listener = match prepared.listener {
        Some(listener) => listener,
        None => registry::bind(prepared.listen, prepared.insecure_open)?,
    };
    let address = listener.local_addr().context("cannot tell the port that was taken")?;
    serving.announce(&address.to_string())?;

    let launcher = Launcher::this_program().context("cannot find this program to start the worker that parses")?;
    let advisories = Advisories::in_folder(&house.folder);
    let scanner = Scanner::new(store.clone(), advisories.clone(), launcher);
    let (cataloguing, statements): (Arc<dyn Cataloguing>, _) = match prepared.stating {
        Some((key, surroundings)) => {
            // Nobody is asked later: a server that runs alone has to be able to sign from the first push on.
            let opened: Result<Arc<dyn Signer>, _> = match key {
                NamedKey::File(file) => {
                    file.unlocked(surroundings.passphrase, &Nobody).map(|signer| Arc::new(signer) as Arc<dyn Signer>)
                }
                device => device.open(&surroundings, &Nobody).map(Arc::from),
            };
            let signer = opened.context("cannot open the registry's own key")?;
            let (stating, statements) = stating(scanner, store.clone(), address, signer);
            (Arc::new(stating), Some(statements))
        }
        None => (Arc::new(scanner), None),
    };
    let registry = Registry::new(store.clone(), cataloguing, registry::Settings::default());
    let name = prepared.names.first().map_or_else(|| address.to_string(), ToString::to_string);
    let catalog = Catalog::new(store.clone(), Arc::new(advisories), Arc::new(policy), &name);
    let registry = registry.with_holds(Arc::new(catalog.clone()));
    let pages = catalog::router(catalog.clone()).fallback_service(any(catalog::not_found).with_state(catalog));

    // Before it is told that the server is there: who ends it at once should be heard.
    let stop = stop()?;
    let folder = output::plain(&store.folder().path().display().to_string());
    tell(&format!(
        "plimsoll serves {folder} on {address}\n  pages     http://{name}/\n  registry  docker push {name}/NAME:TAG\n\
         Ctrl-C ends it."
    ));
    let background = registry.start_background();
    if let Some(statements) = statements {
        tokio::spawn(statements.run());
    }
    let hosts = Hosts::new(address, prepared.names);
    let served = registry::serve(listener, registry.routes(), pages, hosts, stop).await;
    drop(background);
    store.close().await;
    served.context("cannot go on serving")
}

/// Says something on stderr. Who started the server may have gone and closed that: no reason to end, as `eprintln` would.
fn tell(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Ready at the first SIGINT or SIGTERM. A second one ends the process at once, as it does to any program.
fn stop() -> Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tell("plimsoll ends; requests that run are given some seconds (again: at once)");
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            std::process::exit(130);
        });
    })
}
