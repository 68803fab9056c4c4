//! What agents follow and answer, over HTTP.

use std::thread;

use serde_json::{Value, json};

use crate::http::{Answer, get, request};
use crate::image::{MANIFEST, TestImage, put_manifest};
use crate::server::Server;

const REQUESTS: &str = "/api/v1/signing";

fn post(server: &Server, path: &str, token: &str, body: &Value) -> Answer {
    let token = [("plimsoll-token", token)];
    request(server.address, "POST", path, &token, body.to_string().as_bytes())
}

fn with_token(server: &Server, method: &str, path: &str, token: &str) -> Answer {
    request(server.address, method, path, &[("plimsoll-token", token)], b"")
}

fn image(repository: &str) -> Value {
    json!({ "image": { "repository": repository, "tag": "v1", "digest": format!("sha256:{}", "a".repeat(64)), "formats": ["bundle"] } })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// Asks, and tells the request's address and the asker's token.
fn asked(server: &Server) -> (String, String) {
    let answer = post(server, REQUESTS, "", &image("r.io/team/app"));
    assert_eq!(answer.status, 201, "{answer:?}");
    (format!("{REQUESTS}/{}", text(&answer.json()["id"])), text(&answer.json()["token"]))
}

#[test]
fn a_request_is_taken_by_one_agent_and_its_answer_comes_to_the_one_who_asked() {
    let server = Server::start();
    let (path, token) = asked(&server);
    let waiting = get(server.address, REQUESTS).json();
    assert_eq!(waiting["requests"][0]["image"]["repository"], "r.io/team/app");
    assert_eq!(waiting["requests"][0]["caller"], "a caller on this machine");
    assert!(!waiting.to_string().contains(&token), "what proves who asked is told to nobody else");

    let claimed = post(&server, &format!("{path}/claim"), "", &json!({}));
    let claim = text(&claimed.json()["claim"]);
    assert_eq!(post(&server, &format!("{path}/claim"), "", &json!({})).error(), (404, "NAME_UNKNOWN".into()));
    assert_eq!(get(server.address, REQUESTS).json()["requests"], json!([]));

    let answer = format!("{path}/answer");
    let progress = json!({ "reply": "progress", "text": "shown to the key's owner" });
    assert_eq!(post(&server, &answer, "another", &progress).status, 404);
    assert_eq!(post(&server, &answer, &claim, &progress).status, 200);
    let state = with_token(&server, "GET", &path, &token).json();
    assert_eq!((&state["text"], &state["answer"]), (&json!("shown to the key's owner"), &Value::Null));

    let after = state["version"].to_string();
    thread::scope(|scope| {
        let waits = scope.spawn(|| with_token(&server, "GET", &format!("{path}?after={after}&wait=30"), &token).json());
        let refused = json!({ "reply": "refused", "code": "not-allowed", "reason": "no" });
        assert_eq!(post(&server, &answer, &claim, &refused).status, 200);
        assert_eq!(waits.join().unwrap()["answer"], refused);
    });
    assert_eq!(post(&server, &answer, &claim, &progress).status, 404, "answered once");
    assert_eq!(with_token(&server, "DELETE", &path, &token).status, 200);
    assert_eq!(with_token(&server, "GET", &path, &token).status, 404);
}

#[test]
fn the_agent_hears_when_a_request_was_taken_back_and_strangers_can_neither_read_nor_take_back() {
    let server = Server::start();
    let (path, token) = asked(&server);
    let claim = text(&post(&server, &format!("{path}/claim"), "", &json!({})).json()["claim"]);
    for other in ["", "wrong", &claim] {
        assert_eq!(with_token(&server, "GET", &path, other).status, 404);
        assert_eq!(with_token(&server, "DELETE", &path, other).status, 404);
    }
    assert_eq!(with_token(&server, "DELETE", &path, &token).status, 200);
    let progress = json!({ "reply": "progress", "text": "…" });
    assert_eq!(post(&server, &format!("{path}/answer"), &claim, &progress).status, 404);
}

#[test]
fn requests_that_are_none_and_too_many_are_refused() {
    let server = Server::start();
    let long = "x".repeat(2000);
    for body in [
        json!({}),
        json!({ "image": { "repository": "r.io/app" } }),
        image("app"),
        image("r.io/APP"),
        image(&format!("r.io/{long}")),
        json!({ "image": image("r.io/app")["image"], "key": long }),
        json!({ "image": image("r.io/app")["image"], "more": 1 }),
    ] {
        assert_eq!(post(&server, REQUESTS, "", &body).status, 400, "{body}");
    }
    let large = request(server.address, "POST", REQUESTS, &[], &vec![b' '; 600 << 10]);
    assert_eq!(large.status / 100, 4, "{large:?}");
    let (path, _) = asked(&server);
    let claim = text(&post(&server, &format!("{path}/claim"), "", &json!({})).json()["claim"]);
    let done = json!({ "reply": "done", "text": "" });
    assert_eq!(post(&server, &format!("{path}/answer"), &claim, &done).status, 400);
    for _ in 1..64 {
        asked(&server);
    }
    assert_eq!(post(&server, REQUESTS, "", &image("r.io/team/app")).error(), (429, "TOOMANYREQUESTS".into()));
    assert_eq!(get(server.address, "/api/v1/signing?wait=x").status, 400);
}

#[test]
fn who_follows_hears_of_each_tag_that_is_set_and_of_nothing_else() {
    let server = Server::start();
    let image = TestImage::new("amd64");
    image.push(server.address, "team/app", "before");
    let begun = get(server.address, "/api/v1/events").json();
    assert_eq!((&begun["events"], &begun["missed"]), (&json!([]), &json!(false)));
    let follow = |wait: u32| {
        let (stream, next) = (text(&begun["stream"]), &begun["next"]);
        get(server.address, &format!("/api/v1/events?stream={stream}&after={next}&wait={wait}")).json()
    };
    thread::scope(|scope| {
        let waits = scope.spawn(|| follow(30));
        put_manifest(server.address, "team/app", "v1", MANIFEST, &image.manifest);
        let event = waits.join().unwrap()["events"][0].clone();
        assert_eq!((&event["repository"], &event["tag"]), (&json!("team/app"), &json!("v1")));
        assert_eq!(event["caller"], "a caller on this machine");
        let manifest = get(server.address, "/v2/team/app/manifests/v1");
        assert_eq!(manifest.header("docker-content-digest"), text(&event["digest"]));
    });
    // A list of signatures, as it lies in registries that know no referrers.
    let fallback = format!("sha256-{}", "a".repeat(64));
    put_manifest(server.address, "team/app", &fallback, MANIFEST, &image.manifest);
    assert_eq!(follow(0)["events"].as_array().unwrap().len(), 1);
    let other = get(server.address, "/api/v1/events?stream=another&after=5").json();
    assert_eq!((&other["missed"], &other["events"]), (&json!(true), &json!([])));
    assert_eq!(get(server.address, "/api/v1/events?after=x").status, 400);
}
