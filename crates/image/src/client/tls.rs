//! Whom to trust for a registry: the system's certificates, and a registry's own from docker's `certs.d`.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

use super::Settings;

const FILE_BYTES: u64 = 1 << 20;

pub(super) fn config(authority: &str, verify: bool, settings: &Settings) -> Result<TlsConfig, ureq::Error> {
    let mut own = OwnCertificates::default();
    for folder in &settings.certificate_folders {
        own.read(&folder.join(authority)).map_err(|error| ureq::Error::Other(error.into()))?;
    }
    let builder = TlsConfig::builder().client_cert(own.client).disable_verification(!verify);
    if own.roots.is_empty() {
        return Ok(builder.root_certs(RootCerts::PlatformVerifier).build());
    }
    // As docker does: beside the system's, not instead of them. A system without any is no error here.
    let mut roots = own.roots;
    for certificate in rustls_native_certs::load_native_certs().certs {
        roots.push(Certificate::from_der(&certificate).to_owned());
    }
    Ok(builder.root_certs(RootCerts::new_with_certs(&roots)).build())
}

#[derive(Default)]
struct OwnCertificates {
    roots: Vec<Certificate<'static>>,
    client: Option<ClientCert>,
}

impl OwnCertificates {
    /// Reads `*.crt` as CAs and `NAME.cert` with `NAME.key` as a client's certificate and key.
    fn read(&mut self, folder: &Path) -> Result<(), String> {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            // What this user may not see is not theirs to use; the connection tells whether it was needed.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {
                return Ok(());
            }
            Err(error) => return Err(format!("cannot read {}: {error}", folder.display())),
        };
        let mut paths: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
        paths.sort();
        for path in &paths {
            match path.extension().and_then(OsStr::to_str) {
                Some("crt") => self.roots.extend(certificates(path)?),
                Some("cert") => {
                    let key_path = path.with_extension("key");
                    let key = PrivateKey::from_pem(&read(&key_path)?)
                        .map_err(|error| format!("{} is no private key: {error}", key_path.display()))?;
                    self.client = Some(ClientCert::new_with_certs(&certificates(path)?, key));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, String> {
    let pem = read(path)?;
    let mut found = Vec::new();
    for item in parse_pem(&pem) {
        let item = item.map_err(|error| format!("{} is no PEM file: {error}", path.display()))?;
        if let PemItem::Certificate(certificate) = item {
            found.push(certificate);
        }
    }
    if found.is_empty() { Err(format!("{} holds no certificate", path.display())) } else { Ok(found) }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FILE_BYTES).read_to_end(&mut bytes))
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Ok(bytes)
}
