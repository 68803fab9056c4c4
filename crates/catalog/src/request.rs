//! What every page wants to know of a request.

use std::collections::BTreeMap;
use std::convert::Infallible;

use access::{Action, Caller, Decision, Resource, may};
use axum::extract::{FromRequestParts, Query};
use axum::http::header;
use axum::http::request::Parts;

use crate::failure::Failure;

/// Who asks, for which form of the answer, and with which parameters.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Who. The server puts it into the request's extensions; where it did not, this is [`Caller::Anonymous`].
    pub(crate) caller: Caller,
    /// As what.
    pub(crate) form: Form,
    /// `If-None-Match`.
    pub(crate) known: Option<String>,
    parameters: BTreeMap<String, String>,
}

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// A page.
    Page,
    /// The page's model.
    Json,
}

impl Asked {
    /// Asks `access`.
    pub(crate) fn may(&self, action: Action, resource: &Resource) -> Result<(), Failure> {
        match may(&self.caller, action, resource) {
            Decision::Allow => Ok(()),
            Decision::Deny(reason) => Err(Failure::Denied(reason)),
        }
    }

    /// Whether a repository may be shown to the caller.
    pub(crate) fn may_view(&self, repository: &str) -> bool {
        may(&self.caller, Action::View, &Resource::Repository(repository.to_owned())).allowed()
    }

    /// A parameter of the query; an empty one is none, since forms send what was left empty.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// A number among the parameters, between `least` and `most`.
    pub(crate) fn number(&self, name: &str, least: usize, most: usize) -> Result<Option<usize>, Failure> {
        let Some(text) = self.parameter(name) else { return Ok(None) };
        let number = text.parse().ok().filter(|number| (least..=most).contains(number));
        number.map(Some).ok_or_else(|| {
            Failure::Query(format!("{name} must be a whole number between {least} and {most}, but is {text:?}"))
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let caller = parts.extensions.get::<Caller>().cloned().unwrap_or(Caller::Anonymous);
        let text = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let accept = text(header::ACCEPT).unwrap_or_default();
        let wants_json = accept.contains("application/json") && !accept.contains("text/html");
        let form = if wants_json || parts.uri.path().starts_with("/api/") { Form::Json } else { Form::Page };
        let known = text(header::IF_NONE_MATCH).map(ToOwned::to_owned);
        // A query that is none has no parameters.
        let pairs: Vec<(String, String)> =
            Query::from_request_parts(parts, state).await.map(|Query(pairs)| pairs).unwrap_or_default();
        Ok(Self { caller, form, known, parameters: pairs.into_iter().collect() })
    }
}
