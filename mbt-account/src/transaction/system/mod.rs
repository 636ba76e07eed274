//! Transactions of this system's own types: 0x4a LeagueJoin and 0x4e Notarize (SPEC 4).
//!
//! On the wire they are type 0x02 with another type byte: `to` is the type's system contract, and
//! the input is the strict RLP of a [`Payload`]. So any EIP-1559 serializer writes them, their
//! bytes cost what call data costs, and clients that do not know the types find every common field.

mod league_join;
mod notarize;

use alloc::{boxed::Box, vec::Vec};

use mbt_crypto::{Address, U256, eip712::Domain};

pub use league_join::{ConsensusKind, Gateway, LeagueJoin, LeagueValidator, MicroProtocol};
pub use notarize::{EvidenceRecord, FinalityCertificate, Notarize, ReceiptProof};

use super::{Kind, Transaction};
use crate::codec::{Decode, DecodeError};

/// Bounds on the parts of payloads. What is longer is refused before it is read.
pub mod limits {
    /// Most bytes of a payload.
    pub const PAYLOAD_BYTES: usize = 120 * 1024;
    /// Most bytes of a league's header.
    pub const HEADER_BYTES: usize = 2_048;
    /// Most bytes of a league's parameters.
    pub const PARAMETERS_BYTES: usize = 4_096;
    /// Most validators of a league: one bit each in a 256-bit word.
    pub const VALIDATORS: usize = 256;
    /// Most gateways of a league.
    pub const GATEWAYS: usize = 32;
    /// Most bytes of a gateway's network address.
    pub const GATEWAY_ADDRESS_BYTES: usize = 128;
    /// Most bytes of evidence that are kept in the clear.
    pub const EVIDENCE_BYTES: usize = 16 * 1024;
    /// Most nodes of a receipt's proof: more than any trie of receipts is deep.
    pub const PROOF_NODES: usize = 16;
    /// Most bytes of one node of a proof; the last one holds the receipt.
    pub const PROOF_NODE_BYTES: usize = 64 * 1024;
}

/// A type of this system's own.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum SystemType {
    /// 0x4a: registers a league.
    LeagueJoin,
    /// 0x4e: puts a league's evidence on the public chain.
    Notarize,
}

impl SystemType {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::LeagueJoin, Self::Notarize];

    /// Returns the EIP-2718 type byte.
    #[must_use]
    pub const fn tx_type(self) -> u8 {
        match self {
            Self::LeagueJoin => 0x4a,
            Self::Notarize => 0x4e,
        }
    }

    /// Returns the type of a type byte; none when it is no own one.
    #[must_use]
    pub const fn from_tx_type(tx_type: u8) -> Option<Self> {
        match tx_type {
            0x4a => Some(Self::LeagueJoin),
            0x4e => Some(Self::Notarize),
            _ => None,
        }
    }

    /// Returns the system contract that every transaction of the type is sent to (SPEC 8):
    /// LeagueRegistry or Notary.
    #[must_use]
    pub const fn contract(self) -> Address {
        let mut address = Address::ZERO;
        address.0[16] = 0x4d;
        address.0[17] = 0x42;
        address.0[19] = match self {
            Self::LeagueJoin => 0x02,
            Self::Notarize => 0x05,
        };
        address
    }
}

/// Returns where signatures inside a type's payloads count: at its contract on a public chain.
fn domain(system: SystemType, public_chain_id: u64) -> Domain {
    let name = match system {
        SystemType::LeagueJoin => "MBT League",
        SystemType::Notarize => "MBT Notary",
    };
    Domain {
        name: Some(name.into()),
        version: Some("1".into()),
        chain_id: Some(public_chain_id.into()),
        verifying_contract: Some(system.contract()),
        salt: None,
    }
}

/// What a transaction of an own type carries as its input.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Payload {
    /// Of type 0x4a.
    LeagueJoin(Box<LeagueJoin>),
    /// Of type 0x4e.
    Notarize(Box<Notarize>),
}

