//! What stands before the server: the Host check against DNS rebinding, the Origin check of
//! WebSockets (browsers ask no preflight for them), and the mark that tells HTTP from WebSocket.

use std::{
    future::Future,
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use jsonrpsee::core::BoxError;
use jsonrpsee::server::{HttpBody, HttpRequest, HttpResponse};
use tower::{Layer, Service};
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

use super::{RpcConfig, RpcError};

/// Marks requests that came by plain HTTP: they cannot subscribe.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlainHttp;

/// The names and origins that are let in.
#[derive(Clone, Debug)]
pub(crate) struct Door(Arc<Rules>);

#[derive(Debug)]
struct Rules {
    hosts: Vec<String>,
    origins: Vec<String>,
}

impl Door {
    /// Takes the lists of the configuration.
    pub(crate) fn new(config: &RpcConfig) -> Self {
        let lower = |list: &[String]| list.iter().map(|item| item.to_ascii_lowercase()).collect();
        Self(Arc::new(Rules { hosts: lower(&config.hosts), origins: lower(&config.cors) }))
    }
}

impl Rules {
    fn admits_host(&self, authority: &str) -> bool {
        let host = host_of(authority);
        host.parse::<IpAddr>().is_ok()
            || self.hosts.iter().any(|allowed| allowed == "*" || host.eq_ignore_ascii_case(allowed))
    }

    /// Programs send no Origin; a page may come from its own host or from the list.
    fn admits_origin(&self, origin: &str, authority: &str) -> bool {
        let origin = origin.to_ascii_lowercase();
        self.origins.iter().any(|allowed| allowed == "*" || *allowed == origin)
            || origin.split_once("://").is_some_and(|(_, own)| own.eq_ignore_ascii_case(authority))
    }
}

/// Returns the host of `host`, `host:port`, `[v6]` or `[v6]:port`.
fn host_of(authority: &str) -> &str {
    if let Some(rest) = authority.strip_prefix('[') {
        return rest.split_once(']').map_or(rest, |(host, _)| host);
    }
    authority.rsplit_once(':').map_or(authority, |(host, _)| host)
}

/// Returns the layer that answers preflights and marks responses for browsers.
pub(crate) fn cors(config: &RpcConfig) -> Result<CorsLayer, RpcError> {
    let origins = if config.cors.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        let parse = |origin: &String| {
            origin.parse().map_err(|_| RpcError::InvalidOrigin { origin: origin.clone() })
        };
        AllowOrigin::list(config.cors.iter().map(parse).collect::<Result<Vec<_>, _>>()?)
    };
    Ok(CorsLayer::new().allow_origin(origins).allow_methods(Any).allow_headers(Any))
}

impl<S> Layer<S> for Door {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { inner, rules: Arc::clone(&self.0) }
    }
}

/// A service behind the door.
#[derive(Clone, Debug)]
pub(crate) struct Guarded<S> {
    inner: S,
    rules: Arc<Rules>,
}

impl<S, B> Service<HttpRequest<B>> for Guarded<S>
where
    S: Service<HttpRequest<B>, Response = HttpResponse, Error = BoxError>,
    S::Future: Send + 'static,
{
    type Response = HttpResponse;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: HttpRequest<B>) -> Self::Future {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let authority = request
            .uri()
            .authority()
            .map(|authority| authority.as_str())
            .or_else(|| header("host"));
        let upgrade = request.headers().contains_key("upgrade");
        let refusal = match authority {
            Some(host) if !self.rules.admits_host(host) => Some("invalid host specified\n"),
            _ if !upgrade => None,
            host => header("origin")
                .filter(|origin| !self.rules.admits_origin(origin, host.unwrap_or_default()))
                .map(|_| "origin not allowed\n"),
        };
        if let Some(reason) = refusal {
            return Box::pin(std::future::ready(Ok(forbidden(reason))));
        }
        if !upgrade {
            request.extensions_mut().insert(PlainHttp);
        }
        Box::pin(self.inner.call(request))
    }
}

fn forbidden(reason: &'static str) -> HttpResponse {
    let mut response = HttpResponse::new(HttpBody::from(reason));
    *response.status_mut() = axum::http::StatusCode::FORBIDDEN;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(hosts: &[&str], origins: &[&str]) -> Rules {
        let own = |list: &[&str]| list.iter().map(|item| (*item).to_owned()).collect();
        Rules { hosts: own(hosts), origins: own(origins) }
    }

    #[test]
    fn rebound_names_are_refused_and_addresses_pass() {
        let rules = rules(&["localhost"], &[]);
        for host in ["localhost", "LOCALHOST:8545", "127.0.0.1:8545", "[::1]:8545", "10.1.2.3"] {
            assert!(rules.admits_host(host), "{host}");
        }
        for host in ["evil.example", "evil.example:8545", "localhost.evil.example", ""] {
            assert!(!rules.admits_host(host), "{host}");
        }
    }

    #[test]
    fn pages_of_other_origins_open_no_websocket() {
        let rules = rules(&[], &["https://wallet.example"]);
        assert!(rules.admits_origin("https://wallet.example", "127.0.0.1:8545"));
        assert!(rules.admits_origin("http://127.0.0.1:8545", "127.0.0.1:8545"));
        assert!(!rules.admits_origin("https://evil.example", "127.0.0.1:8545"));
    }
}
