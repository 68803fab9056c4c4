//! A cataloguer that walks layers for real and finds what the test wants.

use std::io::Read;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};

use ::image::Digest;
use ::image::layer::{Entry, LayerError, Limits, Visitor, walk};
use findings::Counts;
use inventory::LayerRecord;
use inventory::record::PathHashes;
use registry::{Answer, Catalogued, Cataloguing, Summary};
use store::Store;
use store::reports::ReportRow;

/// What the next cataloguing does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Its work.
    Willing,
    /// Panics, as a thread does whose worker was killed under it.
    Panicking,
    /// Fails.
    Failing,
}

pub(crate) struct Fake {
    store: Store,
    mood: Mutex<Mood>,
    /// How many of the next cataloguings fail in their mood; then they are willing again.
    moody: AtomicUsize,
    /// Cataloguings that read to the end.
    pub(crate) walked: AtomicUsize,
    /// Held back while true.
    held: Mutex<bool>,
    released: Condvar,
    /// The advisory index; `None`: there is none.
    index: Mutex<Option<String>>,
    /// Members seen by any cataloguing so far.
    pub(crate) members: AtomicUsize,
    pub(crate) disk_full: AtomicBool,
}

impl Fake {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store,
            mood: Mutex::new(Mood::Willing),
            moody: AtomicUsize::new(0),
            walked: AtomicUsize::new(0),
            held: Mutex::new(false),
            released: Condvar::new(),
            index: Mutex::new(Some("index-1".into())),
            members: AtomicUsize::new(0),
            disk_full: AtomicBool::new(false),
        }
    }

    pub(crate) fn be(&self, mood: Mood, times: usize) {
        *self.mood.lock().unwrap() = mood;
        self.moody.store(times, Ordering::SeqCst);
    }

    pub(crate) fn hold(&self, hold: bool) {
        *self.held.lock().unwrap() = hold;
        self.released.notify_all();
    }

    pub(crate) fn set_index(&self, index: Option<&str>) {
        *self.index.lock().unwrap() = index.map(str::to_owned);
    }
}

struct Count<'a>(&'a AtomicUsize);

impl Visitor for Count<'_> {
    fn visit(&mut self, _entry: &Entry, _content: &mut dyn Read) -> Result<(), LayerError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

impl Cataloguing for Fake {
    fn catalogue(&self, input: Box<dyn Read + Send>) -> Result<Catalogued, String> {
        let mut held = self.held.lock().unwrap();
        while *held {
            held = self.released.wait(held).unwrap();
        }
        drop(held);
        if self.moody.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
            match *self.mood.lock().unwrap() {
                Mood::Willing => {}
                Mood::Panicking => panic!("the worker was killed (this panic is part of a test)"),
                Mood::Failing => return Err("the worker was killed by signal 9".into()),
            }
        }
        let walked = walk(input, &Limits::default(), &mut Count(&self.members)).map_err(|error| error.to_string())?;
        self.walked.fetch_add(1, Ordering::SeqCst);
        let record = LayerRecord {
            diff_id: walked.diff_id.clone(),
            files: Vec::new(),
            whiteouts: Vec::new(),
            opaque: Vec::new(),
            folders: PathHashes::default(),
            others: PathHashes::default(),
            links: Vec::new(),
            complete: true,
            warnings: Vec::new(),
            passed_by: vec![],
        };
        Ok(Catalogued { walked, record })
    }

    fn catalogue_again(&self, input: Box<dyn Read + Send>, _first: &LayerRecord) -> Result<Catalogued, String> {
        self.catalogue(input)
    }

    fn keep<'a>(&'a self, catalogued: &'a Catalogued) -> Answer<'a, Result<(), String>> {
        Box::pin(async move {
            if self.disk_full.load(Ordering::SeqCst) {
                return Err("no space left".into());
            }
            let walked = &catalogued.walked;
            let kept = self.store.put_layer_record(&walked.diff_id, 1, b"record", Some(&walked.blob)).await;
            kept.map_err(|error| error.to_string())
        })
    }

    fn knows<'a>(&'a self, blob: &'a Digest) -> Answer<'a, Result<bool, String>> {
        Box::pin(async move {
            self.store.diff_id(blob).await.map(|known| known.is_some()).map_err(|error| error.to_string())
        })
    }

    fn report<'a>(&'a self, manifest: &'a Digest) -> Answer<'a, Result<Option<Summary>, String>> {
        Box::pin(async move {
            let index_id = self.index()?.ok_or("there is no advisory index; fetch one with plimsoll db update")?;
            let report = ReportRow {
                image: manifest.clone(),
                index_id,
                scanned_at: "2026-11-25T09:00:00Z".into(),
                counts: [1, 2, 0, 0, 0, 0],
                fixable: 0,
                uncovered: 0,
                report: b"{}".to_vec(),
            };
            self.store.put_report(&report, &[], &[]).await.map_err(|error| error.to_string())?;
            let counts = Counts { critical: 1, high: 2, ..Counts::default() };
            Ok(Some(Summary { counts, uncovered: 0 }))
        })
    }

    fn index(&self) -> Result<Option<String>, String> {
        Ok(self.index.lock().unwrap().clone())
    }
}
