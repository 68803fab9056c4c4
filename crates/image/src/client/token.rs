//! Logging in: what a registry's challenge is answered with (docker's token authentication, RFC 6750, RFC 7617).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use ureq::http::{HeaderName, HeaderValue, Method, header};
use url::Url;
use zeroize::Zeroizing;

use super::challenge::Challenge;
use super::credentials::Login;
use super::error::ClientError;
use super::exchange::{Answer, Outgoing};
use super::transport::{Patience, Payload};
use super::{Client, endpoint};

/// Docker's rule for a token that does not say how long it lives.
const USUAL_LIFE: u64 = 60;
/// A token is used until this part of its life is over, so that it does not end on its way.
const USED_LIFE: f64 = 0.8;
const TOKEN_BYTES: usize = 16 << 10;
const ANSWER_BYTES: u64 = 64 << 10;

/// What was learned of the ways to log in, and the tokens that are still good.
#[derive(Default)]
pub(super) struct Tokens(Mutex<Known>);

#[derive(Default)]
struct Known {
    challenges: HashMap<String, Challenge>,
    tokens: HashMap<(String, String), Token>,
}

#[derive(Clone)]
struct Token {
    header: HeaderValue,
    good_until: Instant,
}

/// What a token server answers; some say `token`, some `access_token`, some both.
#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

impl Client {
    /// The `Authorization` header for a registry and a scope, where it is known to want one.
    pub(super) fn authorization(
        &self,
        registry: &str,
        base: &Url,
        scope: &str,
        action: &str,
    ) -> Result<Option<HeaderValue>, ClientError> {
        let known = || self.inner.tokens.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(challenge) = known().challenges.get(registry).cloned() else { return Ok(None) };
        let login = self.inner.credentials.of(registry);
        if let Some(Login::RegistryToken(token)) = login {
            return sensitive(&format!("Bearer {}", token.as_str()), registry, action).map(Some);
        }
        let Challenge::Bearer { realm, service, scope: asked } = challenge else {
            return match login {
                Some(Login::Basic { user, password }) => basic(user, password, registry, action).map(Some),
                _ => Ok(None),
            };
        };
        let key = (registry.to_owned(), scope.to_owned());
        if let Some(token) = known().tokens.get(&key).filter(|token| token.good_until > Instant::now()) {
            return Ok(Some(token.header.clone()));
        }
        let realm = realm_url(&realm, base, registry, action)?;
        // What we are about to do, and what the registry said it takes: a registry behind a gateway may call the
        // repository by another name.
        let scopes: Vec<&str> =
            [Some(scope), asked.as_deref().filter(|asked| *asked != scope)].into_iter().flatten().collect();
        let token = self.fetch_token(&realm, service.as_deref(), &scopes, login, registry, action)?;
        let header = token.header.clone();
        known().tokens.insert(key, token);
        Ok(Some(header))
    }

    /// Takes note of how a registry wants to be logged in to, and forgets the token that it did not take.
    pub(super) fn learn(&self, registry: &str, scope: &str, challenges: Vec<Challenge>) -> bool {
        let bearer = challenges.iter().position(|challenge| matches!(challenge, Challenge::Bearer { .. }));
        let Some(challenge) = challenges.into_iter().nth(bearer.unwrap_or(0)) else { return false };
        let mut known = self.inner.tokens.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.challenges.insert(registry.to_owned(), challenge);
        known.tokens.remove(&(registry.to_owned(), scope.to_owned()));
        true
    }

