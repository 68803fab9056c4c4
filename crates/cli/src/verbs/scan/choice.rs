//! Which findings are shown and counted: an ignore file, an image to compare with, only what can be mended.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use advisory::{Rule, Suppression};
use anyhow::{Context as _, Result, bail};
use findings::ignore::IgnoreFile;
use findings::{Baseline, Report};
use image::Platform;
use image::target::Target;
use time::OffsetDateTime;

use super::Scanning;
use crate::source::Wanted;
use crate::verbs::Start;

/// The file that is read where nobody names one.
const USUAL_FILE: &str = ".plimsollignore.toml";

/// The arguments.
#[derive(Debug, clap::Args)]
pub(crate) struct Choice {
    /// Show and count only what a newer version mends
    #[arg(long)]
    only_fixable: bool,
    /// Findings not to count, each with its reason [default: .plimsollignore.toml where it is in the working directory]
    #[arg(long, value_name = "FILE")]
    ignore_file: Option<PathBuf>,
    /// Show and count only what this image, or report written with --format json, does not have
    #[arg(long, value_name = "TARGET|FILE")]
    against: Option<String>,
}

/// What was opened as the calling user; nothing of it is read yet.
#[derive(Debug)]
pub(crate) struct Chosen {
    only_fixable: bool,
    ignore: Option<(File, PathBuf)>,
    against: Option<Against>,
}

#[derive(Debug)]
enum Against {
    Report(File, PathBuf),
    Image(Box<Wanted>),
}

/// What was read and is sound.
pub(crate) struct Applied {
    only_fixable: bool,
    ignore: Option<IgnoreFile>,
    against: Option<Other>,
}

enum Other {
    Known(Baseline),
    Image(Box<Wanted>),
}

impl Choice {
    /// As the calling user: opens the files, the image to compare with too.
    pub(crate) fn prepare(self, platform: Option<Platform>, start: &Start) -> Result<Chosen> {
        Ok(Chosen {
            only_fixable: self.only_fixable,
            ignore: open_ignore_file(self.ignore_file)?,
            against: self.against.map(|against| open_against(&against, platform, start)).transpose()?,
        })
    }
}

impl Chosen {
    /// An ignore file alone.
    pub(crate) fn of_ignore_file(named: Option<PathBuf>) -> Result<Self> {
        Ok(Self { only_fixable: false, ignore: open_ignore_file(named)?, against: None })
    }

    /// As the owner of the data folder: reads the files, so that one that is wrong is said before a scan.
    pub(crate) fn read(self) -> Result<Applied> {
        let ignore = self.ignore.map(|(file, path)| {
            let text = read(file, &path, IgnoreFile::MOST_BYTES)?;
            let text = String::from_utf8(text).with_context(|| format!("ignore file {} is no text", path.display()))?;
            anyhow::Ok(IgnoreFile::parse(&text, &path.display().to_string())?)
        });
        let against = self.against.map(|against| match against {
            Against::Image(wanted) => Ok(Other::Image(wanted)),
            Against::Report(file, path) => {
                let json = read(file, &path, Baseline::MOST_BYTES)?;
                let baseline = Baseline::parse(&json).with_context(|| {
                    format!(
                        "cannot compare with {}; an image in a file is named with its prefix, as docker-archive:FILE",
                        path.display()
                    )
                })?;
                anyhow::Ok(Other::Known(baseline))
            }
        });
        Ok(Applied { only_fixable: self.only_fixable, ignore: ignore.transpose()?, against: against.transpose()? })
    }
}

impl Applied {
    /// Counts no longer what was chosen not to be; scans the image to compare with.
    pub(crate) async fn apply(self, report: &mut Report, scanning: &Scanning<'_>) -> Result<()> {
        if let Some(ignore) = &self.ignore {
            ignore.apply(report, OffsetDateTime::now_utc().date());
        }
        if self.only_fixable {
            report.suppress(|group| {
                let reason = "no version mends it (--only-fixable)".to_owned();
                (!group.is_fixable()).then_some(Suppression { rule: Rule::Unfixed, reason })
            });
        }
        let baseline = match self.against {
            None => return Ok(()),
            Some(Other::Known(baseline)) => baseline,
            Some(Other::Image(wanted)) => Baseline::of(&scanning.report(*wanted).await?),
        };
        baseline.apply(report);
        Ok(())
    }
}

fn open_ignore_file(named: Option<PathBuf>) -> Result<Option<(File, PathBuf)>> {
    let is_named = named.is_some();
    let path = named.unwrap_or_else(|| USUAL_FILE.into());
    match File::open(&path) {
        Ok(file) => Ok(Some((file, path))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !is_named => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot open ignore file {}", path.display())),
    }
}

/// A file that is there goes before an image of the same name, whose name can be written with a registry or a prefix.
fn open_against(text: &str, platform: Option<Platform>, start: &Start) -> Result<Against> {
    let path = Path::new(text);
    if path.is_file() {
        let file = File::open(path).with_context(|| format!("cannot open {text} to compare with"))?;
        return Ok(Against::Report(file, path.to_owned()));
    }
    let has_prefix = !matches!(text.parse(), Ok(Target::Reference(_)) | Err(_));
    if !has_prefix && path.extension().is_some_and(|ending| ending == "json") {
        bail!(
            "there is no file {text} to compare with; `plimsoll scan --format json --output {text} IMAGE` writes one"
        );
    }
    Ok(Against::Image(Box::new(Wanted::prepare(text, platform, start)?)))
}

fn read(file: File, path: &Path, most: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = file.take(most + 1).read_to_end(&mut bytes);
    read.with_context(|| format!("cannot read {}", path.display()))?;
    if bytes.len() as u64 > most {
        bail!("{} is larger than {} MiB", path.display(), most >> 20);
    }
    Ok(bytes)
}
