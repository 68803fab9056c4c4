//! A server in this process, on a port of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use registry::{Cataloguing, Hosts, Registry, Settings};
use store::Store;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::fake::Fake;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) store: Store,
    pub(crate) fake: Arc<Fake>,
    folder: PathBuf,
    runtime: Option<Runtime>,
    stop: Option<oneshot::Sender<()>>,
    served: Option<tokio::task::JoinHandle<std::io::Result<()>>>,
    own_folder: Option<TempDir>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(Settings::default())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Self::on(folder.path(), settings, |_| {});
        server.own_folder = Some(folder);
        server
    }

    /// On a folder that may hold something already; `ready` sees the cataloguer before the server starts.
    pub(crate) fn on(folder: &Path, settings: Settings, ready: impl FnOnce(&Fake)) -> Self {
        Self::cataloguing(folder, settings, |fake, _| {
            ready(&fake);
            fake
        })
    }

    /// With another cataloguer than the fake.
    pub(crate) fn scanning(cataloguing: impl FnOnce(Store, &Path) -> Arc<dyn Cataloguing>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings::default();
        let mut server = Self::cataloguing(folder.path(), settings, |_, store| cataloguing(store, folder.path()));
        server.own_folder = Some(folder);
        server
    }

    fn cataloguing(
        folder: &Path,
        settings: Settings,
        choose: impl FnOnce(Arc<Fake>, Store) -> Arc<dyn Cataloguing>,
    ) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let store = runtime.block_on(Store::open(folder, None)).unwrap();
        let fake = Arc::new(Fake::new(store.clone()));
        let cataloguing = choose(Arc::clone(&fake), store.clone());
        let listener = registry::bind("127.0.0.1:0".parse().unwrap(), false).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let registry = Registry::new(store.clone(), cataloguing, settings);
        let served = runtime.spawn(async move {
            let _background = registry.start_background();
            let hosts = Hosts::new(address, Vec::new());
            let stopped = async {
                let _ = stopped.await;
            };
            registry::serve(listener, registry.routes(), axum::Router::new(), hosts, stopped).await
        });
        Self {
            address,
            store,
            fake,
            folder: folder.to_owned(),
            runtime: Some(runtime),
            stop: Some(stop),
            served: Some(served),
            own_folder: None,
        }
    }

    /// Asks the store something.
    pub(crate) fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.as_ref().unwrap().block_on(future)
    }

    /// Waits until something is so that is done apart from requests.
    pub(crate) fn eventually(&self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !is_so(self) {
            assert!(Instant::now() < deadline, "never came: {what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Bytes of uploads that are on their way.
    pub(crate) fn upload_bytes(&self) -> u64 {
        let files = std::fs::read_dir(self.folder.join("uploads")).unwrap().flatten();
        files.filter_map(|file| file.metadata().ok()).map(|about| about.len()).sum()
    }

    /// Files of uploads that are on their way, or were left behind.
    pub(crate) fn uploads(&self) -> usize {
        std::fs::read_dir(self.folder.join("uploads")).unwrap().count()
    }

    /// Ends the server as SIGTERM would, and says how that went.
    pub(crate) fn stop(&mut self) -> std::io::Result<()> {
        self.stop.take().unwrap().send(()).unwrap();
        let served = self.served.take().unwrap();
        self.wait(served).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.fake.hold(false);
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(10));
        }
    }
}

/// Says why a test does nothing here; where everything is meant to be there, fails.
pub(crate) fn skipped(reason: &str) {
    assert!(std::env::var_os("PLIMSOLL_REQUIRE").is_none(), "cannot be skipped here: {reason}");
    println!("skipped: {reason}");
}
