//! notation-go, the library under the notation command, as the judge both ways; and timestamps by `openssl ts`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use image::client::Client;
use image::{Digest, Reference};
use keys::{Algorithm, Author as _, Nobody, Signer, pem};
use time::{Duration, OffsetDateTime};
use trust::notation::Authority;
use trust::{Certified, Format, RegistryAuthor, RegistrySignatures, Subject, Verifier, publish, sign};

use super::fake::Fake;
use super::material::{ALICE, client, key_of, tool};
use super::registry::{Kind, Registry};
use super::sample::push_image;

fn judge() -> Option<PathBuf> {
    // Go's proxy may not serve what it is made of: a run without it says so.
    tool("notation-judge", false)
}

fn ask(judge: &Path, folder: &Path, arguments: &[&str]) -> Output {
    Command::new(judge).args(arguments).current_dir(folder).output().expect("the judge runs")
}

#[track_caller]
fn assert_good(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

pub(crate) fn openssl(folder: &Path, arguments: &[&str]) {
    let done = Command::new("openssl").args(arguments).current_dir(folder).output().expect("openssl runs");
    assert!(done.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
}

fn write_pem(path: &Path, der: &[u8]) {
    use base64::Engine as _;
    let text = base64::prelude::BASE64_STANDARD.encode(der);
    fs::write(path, format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")).unwrap();
}

pub(crate) fn certificates(path: &Path) -> Vec<Vec<u8>> {
    pem::certificates(&fs::read_to_string(path).unwrap()).unwrap()
}

const CODE: [&str; 2] = ["-addext", "extendedKeyUsage=codeSigning"];
const LEAF: [&str; 4] =
    ["-addext", "keyUsage=critical,digitalSignature", "-addext", "basicConstraints=critical,CA:FALSE"];

/// `NAME.key`, and `NAME.crt` by itself.
fn self_issued(folder: &Path, name: &str, kind: &[&str]) {
    let (key, certificate) = (format!("{name}.key"), format!("{name}.crt"));
    let mut arguments = vec!["req", "-x509", "-nodes", "-days", "30", "-keyout", &key, "-out", &certificate];
    arguments.extend(["-subj", "/C=CH/ST=Bern/O=Test/CN=signer", "-config", "/dev/null", "-newkey"]);
    arguments.extend(kind);
    arguments.extend(CODE);
    arguments.extend(LEAF);
    let config = folder.join("req.cnf");
    fs::write(&config, "[req]\ndistinguished_name=dn\n[dn]\n").unwrap();
    let config = config.to_str().unwrap().to_owned();
    let place = arguments.iter().position(|word| *word == "/dev/null").unwrap();
    arguments[place] = &config;
    openssl(folder, &arguments);
}

/// `root.crt`, and `NAME.key` with `NAME.crt` below it for a purpose (a line of OpenSSL's extensions).
pub(crate) fn issued(folder: &Path, name: &str, usage: &str, days: &str) {
    fs::write(folder.join("req.cnf"), "[req]\ndistinguished_name=dn\n[dn]\n").unwrap();
    if !folder.join("root.crt").exists() {
        openssl(
            folder,
            &[
                "req",
                "-x509",
                "-nodes",
                "-days",
                "3650",
                "-keyout",
                "root.key",
                "-out",
                "root.crt",
                "-config",
                "req.cnf",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-subj",
                "/C=CH/ST=Bern/O=Test/CN=root",
                "-addext",
                "keyUsage=critical,keyCertSign",
                "-addext",
                "basicConstraints=critical,CA:TRUE",
            ],
        );
    }
    let (key, request, certificate) = (format!("{name}.key"), format!("{name}.csr"), format!("{name}.crt"));
    let subject = format!("/C=CH/ST=Bern/O=Test/CN={name}");
    openssl(
        folder,
        &[
            "req",
            "-nodes",
            "-keyout",
            &key,
            "-out",
            &request,
            "-config",
            "req.cnf",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-subj",
            &subject,
        ],
    );
    let extensions = format!("basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n{usage}\n");
    fs::write(folder.join("extensions"), extensions).unwrap();
    openssl(
        folder,
        &[
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            "root.crt",
            "-CAkey",
            "root.key",
            "-days",
            days,
            "-out",
            &certificate,
            "-extfile",
            "extensions",
            "-CAcreateserial",
        ],
    );
}

pub(crate) struct Scene {
    registry: Registry,
    pub(crate) client: Client,
    place: Reference,
    digest: Digest,
    folder: tempfile::TempDir,
}

impl Scene {
    pub(crate) fn new() -> Option<Self> {
        let registry = Registry::start(Kind::Open)?;
        let client = client();
        let place: Reference = format!("{}/team/app:v1", registry.host()).parse().unwrap();
        let digest = push_image(&client, &place, &[vec![1; 100], vec![2; 10]]);
        Some(Self { registry, client, place, digest, folder: tempfile::tempdir().unwrap() })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    fn named(&self) -> String {
        format!("{}/team/app@{}", self.registry.host(), self.digest)
    }

    pub(crate) fn subject(&self) -> Subject {
        Subject::resolve(&self.client, &self.place).unwrap()
    }

    pub(crate) fn examine(&self, verifier: &Verifier) -> trust::Examination {
        let source = RegistrySignatures::new(self.client.clone(), self.place.clone());
        verifier.examine(&self.digest, &source).unwrap()
    }
}

#[test]
fn notation_verifies_what_we_sign_and_so_do_we_by_key_and_by_certificate() {
    let Some(scene) = Scene::new() else { return };
    let judge = judge();
    for algorithm in [Algorithm::EcdsaP256, Algorithm::EcdsaP384] {
        let key = key_of(algorithm);
        let now = OffsetDateTime::now_utc();
        let signer = Certified::make(&key, &Nobody, now).unwrap();
        sign(&scene.client, &scene.subject(), &[Format::Notation], &signer, &Nobody, now).unwrap();
        write_pem(&scene.path().join("own.pem"), signer.der());
        if let Some(judge) = &judge {
            assert_good(&ask(judge, scene.path(), &["verify", "own.pem", &scene.named()]));
        }
        let by_key = scene.examine(&Verifier::new(vec![key.public_key()]));
        let [signature] = &by_key.signatures[..] else { panic!("{by_key:?}") };
        assert_eq!((signature.format, &signature.authority), (Format::Notation, &None));
        assert_eq!(signature.repository, Some(scene.place.repository_name()));
        assert_eq!(signature.tag.as_deref(), Some("v1"));
        assert!(signature.signed_at.is_some_and(|time| (now - time).abs() < Duration::minutes(1)));
        let by_certificate = scene.examine(&Verifier::new(vec![]).trusting(vec![signer.der().to_vec()]));
        let [signature] = &by_certificate.signatures[..] else { panic!("{by_certificate:?}") };
        assert_eq!(signature.authority.as_deref(), Some(signer.der()));
    }
    self_issued(scene.path(), "stranger", &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    if let Some(judge) = &judge {
        assert!(!ask(judge, scene.path(), &["verify", "stranger.crt", &scene.named()]).status.success());
    }
    let stranger = certificates(&scene.path().join("stranger.crt"));
    assert!(scene.examine(&Verifier::new(vec![ALICE.public_key()]).trusting(stranger)).signatures.is_empty());
}

#[test]
fn a_key_that_notation_does_not_know_is_refused_by_name() {
    let Some(scene) = Scene::new() else { return };
    let key = key_of(Algorithm::Ed25519);
    let refused = sign(&scene.client, &scene.subject(), &[Format::Notation], &key, &Nobody, OffsetDateTime::now_utc());
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("Ed25519") && refused.contains("P-256"), "{refused}");
}

#[test]
fn we_verify_what_notation_signs_and_name_what_we_do_not_read() {
    let (Some(judge), Some(scene)) = (judge(), Scene::new()) else { return };
    let kinds: [(&str, &[&str]); 3] = [
        ("p256", &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]),
        ("p384", &["ec", "-pkeyopt", "ec_paramgen_curve:P-384"]),
        ("rsa", &["rsa:3072"]),
    ];
    for (name, kind) in kinds {
        self_issued(scene.path(), name, kind);
        let (key, certificate) = (format!("{name}.key"), format!("{name}.crt"));
        assert_good(&ask(&judge, scene.path(), &["sign", &key, &certificate, &scene.named(), "jws"]));
        let certificates = certificates(&scene.path().join(&certificate));
        let public = keys::certificate::key_of(&certificates[0]).unwrap();
        for verifier in [Verifier::new(vec![public.clone()]), Verifier::new(vec![]).trusting(certificates)] {
            let found = scene.examine(&verifier);
            let [signature] = &found.signatures[..] else { panic!("{name}: {found:?}") };
            assert_eq!((&signature.key, signature.format), (&public, Format::Notation));
        }
    }
    assert_good(&ask(&judge, scene.path(), &["sign", "p256.key", "p256.crt", &scene.named(), "cose"]));
    let found = scene.examine(&Verifier::new(vec![]));
    assert!(found.rejected.iter().any(|one| one.to_string().contains("COSE")), "{:?}", found.rejected);
}

#[test]
fn a_chain_leads_to_the_trusted_root_or_counts_for_nothing() {
    let (Some(judge), Some(scene)) = (judge(), Scene::new()) else { return };
    issued(scene.path(), "leaf", "extendedKeyUsage=codeSigning", "30");
    let chain = fs::read_to_string(scene.path().join("leaf.crt")).unwrap()
        + &fs::read_to_string(scene.path().join("root.crt")).unwrap();
    fs::write(scene.path().join("chain.crt"), chain).unwrap();
    assert_good(&ask(&judge, scene.path(), &["sign", "leaf.key", "chain.crt", &scene.named(), "jws"]));
    let root = certificates(&scene.path().join("root.crt"));
    let found = scene.examine(&Verifier::new(vec![]).trusting(root.clone()));
    let [signature] = &found.signatures[..] else { panic!("{found:?}") };
    assert_eq!(signature.authority.as_ref(), Some(&root[0]));

    let later = OffsetDateTime::now_utc() + Duration::days(60);
    let ended = scene.examine(&Verifier::new(vec![]).trusting(root).at(later));
    assert!(ended.signatures.is_empty());
    assert!(ended.rejected[0].to_string().contains("was valid from"), "{:?}", ended.rejected);
    self_issued(scene.path(), "stranger", &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    let stranger = Verifier::new(vec![]).trusting(certificates(&scene.path().join("stranger.crt")));
    assert!(scene.examine(&stranger).signatures.is_empty());
}

/// `openssl ts` behind HTTP, with a certificate below `root.crt`.
pub(crate) fn authority(folder: &Path) -> Fake {
    issued(folder, "tsa", "extendedKeyUsage=critical,timeStamping", "3000");
    let config = "[tsa]\ndefault_tsa=own\n[own]\nserial=serial\ndefault_policy=1.2.3.4\ndigests=sha256,sha384,sha512\n\
                  accuracy=secs:1\nordering=no\ntsa_name=no\ness_cert_id_chain=no\ness_cert_id_alg=sha256\n\
                  signer_digest=sha256\nclock_precision_digits=3\n";
    fs::write(folder.join("tsa.cnf"), config).unwrap();
    let folder = Arc::new(folder.to_owned());
    Fake::start(move |request, peer| {
        fs::write(folder.join("query"), &request.body).unwrap();
        openssl(
            &folder,
            &[
                "ts",
                "-reply",
                "-config",
                "tsa.cnf",
                "-section",
                "own",
                "-queryfile",
                "query",
                "-signer",
                "tsa.crt",
                "-inkey",
                "tsa.key",
                "-chain",
                "root.crt",
                "-out",
                "reply",
            ],
        );
        let reply = fs::read(folder.join("reply")).unwrap();
        peer.answer(200, &[("Content-Type", "application/timestamp-reply")], &reply);
    })
}

#[test]
fn a_timestamp_outlives_the_certificate_and_notation_takes_it() {
    let Some(scene) = Scene::new() else { return };
    let tsa = authority(scene.path());
    let root = certificates(&scene.path().join("root.crt"));
    let url = format!("http://{}/", tsa.host()).parse().unwrap();
    let (key, now) = (key_of(Algorithm::EcdsaP256), OffsetDateTime::now_utc());
    let signer = Certified::make(&key, &Nobody, now).unwrap();

    let draft = RegistryAuthor::new(scene.client.clone());
    let draft = draft.draft(&scene.subject().request(&[Format::Bundle, Format::Notation]), &signer).unwrap();
    let signatures = signer.sign(&draft.messages(), &Nobody).unwrap();
    let mut artifacts = draft.finish(signatures).unwrap();
    Authority::new(url, root.clone()).stamp(&mut artifacts).unwrap();
    publish(&scene.client, &scene.subject(), &artifacts, &key.public_key()).unwrap();

    write_pem(&scene.path().join("own.pem"), signer.der());
    if let Some(judge) = judge() {
        assert_good(&ask(&judge, scene.path(), &["verify", "own.pem", &scene.named(), "root.crt"]));
    }
    let much_later = now + Duration::days(40 * 365);
    let verifier = Verifier::new(vec![]).trusting(vec![signer.der().to_vec()]).at(much_later);
    let without = scene.examine(&verifier);
    assert!(without.signatures.is_empty(), "the certificate has ended and nobody is believed: {without:?}");
    let with = scene.examine(&verifier.believing(root));
    let [signature] = &with.signatures[..] else { panic!("{with:?}") };
    assert!(signature.signed_at.is_some_and(|time| (now - time).abs() < Duration::minutes(5)));
}

#[test]
fn a_timestamp_by_notations_client_is_read_and_a_strangers_is_not_believed() {
    let (Some(judge), Some(scene)) = (judge(), Scene::new()) else { return };
    let tsa = authority(scene.path());
    self_issued(scene.path(), "p256", &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]);
    let url = format!("http://{}/", tsa.host());
    let arguments = ["sign", "p256.key", "p256.crt", &scene.named(), "jws", &url, "root.crt"];
    assert_good(&ask(&judge, scene.path(), &arguments));
    let own = certificates(&scene.path().join("p256.crt"));
    let verifier = Verifier::new(vec![]).trusting(own.clone());
    let found = scene.examine(&verifier.clone().believing(certificates(&scene.path().join("root.crt"))));
    assert_eq!(found.signatures.len(), 1, "{:?}", found.rejected);
    let refused = scene.examine(&verifier.believing(own));
    assert!(refused.signatures.is_empty());
    assert!(refused.rejected[0].to_string().contains("timestamp"), "{:?}", refused.rejected);
}

#[test]
fn an_authority_that_plays_back_or_lies_is_not_believed() {
    use trust::notation::timestamping::{Query, Token};
    let folder = tempfile::tempdir().unwrap();
    let tsa = authority(folder.path());
    let ask = |query: &Query| {
        let sent = ureq::post(format!("http://{}/", tsa.host())).send(query.der()).unwrap();
        sent.into_body().read_to_vec().unwrap()
    };
    let (first, second) = (Query::new(b"signature").unwrap(), Query::new(b"signature").unwrap());
    let reply = ask(&first);
    let token = first.token(&reply, b"signature").unwrap();
    assert!(second.token(&reply, b"signature").unwrap_err().contains("another question"));
    assert!(first.token(&reply, b"other").unwrap_err().contains("something else"));
    assert!(Token::check(&token, b"signature").is_ok());
    for place in 0..token.len() {
        let mut changed = token.clone();
        changed[place] ^= 1;
        let root = certificates(&folder.path().join("root.crt"));
        if let Ok(time) = Token::check(&changed, b"signature").and_then(|token| token.trusted(&root)) {
            // Unsigned: the order of certificates, the version of the message, parameters of hashes.
            let good = Token::check(&token, b"signature").and_then(|token| token.trusted(&root)).unwrap();
            assert_eq!(time, good, "byte {place}");
        }
    }
    for length in 0..reply.len() {
        first.token(&reply[..length], b"signature").unwrap_err();
    }
}