/// Why a transaction of an own type cannot mean anything.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// It is sent to another account than its type's contract.
    #[error("transactions of type {tx_type:#04x} are sent to {}", expected.to_hex())]
    WrongTarget {
        /// The type.
        tx_type: u8,
        /// Its contract.
        expected: Address,
    },
    /// The input is not the encoding of the type's payload.
    #[error("payload: {0}")]
    Decode(#[from] DecodeError),
    /// A validator is named twice.
    #[error("validator {} is named twice", .0.to_hex())]
    DuplicateValidator(Address),
    /// A gateway is named twice.
    #[error("gateway {} is named twice", .0.to_hex())]
    DuplicateGateway(Address),
    /// A league's chain id is not one that the public chain has to assign.
    #[error("league chain id {seen} is not under the public chain {public_chain_id}")]
    LeagueChainId {
        /// The league's id.
        seen: u64,
        /// The id that the transaction is signed for.
        public_chain_id: u64,
    },
    /// The validators' pledges do not sum to the transaction's value.
    #[error("pledges do not sum to the value {value}")]
    PledgeMismatch {
        /// The transaction's value.
        value: U256,
    },
}

impl Payload {
    /// Reads the payload of a type, at most [`limits::PAYLOAD_BYTES`] long.
    ///
    /// # Errors
    /// See [`DecodeError`].
    pub fn decode(system: SystemType, input: &[u8]) -> Result<Self, DecodeError> {
        if input.len() > limits::PAYLOAD_BYTES {
            let (max, found) = (limits::PAYLOAD_BYTES, input.len());
            return Err(DecodeError::TooLong { field: "payload", max, found });
        }
        match system {
            SystemType::LeagueJoin => LeagueJoin::decode(input).map(Self::from),
            SystemType::Notarize => Notarize::decode(input).map(Self::from),
        }
    }

    /// Returns the encoding: the input of the transaction that carries it.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::LeagueJoin(join) => rlp::encode(join.as_ref()).to_vec(),
            Self::Notarize(notarize) => rlp::encode(notarize.as_ref()).to_vec(),
        }
    }

    /// Returns the type of the transaction that carries it.
    #[must_use]
    pub const fn system_type(&self) -> SystemType {
        match self {
            Self::LeagueJoin(_) => SystemType::LeagueJoin,
            Self::Notarize(_) => SystemType::Notarize,
        }
    }
}

impl From<LeagueJoin> for Payload {
    fn from(join: LeagueJoin) -> Self {
        Self::LeagueJoin(Box::new(join))
    }
}

impl From<Notarize> for Payload {
    fn from(notarize: Notarize) -> Self {
        Self::Notarize(Box::new(notarize))
    }
}

impl Transaction {
    /// Returns the own type; none of Ethereum's types.
    #[must_use]
    pub const fn system_type(&self) -> Option<SystemType> {
        match self.kind {
            Kind::System { system, .. } => Some(system),
            _ => None,
        }
    }

    /// Returns what a transaction of an own type carries; none of Ethereum's types.
    ///
    /// # Errors
    /// [`PayloadError::WrongTarget`] or [`PayloadError::Decode`]; never for a transaction that was
    /// decoded from bytes.
    pub fn payload(&self) -> Result<Option<Payload>, PayloadError> {
        let Some(system) = self.system_type() else { return Ok(None) };
        let expected = system.contract();
        if self.to != Some(expected) {
            return Err(PayloadError::WrongTarget { tx_type: system.tx_type(), expected });
        }
        Ok(Some(Payload::decode(system, &self.input)?))
    }

    /// Checks all of a payload that needs no state.
    pub(crate) fn check_payload(&self) -> Result<(), PayloadError> {
        match self.payload()? {
            Some(Payload::LeagueJoin(join)) => {
                join.check(self.chain_id().unwrap_or_default(), self.value)
            }
            Some(Payload::Notarize(_)) | None => Ok(()),
        }
    }
}
