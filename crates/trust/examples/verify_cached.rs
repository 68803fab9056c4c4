//! What a verification costs whose signatures were read before: `verify_cached REPOSITORY:TAG KEY.pub [TIMES]`.
//!
//! Prints, in microseconds of this process' own processor time a verification: reading what is kept and checking it, and
//! the same with the registry asked for the list. `bench/run.sh trust` compares it with `cosign verify`.
#![allow(clippy::print_stdout, reason = "it prints what it measured")]

use std::error::Error;
use std::path::Path;

use image::client::{Client, Credentials, Settings};
use image::{Digest, Reference};
use keys::PublicKey;
use trust::{Cache, Found, RegistrySignatures, SignatureSource, TrustError, Verifier};

/// What was found once, found again without asking.
struct Again(Vec<Found>);

impl SignatureSource for Again {
    fn found(&self, _: &Digest) -> Result<Vec<Result<Found, TrustError>>, TrustError> {
        Ok(self.0.iter().cloned().map(Ok).collect())
    }
}

/// Time of the processor that this process has used, in microseconds: ticks of a hundredth of a second
/// (proc_pid_stat(5), `utime` and `stime`), which is why it is done many times.
fn spent() -> Result<u64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = text.rsplit_once(')').ok_or("no stat")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|text| text.parse::<u64>().ok());
    Ok((ticks(11).ok_or("no utime")? + ticks(12).ok_or("no stime")?) * 10_000)
}

fn measured(times: u64, mut verify: impl FnMut() -> Result<usize, TrustError>) -> Result<f64, Box<dyn Error>> {
    if verify()? == 0 {
        return Err("no signature holds".into());
    }
    let before = spent()?;
    for _ in 0..times {
        verify()?;
    }
    Ok((spent()? - before) as f64 / times as f64)
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, image, key, rest @ ..] = &arguments[..] else { return Err("REPOSITORY:TAG KEY.pub [TIMES]".into()) };
    let times = rest.first().map_or(Ok(1000), |text| text.parse())?;
    let (place, key): (Reference, _) = (image.parse()?, PublicKey::read(Path::new(key))?);
    let client = Client::new(Credentials::none(), Settings::default());
    let digest = client.resolve(&place)?.bytes.digest().clone();
    let folder = std::env::temp_dir().join(format!("verify-cached-{}", std::process::id()));
    let source = RegistrySignatures::new(client, place).remembering(Cache::in_folder(&folder));
    let verifier = Verifier::new(vec![key]);
    let asking = measured(times, || Ok(verifier.examine(&digest, &source)?.signatures.len()))?;
    let again = Again(source.found(&digest)?.into_iter().collect::<Result<_, _>>()?);
    let kept = measured(times, || Ok(verifier.examine(&digest, &again)?.signatures.len()))?;
    std::fs::remove_dir_all(&folder)?;
    println!("checked {kept:.0} asked {asking:.0}");
    Ok(())
}