    fn fetch_token(
        &self,
        realm: &Url,
        service: Option<&str>,
        scopes: &[&str],
        login: Option<&Login>,
        registry: &str,
        action: &str,
    ) -> Result<Token, ClientError> {
        let mut url = realm.clone();
        let mut headers: Vec<(HeaderName, HeaderValue)> = Vec::new();
        let mut form = Zeroizing::new(String::new());
        let (method, payload) = match login {
            Some(Login::IdentityToken(secret)) => {
                let mut fields = url::form_urlencoded::Serializer::new(String::new());
                fields.append_pair("grant_type", "refresh_token");
                fields.append_pair("service", service.unwrap_or_default());
                fields.append_pair("client_id", "plimsoll");
                fields.append_pair("scope", &scopes.join(" "));
                fields.append_pair("refresh_token", secret);
                *form = fields.finish();
                headers.push((header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded")));
                (Method::POST, Payload::Bytes(form.as_bytes()))
            }
            other => {
                {
                    let mut query = url.query_pairs_mut();
                    if let Some(service) = service {
                        query.append_pair("service", service);
                    }
                    for scope in scopes {
                        query.append_pair("scope", scope);
                    }
                    if let Some(Login::Basic { user, .. }) = other {
                        query.append_pair("account", user);
                    }
                }
                if let Some(Login::Basic { user, password }) = other {
                    headers.push((header::AUTHORIZATION, basic(user, password, registry, action)?));
                }
                (Method::GET, Payload::None)
            }
        };
        let outgoing = Outgoing { registry, method, url: &url, headers: &headers, patience: Patience::Small, action };
        let answer = self.repeat(&outgoing, payload)?;
        Self::token_of(answer.expect(self, &[200])?, registry, action)
    }

    fn token_of(answer: Answer, registry: &str, action: &str) -> Result<Token, ClientError> {
        let unusable = |reason: &str| ClientError::Protocol {
            action: action.to_owned(),
            registry: registry.to_owned(),
            reason: format!("its token server {reason}"),
        };
        let asked_at = Instant::now();
        let bytes = Zeroizing::new(answer.bytes(ANSWER_BYTES)?);
        let parsed: TokenAnswer = serde_json::from_slice(&bytes).map_err(|_| unusable("sent no token"))?;
        let token = parsed.token.filter(|token| !token.is_empty()).or(parsed.access_token).map(Zeroizing::new);
        let token = token.filter(|token| !token.is_empty()).ok_or_else(|| unusable("sent no token"))?;
        if token.len() > TOKEN_BYTES {
            return Err(unusable("sent a token without end"));
        }
        let life = parsed.expires_in.unwrap_or(USUAL_LIFE).clamp(USUAL_LIFE, 24 * 3600);
        let good_until = asked_at + Duration::from_secs(life).mul_f64(USED_LIFE);
        Ok(Token { header: sensitive(&format!("Bearer {}", token.as_str()), registry, action)?, good_until })
    }
}

/// A challenge may name any address. The password is sent there, so that must be by TLS, unless the registry itself is
/// spoken to in the open.
fn realm_url(realm: &str, base: &Url, registry: &str, action: &str) -> Result<Url, ClientError> {
    let refused = |reason: &str| ClientError::Protocol {
        action: action.to_owned(),
        registry: registry.to_owned(),
        reason: format!("it sends logins to {:?}, {reason}", super::error::escaped(realm)),
    };
    let url = Url::parse(realm).map_err(|_| refused("which is no address"))?;
    match url.scheme() {
        "https" => Ok(url),
        "http" if base.scheme() == "http" || endpoint::is_loopback(&super::transport::authority_of(base)) => Ok(url),
        "http" => Err(refused("where everybody on the way could read them; nothing was sent")),
        _ => Err(refused("which is no address of the web")),
    }
}

fn basic(user: &str, password: &Zeroizing<String>, registry: &str, action: &str) -> Result<HeaderValue, ClientError> {
    let pair = Zeroizing::new(format!("{user}:{}", password.as_str()));
    let encoded = Zeroizing::new(BASE64_STANDARD.encode(pair.as_bytes()));
    sensitive(&format!("Basic {}", encoded.as_str()), registry, action)
}

fn sensitive(text: &str, registry: &str, action: &str) -> Result<HeaderValue, ClientError> {
    let mut value = HeaderValue::from_str(text).map_err(|_| ClientError::Protocol {
        action: action.to_owned(),
        registry: registry.to_owned(),
        reason: "the login or token for it has characters that HTTP cannot carry".into(),
    })?;
    value.set_sensitive(true);
    Ok(value)
}
