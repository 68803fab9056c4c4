//! Logging in: who is told what, and who is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use image::client::{Client, ClientError, Credentials, Login};
use image::{Digest, Reference};
use zeroize::Zeroizing;

use super::fake::{Fake, Peer, Request};
use super::registry::{Kind, Registry};
use super::{reference, settings};

const SCOPE: &str = "repository:team/image:pull";

fn user(registry: &str, password: &str) -> Credentials {
    let login = Login::Basic { user: "user".into(), password: Zeroizing::new(password.into()) };
    Credentials::none().with(registry, login)
}

fn place(fake: &Fake) -> Reference {
    reference(&fake.host(), "team/image", "v1")
}

/// A registry with a token server beside it that gives one token for each scope.
fn with_tokens(token: impl Fn(&Request) -> String + Send + Sync + 'static) -> Fake {
    Fake::start(move |request, peer: &mut Peer| {
        if request.target.starts_with("/token") {
            return peer.answer(200, &[], token(request).as_bytes());
        }
        if request.header("authorization") == Some("Bearer good") {
            return peer.answer(200, &[("Content-Type", "application/json")], b"{}");
        }
        let realm = format!("http://{}/token", request.header("host").unwrap());
        let challenge = format!(r#"Bearer realm="{realm}",service="test",scope="{SCOPE}""#);
        peer.answer(401, &[("WWW-Authenticate", &challenge)], b"");
    })
}

#[test]
fn a_real_registry_takes_name_and_password() {
    let Some(registry) = Registry::start(Kind::WithLogin) else { return };
    let place = reference(registry.host(), "team/image", "v1");
    let content = b"content";
    let digest = Digest::sha256(content);
    let client = Client::new(user(registry.host(), "swordfish"), settings());
    client.push_blob(&place, &digest, 7, &mut content.as_slice()).unwrap();
    assert_eq!(&*client.small_blob(&place, &digest, 100).unwrap(), content);

    let stranger = Client::new(Credentials::none(), settings());
    let error = stranger.small_blob(&place, &digest, 100).unwrap_err();
    assert!(matches!(&error, ClientError::Unauthorized { .. }), "{error}");
    assert!(error.to_string().contains(&format!("docker login {}", registry.host())), "{error}");
    let wrong = Client::new(user(registry.host(), "wrong"), settings());
    let error = wrong.small_blob(&place, &digest, 100).unwrap_err().to_string();
    assert!(error.contains("the login of user was not enough") && !error.contains("wrong"), "{error}");
}

#[test]
fn a_token_is_fetched_once_and_used_again() {
    let fake = with_tokens(|_| r#"{"token":"good","expires_in":300}"#.into());
    let client = Client::new(user(&fake.host(), "secret"), settings());
    for _ in 0..3 {
        client.resolve(&place(&fake)).unwrap();
    }
    let requests = fake.requests();
    let tokens: Vec<_> = requests.iter().filter(|request| request.target.starts_with("/token")).collect();
    assert_eq!(tokens.len(), 1);
    assert_eq!(tokens[0].header("authorization"), Some("Basic dXNlcjpzZWNyZXQ="));
    assert!(tokens[0].target.contains("service=test"), "{}", tokens[0].target);
    assert!(tokens[0].target.contains("scope=repository%3Ateam%2Fimage%3Apull"), "{}", tokens[0].target);
    assert!(tokens[0].target.contains("account=user"), "{}", tokens[0].target);
}

#[test]
fn writing_asks_for_the_right_to_write() {
    let fake = Fake::start(|request, peer| {
        if let Some(query) = request.target.strip_prefix("/token?") {
            let token = if query.contains("pull%2Cpush") { "writer" } else { "reader" };
            return peer.answer(200, &[], format!(r#"{{"token":"{token}"}}"#).as_bytes());
        }
        let wanted = if request.method == "HEAD" { "Bearer reader" } else { "Bearer writer" };
        let realm = format!("http://{}/token", request.header("host").unwrap());
        // As some registries do, it always names the right to read.
        let challenge = format!(r#"Bearer realm="{realm}",service="test",scope="{SCOPE}""#);
        match (request.header("authorization") == Some(wanted), request.method.as_str()) {
            (false, _) => peer.answer(401, &[("WWW-Authenticate", &challenge)], b""),
            (true, "HEAD") => peer.head(404, &[], 0),
            (true, "POST") => peer.answer(202, &[("Location", "/v2/team/image/blobs/uploads/1?state=x")], b""),
            (true, _) => peer.answer(201, &[], b""),
        }
    });
    let client = Client::new(user(&fake.host(), "secret"), settings());
    client.push_blob(&place(&fake), &Digest::sha256(b"content"), 7, &mut b"content".as_slice()).unwrap();
    let requests = fake.requests();
    let put = requests.iter().find(|request| request.method == "PUT").unwrap();
    assert_eq!(put.body, b"content");
    assert!(put.target.starts_with("/v2/team/image/blobs/uploads/1?state=x&digest=sha256%3A"), "{}", put.target);
    assert_eq!(put.header("content-length"), Some("7"));
    assert!(put.header("user-agent").is_some_and(|agent| agent.starts_with("plimsoll/")));
}

#[test]
fn without_a_login_a_token_is_asked_for_all_the_same() {
    let fake = with_tokens(|_| r#"{"access_token":"good"}"#.into());
    Client::new(Credentials::none(), settings()).resolve(&place(&fake)).unwrap();
    assert!(fake.requests().iter().all(|request| request.header("authorization") != Some("Basic")));
}

#[test]
fn an_identity_token_is_traded_and_never_shown_in_an_address() {
    let fake = with_tokens(|request| {
        assert_eq!(request.method, "POST");
        let body = String::from_utf8(request.body.clone()).unwrap();
        assert!(body.contains("grant_type=refresh_token") && body.contains("refresh_token=long%2Flived"), "{body}");
        r#"{"access_token":"good"}"#.into()
    });
    let login = Login::IdentityToken(Zeroizing::new("long/lived".into()));
    let client = Client::new(Credentials::none().with(&fake.host(), login), settings());
    client.resolve(&place(&fake)).unwrap();
    assert!(fake.requests().iter().all(|request| !request.target.contains("lived")));
}

#[test]
fn a_token_that_is_no_longer_taken_is_fetched_anew() {
    let count = Arc::new(AtomicUsize::new(0));
    let given = count.clone();
    let fake = with_tokens(move |_| match given.fetch_add(1, Ordering::SeqCst) {
        0 => r#"{"token":"stale","expires_in":3600}"#.into(),
        _ => r#"{"token":"good"}"#.into(),
    });
    let client = Client::new(Credentials::none(), settings());
    let error = client.resolve(&place(&fake)).unwrap_err();
    assert!(matches!(error, ClientError::Unauthorized { .. }), "{error}");
    client.resolve(&place(&fake)).unwrap();
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

#[test]
fn a_token_server_that_sends_nonsense_is_told() {
    let long = format!(r#"{{"token":"{}"}}"#, "x".repeat(20_000));
    for answer in ["", "{}", "[]", "<html>", r#"{"token":""}"#, r#"{"token":"a\nb"}"#, &long] {
        let answer = answer.to_owned();
        let fake = with_tokens(move |_| answer.clone());
        let error = Client::new(Credentials::none(), settings()).resolve(&place(&fake)).unwrap_err();
        assert!(matches!(error, ClientError::Protocol { .. }), "{error}");
    }
}

#[test]
fn a_garbage_challenge_is_a_refusal_and_not_a_loop() {
    for challenge in ["", "Bearer", "Bearer realm=\"", "Digest realm=\"x\"", "Bearer realm=\"not an address\"", "%%%"] {
        let fake = Fake::start(move |_, peer| peer.answer(401, &[("WWW-Authenticate", challenge)], b""));
        Client::new(user(&fake.host(), "secret"), settings()).resolve(&place(&fake)).expect_err(challenge);
        assert!(fake.requests().len() < 4, "{:?}", fake.requests());
        assert!(fake.requests().iter().all(|request| request.header("authorization").is_none()));
    }
}

#[test]
fn a_login_does_not_follow_a_redirect_to_another_host() {
    let storage = Fake::start(|_, peer| peer.answer(200, &[], b"content"));
    let location = format!("http://{}/signed?key=1", storage.host());
    let fake = Fake::start(move |request, peer| match request.header("authorization") {
        None => peer.answer(401, &[("WWW-Authenticate", "Basic realm=\"x\"")], b""),
        Some(_) => peer.answer(307, &[("Location", &location)], b""),
    });
    let client = Client::new(user(&fake.host(), "secret"), settings());
    client.small_blob(&place(&fake), &Digest::sha256(b"content"), 100).unwrap();
    let seen = storage.requests();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].header("authorization"), None);
}

#[test]
fn passwords_are_in_no_debug_output() {
    let credentials = user("example.com", "hunter2");
    let client = Client::new(credentials.clone(), settings());
    let shown = format!("{credentials:?} {client:?} {:?}", credentials.of("example.com"));
    assert!(!shown.contains("hunter2"), "{shown}");
}
