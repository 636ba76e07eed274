//! Errors: of starting the server, and of answering a request in geth's codes and words.

use std::net::SocketAddr;

use jsonrpsee::types::{ErrorObject, ErrorObjectOwned};
use mbt_trie::{StateError, StoreError};

use super::types::{hex::prefixed, param::ParamError};

/// Why JSON-RPC is not served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RpcError {
    /// Another program listens there.
    #[error("address {address} is in use")]
    AddressInUse {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The system does not let us listen there.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// The system's words.
        source: std::io::Error,
    },
    /// An entry of `cors` is no origin.
    #[error("cors origin {origin:?} is not valid")]
    InvalidOrigin {
        /// The entry.
        origin: String,
    },
    /// Two methods have one name.
    #[error("method {method} is registered twice")]
    DuplicateMethod {
        /// The name.
        method: &'static str,
    },
    /// A bound is zero where nothing could be served.
    #[error("{setting} must not be zero")]
    ZeroBound {
        /// The bound's name in the configuration.
        setting: &'static str,
    },
}

/// Code of errors that have no code of their own.
pub(crate) const CODE_SERVER: i32 = -32000;
/// Code of a resource that is exhausted (EIP-1474).
const CODE_LIMIT: i32 = -32005;
/// Code of an unknown method.
pub(crate) const CODE_METHOD: i32 = -32601;
/// Code of parameters that are wrong.
pub(crate) const CODE_PARAMS: i32 = -32602;
/// Code of a failure of this node.
const CODE_INTERNAL: i32 = -32603;
/// Code of a call that reverted.
const CODE_REVERT: i32 = 3;
/// Code of a transaction sent synchronously that has no receipt yet (EIP-7966).
const CODE_SYNC_TIMEOUT: i32 = 4;

/// Why a request is answered with an error.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum RequestError {
    /// Fewer parameters than the method needs.
    #[error("missing value for required argument {index} ({name})")]
    MissingParam { index: usize, name: &'static str },
    /// More parameters than the method takes.
    #[error("too many arguments, want at most {max}")]
    TooManyParams { max: usize },
    /// A parameter that is not what it must be.
    #[error("invalid argument {index} ({name}): {reason}")]
    InvalidParam { index: usize, name: &'static str, reason: ParamError },
    /// The parameters are no list.
    #[error("non-array args")]
    NotAList,
    /// Parameters that are well-formed but cannot be served together.
    #[error("{0}")]
    Params(String),
    /// The method does not exist or is not allowed.
    #[error("the method {0} does not exist/is not available")]
    UnknownMethod(String),
    /// The block does not exist.
    #[error("header not found")]
    UnknownBlock,
    /// The block exists but has left the chain.
    #[error("hash is not currently canonical")]
    NotCanonical,
    /// The state or trace is older than the history kept.
    #[error("{0}")]
    Pruned(String),
    /// The call reverted.
    #[error("execution reverted{}", reason.as_ref().map(|r| format!(": {r}")).unwrap_or_default())]
    Reverted { reason: Option<String>, output: Vec<u8> },
    /// Refused by pool, machine or rule; geth's words.
    #[error("{0}")]
    Refused(String),
    /// A bound of this server.
    #[error("{0}")]
    Limit(String),
    /// The transaction is in the pool but not in a block.
    #[error(
        "The transaction was added to the transaction pool but wasn't processed in {waited_ms}ms"
    )]
    SyncTimeout { waited_ms: u64, hash: String },
    /// This node is at fault.
    #[error("{0}")]
    Internal(String),
}

