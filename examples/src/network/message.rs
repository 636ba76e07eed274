//! What nodes ask of each other, and the strict encoding of it.
//!
//! Every message is an RLP list that starts with its kind. Every list has a bound, so that a
//! message cannot make its reader hold more than a known amount of memory.

use mbt_account::codec::{Decode, DecodeError, Reader};
use mbt_consensus::{BODY_BYTES_MAX, BlockId, Header};
use mbt_crypto::U256;
use rlp::RlpStream;

/// Most ids in a locator.
pub const LOCATOR_MAX: usize = mbt_consensus::LOCATOR_MAX;

/// Most headers in an answer.
pub const HEADERS_MAX: usize = 512;

/// Most bodies asked for at once.
pub const BODIES_MAX: usize = 128;

/// Bytes of bodies after which an answer takes no further body. The first is always sent.
pub const BODIES_BYTES_SOFT: usize = 2 << 20;

/// Most pooled transactions in an answer.
pub const POOLED_MAX: usize = 4_096;

/// Bytes of pooled transactions after which an answer takes no further one.
pub const POOLED_BYTES_SOFT: usize = 1 << 20;

/// Longest request in bytes.
pub const REQUEST_BYTES_MAX: usize = 16 << 10;

/// Longest answer in bytes: the soft bound, one body more, and the frame around them.
pub const RESPONSE_BYTES_MAX: usize = BODIES_BYTES_SOFT + BODY_BYTES_MAX + (64 << 10);

const STATUS: u8 = 0;
const HEADERS: u8 = 1;
const BODIES: u8 = 2;
const POOLED: u8 = 3;

/// Why bytes are not a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// The bytes are not the shortest encoding of a message.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// There is no message of this kind.
    #[error("message kind {0} is unknown")]
    UnknownKind(u64),
    /// The message is longer than any of its kind may be.
    #[error("message is longer than {max} bytes")]
    TooLong {
        /// Most bytes allowed.
        max: usize,
    },
}

/// Which chain a node follows and how far it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Status {
    /// The chain's id.
    pub chain_id: u64,
    /// The genesis block.
    pub genesis_id: BlockId,
    /// The last executed block of the chain.
    pub head_id: BlockId,
    /// Its number.
    pub number: u64,
    /// Sum of nominal work up to it.
    pub total_work: U256,
}

/// A question to a peer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Request {
    /// The asker's status, for the peer's.
    Status(Status),
    /// The headers behind the first id of the locator that is on the peer's chain, or behind
    /// genesis when none is.
    Headers {
        /// Ids of the asker's chain, highest first.
        locator: Vec<BlockId>,
        /// Most headers wanted, at most [`HEADERS_MAX`].
        max: usize,
    },
    /// Bodies by their blocks' ids. The answer may leave some out.
    Bodies(Vec<BlockId>),
    /// Transactions that wait for a block.
    Pooled,
}

/// A body as it travels: not decoded before its turn comes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SentBody {
    /// The block.
    pub id: BlockId,
    /// RLP of the body.
    pub bytes: Vec<u8>,
}

/// The answer to a question of the same kind.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Response {
    /// The peer's status.
    Status(Status),
    /// Consecutive headers, lowest first.
    Headers(Vec<Header>),
    /// Bodies in the order asked for.
    Bodies(Vec<SentBody>),
    /// EIP-2718 encodings of transactions.
    Pooled(Vec<Vec<u8>>),
}

impl Status {
    fn append(&self, stream: &mut RlpStream) {
        stream.begin_list(5).append(&self.chain_id).append(&self.genesis_id.0);
        stream.append(&self.head_id.0).append(&self.number).append(&self.total_work);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut fields = reader.list()?;
        let status = Self {
            chain_id: fields.u64()?,
            genesis_id: BlockId(fields.hash()?),
            head_id: BlockId(fields.hash()?),
            number: fields.u64()?,
            total_work: fields.u256()?,
        };
        fields.finish()?;
        Ok(status)
    }
}

