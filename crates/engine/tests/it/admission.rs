//! Admission is asked at every step, and no means no.

use std::sync::Mutex;

use engine::admission::{Admission, Admitted, Moment, Refusal};
use engine::{EngineError, Wishes};

use crate::harbour::{Harbour, can_run};

/// Says no at one moment, and remembers what it was asked.
struct Until {
    refused: Option<Moment>,
    asked: Mutex<Vec<(Moment, String)>>,
}

impl Until {
    fn new(refused: Option<Moment>) -> Self {
        Self { refused, asked: Mutex::default() }
    }

    fn moments(&self) -> Vec<Moment> {
        self.asked.lock().unwrap().iter().map(|(moment, _)| *moment).collect()
    }
}

impl Admission for Until {
    fn admit(&self, moment: Moment, image: &Admitted<'_>) -> Result<(), Refusal> {
        self.asked.lock().unwrap().push((moment, image.digest.to_string()));
        if self.refused == Some(moment) {
            let reasons = vec!["no signature of release.pub; sign it with: plimsoll sign quay".to_owned()];
            return Err(Refusal { image: image.source.image().name.clone(), reasons });
        }
        if moment != Moment::Pull {
            // All of it can be read.
            for layer in 0..image.source.image().layers.len() {
                std::io::copy(&mut image.source.open_layer(layer).unwrap(), &mut std::io::sink()).unwrap();
            }
        }
        Ok(())
    }
}

fn containers(harbour: &Harbour) -> usize {
    std::fs::read_dir(harbour.data.path().join("sandbox/containers")).map_or(0, Iterator::count)
}

#[test]
fn what_is_refused_at_pull_fetches_no_layer() {
    if !can_run() {
        return;
    }
    let harbour = Harbour::new();
    let admission = Until::new(Some(Moment::Pull));
    let error = harbour.create(&admission, &Wishes::default()).err().unwrap();
    assert!(matches!(&error, EngineError::Refused(_)) && error.to_string().contains("plimsoll sign"), "{error}");
    assert_eq!(error.exit_code(), 125);
    let layer = harbour.source().image().layers[0].blob.clone().unwrap();
    assert_eq!(harbour.store.blobs().size(&layer).unwrap(), None);
}

#[test]
fn what_is_refused_at_create_unpacks_and_makes_nothing() {
    if !can_run() {
        return;
    }
    let harbour = Harbour::new();
    let admission = Until::new(Some(Moment::Create));
    assert!(harbour.create(&admission, &Wishes::default()).is_err());
    let layers = harbour.data.path().join("sandbox/layers");
    assert_eq!((std::fs::read_dir(layers).unwrap().count(), containers(&harbour)), (0, 0));
}

#[test]
fn what_is_refused_at_start_never_runs_and_is_taken_away() {
    if !can_run() {
        return;
    }
    let harbour = Harbour::new();
    let admission = Until::new(Some(Moment::Start));
    let wishes = Wishes { remove: true, ..Wishes::default() };
    let made = harbour.create(&admission, &wishes).unwrap();
    let error = harbour.with(&admission).start(&made).unwrap_err();
    assert!(matches!(error, EngineError::Refused(_)));
    made.container.give_up();
    assert_eq!(containers(&harbour), 0);
    assert_eq!(admission.moments(), [Moment::Pull, Moment::Create, Moment::Start]);
}

#[test]
fn every_question_is_about_the_digest_that_runs() {
    if !can_run() {
        return;
    }
    let harbour = Harbour::new();
    let admission = Until::new(None);
    let made = harbour.create(&admission, &Wishes { remove: true, ..Wishes::default() }).unwrap();
    harbour.with(&admission).start(&made).unwrap();
    made.container.wait().unwrap();
    made.container.gone();
    let digest = harbour.source().image().digest.to_string();
    assert!(admission.asked.lock().unwrap().iter().all(|(_, asked)| *asked == digest));
}