impl From<StoreError> for RequestError {
    fn from(error: StoreError) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<StateError> for RequestError {
    fn from(error: StateError) -> Self {
        match error {
            StateError::NotKept { number, oldest } => Self::Pruned(format!(
                "missing trie node: state of block {number} is not available, history starts at \
                 block {oldest}"
            )),
            other => Self::Internal(other.to_string()),
        }
    }
}

impl RequestError {
    const fn code(&self) -> i32 {
        match self {
            Self::MissingParam { .. }
            | Self::TooManyParams { .. }
            | Self::InvalidParam { .. }
            | Self::NotAList
            | Self::Params(_) => CODE_PARAMS,
            Self::UnknownMethod(_) => CODE_METHOD,
            Self::UnknownBlock | Self::NotCanonical | Self::Pruned(_) | Self::Refused(_) => {
                CODE_SERVER
            }
            Self::Reverted { .. } => CODE_REVERT,
            Self::Limit(_) => CODE_LIMIT,
            Self::SyncTimeout { .. } => CODE_SYNC_TIMEOUT,
            Self::Internal(_) => CODE_INTERNAL,
        }
    }
}

impl From<RequestError> for ErrorObjectOwned {
    fn from(error: RequestError) -> Self {
        let data = match &error {
            RequestError::Reverted { output, .. } => Some(prefixed(output)),
            RequestError::SyncTimeout { hash, .. } => Some(hash.clone()),
            _ => None,
        };
        ErrorObject::owned(error.code(), error.to_string(), data)
    }
}

/// Returns the error of a call that reverted with `output`, its reason decoded.
pub(crate) fn reverted(output: Vec<u8>) -> RequestError {
    RequestError::Reverted { reason: revert_reason(&output), output }
}

/// Decodes `Error(string)` and `Panic(uint256)`, as geth shows them.
pub(crate) fn revert_reason(output: &[u8]) -> Option<String> {
    let (selector, body) = output.split_first_chunk::<4>()?;
    match selector {
        [0x08, 0xc3, 0x79, 0xa0] => {
            let offset = small(body.get(..32)?)?;
            let tail = body.get(offset..)?;
            let length = small(tail.get(..32)?)?;
            let text = tail.get(32..)?.get(..length)?;
            Some(String::from_utf8_lossy(text).into_owned())
        }
        [0x4e, 0x48, 0x7b, 0x71] => Some(panic_text(small(body.get(..32)?)?).to_owned()),
        _ => None,
    }
}

fn small(word: &[u8]) -> Option<usize> {
    let (high, low) = word.split_at_checked(24)?;
    let low = u64::from_be_bytes(low.try_into().ok()?);
    high.iter().all(|byte| *byte == 0).then(|| usize::try_from(low).ok())?
}

const fn panic_text(code: usize) -> &'static str {
    match code {
        0x00 => "generic panic",
        0x01 => "assert(false)",
        0x11 => "arithmetic underflow or overflow",
        0x12 => "division or modulo by zero",
        0x21 => "enum overflow",
        0x22 => "invalid encoded storage byte array accessed",
        0x31 => "out-of-bounds array access; popping on an empty array",
        0x32 => "out-of-bounds access of an array or bytesN",
        0x41 => "out of memory",
        0x51 => "uninitialized function",
        _ => "unknown panic code",
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reverts_carry_code_3_reason_and_data() {
        let mut output = hex::decode("08c379a0").unwrap();
        output.extend([0; 31]);
        output.push(32);
        output.extend([0; 31]);
        output.push(4);
        output.extend(b"nope");
        output.extend([0; 28]);
        let object = ErrorObjectOwned::from(reverted(output.clone()));
        assert_eq!(object.code(), 3);
        assert_eq!(object.message(), "execution reverted: nope");
        assert_eq!(object.data().unwrap().get(), format!("\"{}\"", prefixed(&output)));
        assert_eq!(ErrorObjectOwned::from(reverted(vec![])).message(), "execution reverted");
    }

    proptest! {
        #[test]
        fn reasons_of_arbitrary_bytes_never_panic(mut tail in any::<Vec<u8>>(), panic in any::<bool>()) {
            let selector = if panic { [0x4e, 0x48, 0x7b, 0x71] } else { [0x08, 0xc3, 0x79, 0xa0] };
            let mut output = selector.to_vec();
            output.append(&mut tail);
            let _ = revert_reason(&output);
        }
    }
}