impl Request {
    /// Returns the encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut stream = RlpStream::new();
        match self {
            Self::Status(status) => status.append(stream.begin_list(2).append(&STATUS)),
            Self::Headers { locator, max } => {
                append_ids(stream.begin_list(3).append(&HEADERS), locator);
                stream.append(&u64::try_from(*max).unwrap_or(u64::MAX));
            }
            Self::Bodies(ids) => append_ids(stream.begin_list(2).append(&BODIES), ids),
            Self::Pooled => {
                stream.begin_list(1).append(&POOLED);
            }
        }
        stream.out().to_vec()
    }

    /// Reads the encoding: the whole of `bytes`.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let (kind, mut fields) = open(bytes, REQUEST_BYTES_MAX)?;
        let request = match u8::try_from(kind) {
            Ok(STATUS) => Self::Status(Status::read(&mut fields)?),
            Ok(HEADERS) => {
                let locator = fields.list_of("locator", LOCATOR_MAX, read_id)?;
                let max = usize::try_from(fields.u64()?).unwrap_or(usize::MAX);
                if max == 0 || max > HEADERS_MAX {
                    return Err(DecodeError::OutOfRange("max").into());
                }
                Self::Headers { locator, max }
            }
            Ok(BODIES) => Self::Bodies(fields.list_of("bodies", BODIES_MAX, read_id)?),
            Ok(POOLED) => Self::Pooled,
            _ => return Err(MessageError::UnknownKind(kind)),
        };
        fields.finish()?;
        Ok(request)
    }
}

impl Response {
    /// Returns the encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut stream = RlpStream::new_list(2);
        match self {
            Self::Status(status) => status.append(stream.append(&STATUS)),
            Self::Headers(headers) => {
                stream.append(&HEADERS).append_list(headers);
            }
            Self::Bodies(bodies) => {
                stream.append(&BODIES).begin_list(bodies.len());
                for body in bodies {
                    stream.begin_list(2).append(&body.id.0).append_raw(&body.bytes, 1);
                }
            }
            Self::Pooled(transactions) => {
                stream.append(&POOLED).append_list::<Vec<u8>, _>(transactions);
            }
        }
        stream.out().to_vec()
    }

    /// Reads the encoding: the whole of `bytes`.
    ///
    /// # Errors
    /// [`MessageError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let (kind, mut fields) = open(bytes, RESPONSE_BYTES_MAX)?;
        let response = match u8::try_from(kind) {
            Ok(STATUS) => Self::Status(Status::read(&mut fields)?),
            Ok(HEADERS) => Self::Headers(fields.list_of("headers", HEADERS_MAX, Header::read)?),
            Ok(BODIES) => Self::Bodies(fields.list_of("bodies", BODIES_MAX, read_body)?),
            Ok(POOLED) => Self::Pooled(read_transactions(&mut fields, POOLED_MAX)?),
            _ => return Err(MessageError::UnknownKind(kind)),
        };
        fields.finish()?;
        Ok(response)
    }
}

/// Reads a list of EIP-2718 encodings, of which none is decoded.
pub(super) fn read_transactions(
    reader: &mut Reader<'_>,
    max: usize,
) -> Result<Vec<Vec<u8>>, DecodeError> {
    reader.list_of("transactions", max, |item| Ok(item.bytes()?.to_vec()))
}

fn open(bytes: &[u8], max: usize) -> Result<(u64, Reader<'_>), MessageError> {
    if bytes.len() > max {
        return Err(MessageError::TooLong { max });
    }
    let mut outer = Reader::new(bytes);
    let mut fields = outer.list()?;
    outer.finish()?;
    Ok((fields.u64()?, fields))
}

fn append_ids(stream: &mut RlpStream, ids: &[BlockId]) {
    stream.begin_list(ids.len());
    for id in ids {
        stream.append(&id.0);
    }
}

fn read_id(reader: &mut Reader<'_>) -> Result<BlockId, DecodeError> {
    reader.hash().map(BlockId)
}

