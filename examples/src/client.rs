//! A JSON-RPC client that is just enough for the programs of this package.

use std::{net::SocketAddr, time::Duration};

use serde_json::{Value, json};
use ureq::{
    Agent,
    tls::{RootCerts, TlsConfig},
};

/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Most bytes of an answer.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Nobody answers.
    #[error("{url}: {source}")]
    Io {
        /// The node's address.
        url: String,
        /// What happened.
        source: Box<ureq::Error>,
    },
    /// What answers does not speak JSON-RPC.
    #[error("{url} does not answer as JSON-RPC does")]
    Protocol {
        /// The node's address.
        url: String,
    },
    /// The node refused.
    #[error("{message} (code {code})")]
    Refused {
        /// Its code.
        code: i64,
        /// Its words.
        message: String,
    },
}

/// A node that is asked over HTTP or HTTPS.
#[derive(Clone, Debug)]
pub struct Client {
    agent: Agent,
    url: String,
}

impl Client {
    /// Makes a client for a node's URL. Connects when it is first used.
    #[must_use]
    pub fn new(url: &str) -> Self {
        // The second of two clients finds the provider there already.
        drop(rustls::crypto::ring::default_provider().install_default());
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier).build();
        let config = Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            .tls_config(tls)
            .build();
        Self { agent: config.into(), url: url.to_owned() }
    }

    /// Calls a method.
    ///
    /// # Errors
    /// [`ClientError`].
    pub fn call(&self, method: &str, params: &Value) -> Result<Value, ClientError> {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answer = self
            .post(&request.to_string())
            .map_err(|source| ClientError::Io { url: self.url.clone(), source: source.into() })?;
        let protocol = || ClientError::Protocol { url: self.url.clone() };
        let mut answer: Value = serde_json::from_str(&answer).map_err(|_| protocol())?;
        if let Some(error) = answer.get("error") {
            let message = error.get("message").and_then(Value::as_str).unwrap_or_default();
            let code = error.get("code").and_then(Value::as_i64).unwrap_or_default();
            return Err(ClientError::Refused { code, message: message.to_owned() });
        }
        answer.get_mut("result").map(Value::take).ok_or_else(protocol)
    }

    fn post(&self, body: &str) -> Result<String, ureq::Error> {
        let mut answer = self.agent.post(&self.url).content_type("application/json").send(body)?;
        answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string()
    }
}

/// Calls a method of a node at an address, over a connection of its own.
///
/// # Errors
/// [`ClientError`].
pub fn call(address: SocketAddr, method: &str, params: &Value) -> Result<Value, ClientError> {
    Client::new(&format!("http://{address}")).call(method, params)
}
