//! `run`: from an image to a container, with admission asked at every step.

use std::sync::Arc;

use image::ImageSource;
use sandbox::{Broker, Container, ContainerId};
use store::Blobs;

use crate::admission::{Admission, Admitted, Moment};
use crate::create::{self, Wishes};
use crate::pull::{self, Progress};
use crate::unpack;
use crate::{EngineError, StoredSource};

/// What a run needs. Its calls block: on the network, the disk and the container.
pub struct Run<'run> {
    /// The privileged side.
    pub broker: &'run Broker,
    /// Where blobs are kept.
    pub blobs: &'run Blobs,
    /// Who decides.
    pub admission: &'run dyn Admission,
    /// Who is told how far it is.
    pub progress: &'run dyn Progress,
}

/// A container that has been made and admitted, and not started yet.
pub struct Made {
    /// Its id.
    pub id: ContainerId,
    /// It.
    pub container: Container,
    source: Arc<dyn ImageSource>,
}

impl Run<'_> {
    /// Pulls and unpacks what is missing and makes the container.
    pub fn create(&self, origin: Arc<dyn ImageSource>, wishes: &Wishes) -> Result<Made, EngineError> {
        self.admit(Moment::Pull, &origin)?;
        let layers = unpack::diff_ids(origin.image())?;
        // What cannot be a container is told before a gigabyte is fetched for it.
        let id = create::new_id()?;
        let request = create::request(origin.image(), &layers, id.clone(), wishes)?;
        let kept = self.broker.layers(&layers)?;
        pull::pull(origin.as_ref(), self.blobs, &kept, self.progress)?;
        let source: Arc<dyn ImageSource> = Arc::new(StoredSource::new(origin, self.blobs.clone()));
        self.admit(Moment::Create, &source)?;
        unpack::unpack(source.as_ref(), self.broker, &layers, &kept, self.progress)?;
        let container = self.broker.create(&request)?;
        Ok(Made { id, container, source })
    }

    /// Starts it, when it may still be. One that may not is taken away.
    pub fn start(&self, made: &Made) -> Result<(), EngineError> {
        self.admit(Moment::Start, &made.source)?;
        Ok(made.container.start()?)
    }

    fn admit(&self, moment: Moment, source: &Arc<dyn ImageSource>) -> Result<(), EngineError> {
        let image = source.image();
        let admitted =
            Admitted { reference: image.reference.as_ref(), digest: &image.digest, source: Arc::clone(source) };
        Ok(self.admission.admit(moment, &admitted)?)
    }
}