fn read_body(reader: &mut Reader<'_>) -> Result<SentBody, DecodeError> {
    let mut fields = reader.list()?;
    let id = read_id(&mut fields)?;
    if !fields.is_empty() && !fields.next_is_list() {
        return Err(DecodeError::UnexpectedString);
    }
    let bytes = fields.raw()?;
    if bytes.len() > BODY_BYTES_MAX {
        return Err(DecodeError::TooMany { list: "body", max: BODY_BYTES_MAX });
    }
    fields.finish()?;
    Ok(SentBody { id, bytes: bytes.to_vec() })
}

#[cfg(test)]
mod tests {
    use mbt_crypto::H256;
    use proptest::prelude::*;

    use super::*;

    fn id(byte: u8) -> BlockId {
        BlockId(H256([byte; 32]))
    }

    fn status() -> Status {
        Status {
            chain_id: 31_337,
            genesis_id: id(1),
            head_id: id(2),
            number: 7,
            total_work: U256::from(99),
        }
    }

    fn requests() -> Vec<Request> {
        vec![
            Request::Status(status()),
            Request::Headers { locator: vec![id(3), id(4)], max: 512 },
            Request::Bodies(vec![id(5)]),
            Request::Pooled,
        ]
    }

    fn responses() -> Vec<Response> {
        vec![
            Response::Status(status()),
            Response::Headers(vec![Header::default()]),
            Response::Bodies(vec![SentBody { id: id(6), bytes: vec![0xc1, 0x05] }]),
            Response::Pooled(vec![vec![2, 0xc0], vec![]]),
        ]
    }

    #[test]
    fn messages_survive_a_round_trip() {
        for request in requests() {
            assert_eq!(Request::decode(&request.encode()), Ok(request));
        }
        for response in responses() {
            assert_eq!(Response::decode(&response.encode()), Ok(response));
        }
    }

    #[test]
    fn lists_past_their_bound_are_refused() {
        let ids = vec![id(1); LOCATOR_MAX + 1];
        let locator = Request::Headers { locator: ids, max: 1 };
        assert!(Request::decode(&locator.encode()).is_err());
        assert!(Request::decode(&Request::Bodies(vec![id(1); BODIES_MAX + 1]).encode()).is_err());
        let greedy = Request::Headers { locator: vec![], max: HEADERS_MAX + 1 };
        let expected = DecodeError::OutOfRange("max").into();
        assert_eq!(Request::decode(&greedy.encode()), Err(expected));
        let headers = Response::Headers(vec![Header::default(); HEADERS_MAX + 1]);
        assert!(Response::decode(&headers.encode()).is_err());
        let pooled = Response::Pooled(vec![vec![]; POOLED_MAX + 1]);
        assert!(Response::decode(&pooled.encode()).is_err());
        let long = vec![0; REQUEST_BYTES_MAX + 1];
        let expected = MessageError::TooLong { max: REQUEST_BYTES_MAX };
        assert_eq!(Request::decode(&long), Err(expected));
    }

    #[test]
    fn longest_locator_and_body_list_fit_a_request() {
        let most = Request::Bodies(vec![id(9); BODIES_MAX]).encode();
        assert!(most.len() <= REQUEST_BYTES_MAX, "{}", most.len());
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            if let Ok(request) = Request::decode(&bytes) {
                prop_assert_eq!(request.encode(), bytes.clone());
            }
            if let Ok(response) = Response::decode(&bytes) {
                prop_assert_eq!(response.encode(), bytes);
            }
        }

        #[test]
        fn damaged_messages_never_panic(
            which in 0_usize..4, at in any::<prop::sample::Index>(), byte in any::<u8>(),
        ) {
            let mut bytes = responses()[which].encode();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(response) = Response::decode(&bytes) {
                prop_assert_eq!(response.encode(), bytes);
            }
            let mut bytes = requests()[which].encode();
            let at = at % bytes.len();
            bytes[at] = byte;
            if let Ok(request) = Request::decode(&bytes) {
                prop_assert_eq!(request.encode(), bytes);
            }
        }
    }
}
