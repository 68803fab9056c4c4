//! Asking the router without a socket.

use access::Caller;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use catalog::Catalog;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

/// Asks as somebody on this machine.
pub(crate) async fn get(catalog: &Catalog, address: &str) -> Answer {
    ask(catalog, address, Some(Caller::Loopback), &[]).await
}

pub(crate) async fn ask(catalog: &Catalog, address: &str, caller: Option<Caller>, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().uri(address);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(caller) = caller {
        request = request.extension(caller);
    }
    let response = catalog::router(catalog.clone()).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(body.to_vec()).unwrap() }
}
