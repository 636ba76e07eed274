//! A JSON-RPC client that is just enough for the programs of this package: one request, one
//! connection.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::{Value, json};

/// How long connecting, and each wait for bytes, may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Most bytes of an answer.
const ANSWER_BYTES_MAX: u64 = 64 << 20;

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Nobody answers.
    #[error("{address}: {source}")]
    Io {
        /// The node's address.
        address: SocketAddr,
        /// The system's words.
        source: io::Error,
    },
    /// What answers does not speak JSON-RPC.
    #[error("{address} does not answer as JSON-RPC does")]
    Protocol {
        /// The node's address.
        address: SocketAddr,
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

/// Calls a method.
///
/// # Errors
/// [`ClientError`].
pub fn call(address: SocketAddr, method: &str, params: &Value) -> Result<Value, ClientError> {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
    let answer = post(address, &body).map_err(|source| ClientError::Io { address, source })?;
    let answer = answer.split_once("\r\n\r\n").map(|(_, body)| body);
    let mut answer: Value = answer
        .and_then(|body| serde_json::from_str(body).ok())
        .ok_or(ClientError::Protocol { address })?;
    if let Some(error) = answer.get("error") {
        let message = error.get("message").and_then(Value::as_str).unwrap_or_default();
        let code = error.get("code").and_then(Value::as_i64).unwrap_or_default();
        return Err(ClientError::Refused { code, message: message.to_owned() });
    }
    answer.get_mut("result").map(Value::take).ok_or(ClientError::Protocol { address })
}

fn post(address: SocketAddr, body: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    // HTTP/1.0: the answer is not chunked and ends with the connection.
    write!(
        stream,
        "POST / HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer)?;
    Ok(answer)
}
