//! The least that reading a layer can cost: `bare_loop FILE…` inflates gzip with flate2 on zlib-rs and walks the tar
//! with the crate `tar`, on one thread, and does nothing else: no digest, no bounds, no packages.

use std::error::Error;
use std::fs::File;
use std::io::{self, BufReader};

fn main() -> Result<(), Box<dyn Error>> {
    for file in std::env::args_os().skip(1) {
        let input = BufReader::with_capacity(256 << 10, File::open(file)?);
        let mut archive = tar::Archive::new(flate2::read::MultiGzDecoder::new(input));
        for member in archive.entries()? {
            io::copy(&mut member?, &mut io::sink())?;
        }
    }
    Ok(())
}
