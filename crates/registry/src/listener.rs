//! One port: connections taken, bounded, served, and ended in peace.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use access::Caller;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, Response, header};
use axum::response::IntoResponse as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::ServiceExt as _;

use crate::hosts::Hosts;

/// Connections at once. Each may hold a file and a few buffers of 64 KiB.
const CONNECTIONS: usize = 1024;

/// A request's head has to be here within this time, and an idle connection is closed after it.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);

/// A peer that does not take our bytes for so long is gone (`TCP_USER_TIMEOUT`, milliseconds).
#[cfg(target_os = "linux")]
const WRITE_PATIENCE: u32 = 60_000;

/// How long requests that are under way are given when the server ends.
const LAST_CALL: Duration = Duration::from_secs(10);

/// Most of a request's head.
const HEAD_BYTES: usize = 32 << 10;
const HEADERS: usize = 100;

/// Why the port cannot be had.
#[derive(Debug, Error)]
pub enum ListenError {
    /// The address is not loopback, and there is no access control.
    #[error(
        "{0} can be reached from other machines, and everybody who reaches it may push, pull and delete; listen on \
         127.0.0.1, or say --insecure-open if that is meant"
    )]
    Open(SocketAddr),
    /// The system refused.
    #[error("cannot listen on {address}: {source}; is something else there? choose another with --listen ADDRESS:PORT")]
    Bind {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// Takes the port. An address beyond loopback is refused unless `insecure_open`.
pub fn bind(address: SocketAddr, insecure_open: bool) -> Result<std::net::TcpListener, ListenError> {
    if !address.ip().is_loopback() && !insecure_open {
        return Err(ListenError::Open(address));
    }
    let fail = |source| ListenError::Bind { address, source };
    let listener = std::net::TcpListener::bind(address).map_err(fail)?;
    listener.set_nonblocking(true).map_err(fail)?;
    Ok(listener)
}

/// Serves the registry's routes and `extra` until `stop` is ready; then takes no more connections and gives those that
/// are under way some seconds.
pub async fn serve(
    listener: std::net::TcpListener,
    registry: Router,
    extra: Router,
    hosts: Hosts,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let service = Arc::new((registry.merge(extra), hosts));
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = GracefulShutdown::new();
    tokio::pin!(stop);
    loop {
        // Before accepting: what is too much waits in the kernel's queue.
        let accepted = async {
            let permit = Arc::clone(&connections).acquire_owned().await.map_err(io::Error::other)?;
            listener.accept().await.map(|(stream, peer)| (permit, stream, peer))
        };
        let (permit, stream, peer) = tokio::select! {
            () = &mut stop => break,
            accepted = accepted => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // No descriptors left, or a peer that was gone at once: neither ends the server.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        prepare(&stream);
        let service = Arc::clone(&service);
        let mut http = hyper::server::conn::http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(HEAD_PATIENCE)
            .max_headers(HEADERS)
            .max_buf_size(64 << 10)
            .max_header_size(HEAD_BYTES);
        let connection = http.serve_connection(
            TokioIo::new(stream),
            service_fn(move |request| {
                let service = Arc::clone(&service);
                async move { Ok::<_, std::convert::Infallible>(answer(&service.0, &service.1, peer, request).await) }
            }),
        );
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%peer, %error, "a connection ended badly");
            }
            drop(permit);
        });
    }
    drop(listener);
    if tokio::time::timeout(LAST_CALL, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests that were still under way were cut off");
    }
    Ok(())
}

fn prepare(stream: &TcpStream) {
    // Small answers are not held back, and a peer that takes nothing does not hold a connection for ever. Where the
    // system does not know these, nothing is lost but that.
    let prepared = stream.set_nodelay(true);
    #[cfg(target_os = "linux")]
    let prepared = prepared
        .and_then(|()| rustix::net::sockopt::set_tcp_user_timeout(stream, WRITE_PATIENCE).map_err(io::Error::from));
    if let Err(error) = prepared {
        tracing::debug!(%error, "a connection could not be tuned");
    }
}

/// Who asks: known by where the connection comes from, until there are logins.
fn caller(peer: SocketAddr) -> Caller {
    if peer.ip().to_canonical().is_loopback() { Caller::Loopback } else { Caller::Anonymous }
}

async fn answer(routes: &Router, hosts: &Hosts, peer: SocketAddr, request: Request<Incoming>) -> Response<Body> {
    let begun = Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = match hosts.check(request.uri(), request.headers()) {
        Ok(()) => {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(caller(peer));
            match routes.clone().oneshot(request).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        }
        Err(foreign) => {
            tracing::warn!(%peer, %method, path, reason = foreign.reason, "a request was refused");
            // The body is not read: the connection cannot be used again.
            let headers = [(header::CONNECTION, HeaderValue::from_static("close"))];
            (foreign.status, headers, format!("{}\n", foreign.reason)).into_response()
        }
    };
    // The path may hold the name of an upload, which is a right to write for as long as that lasts: debug only.
    tracing::debug!(%peer, %method, path, status = response.status().as_u16(), took = ?begun.elapsed(), "request");
    response
}
