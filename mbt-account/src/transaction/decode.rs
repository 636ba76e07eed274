//! Strict decoding of transactions.

#![warn(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use alloc::vec::Vec;

use mbt_crypto::{Address, InvalidSignature, Signature};

use super::{
    AccessListItem, Kind, Transaction,
    system::{Payload, SystemType},
};
use crate::codec::{DecodeError, Reader};

/// The type byte that no transaction has or will have: EIP-712 digests and EIP-191 messages start
/// with it.
pub const RESERVED_TYPE: u8 = 0x19;

/// Tells whether this system has transactions of a type; 0 is legacy.
pub(crate) const fn is_known_type(tx_type: u8) -> bool {
    tx_type <= 2 || SystemType::from_tx_type(tx_type).is_some()
}

const _: () = assert!(!is_known_type(RESERVED_TYPE), "the reserved type stays unused");

/// Says why there are no transactions of a type.
pub(crate) const fn refuse_type(tx_type: u8) -> DecodeError {
    match tx_type {
        RESERVED_TYPE => DecodeError::ReservedTransactionType,
        _ => DecodeError::UnknownTransactionType(tx_type),
    }
}

/// Why a transaction cannot be taken from its bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TransactionError {
    /// The bytes are not the encoding of a transaction.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// The signature's v is neither 27, 28 nor an EIP-155 value, or the parity not 0 or 1.
    #[error("signature value v {0} is not valid")]
    InvalidV(u64),
    /// No chain id is signed, and the policy demands one.
    #[error("only replay-protected (EIP-155) transactions allowed over RPC")]
    Unprotected,
    /// Signed for another chain than the policy's.
    #[error("invalid chain id for signer: have {have} want {want}")]
    WrongChain {
        /// The chain it is signed for.
        have: u64,
        /// The policy's chain.
        want: u64,
    },
    /// The signature names no sender.
    #[error("invalid sender: {0}")]
    Signature(#[from] InvalidSignature),
}

/// Reads the EIP-2718 encoding.
pub(super) fn envelope(bytes: &[u8]) -> Result<(Transaction, Signature), TransactionError> {
    let (tx_type, body) = match bytes.split_first() {
        None => return Err(DecodeError::Truncated.into()),
        Some((first, _)) if *first >= 0xc0 => (0, bytes),
        Some((first, body)) if *first != 0 && is_known_type(*first) => (*first, body),
        Some((first, _)) => return Err(refuse_type(*first).into()),
    };
    let mut outer = Reader::new(body);
    let fields = outer.list()?;
    outer.finish()?;
    read_fields(tx_type, fields)
}

fn read_fields(
    tx_type: u8,
    mut fields: Reader<'_>,
) -> Result<(Transaction, Signature), TransactionError> {
    let system = SystemType::from_tx_type(tx_type);
    let chain_id = if tx_type == 0 { 0 } else { fields.u64()? };
    let nonce = fields.u64()?;
    let price = fields.u256()?;
    let max_fee_per_gas = if tx_type >= 2 { fields.u256()? } else { price };
    let gas_limit = fields.u64()?;
    let to = match fields.bytes()? {
        [] => None,
        bytes => Some(Address(
            bytes
                .try_into()
                .map_err(|_| DecodeError::WrongLength { expected: 20, found: bytes.len() })?,
        )),
    };
    let value = fields.u256()?;
    let input = fields.bytes()?.to_vec();
    let access_list = if tx_type == 0 {
        Vec::new()
    } else {
        fields.list_of("access list", usize::MAX, read_access_list_item)?
    };
    let v = fields.u64()?;
    let r = fields.u256()?.to_big_endian();
    let s = fields.u256()?.to_big_endian();
    fields.finish()?;
    let (y_parity, legacy_chain_id) = match (tx_type, v) {
        (0, 27 | 28) => (v == 28, None),
        (0, 35..) => {
            let v = v.saturating_sub(35);
            (v % 2 == 1, Some(v / 2))
        }
        (1.., 0 | 1) => (v == 1, None),
        _ => return Err(TransactionError::InvalidV(v)),
    };
    let kind = match (tx_type, system) {
        (0, _) => Kind::Legacy { chain_id: legacy_chain_id, gas_price: price },
        (1, _) => Kind::AccessList { chain_id, gas_price: price, access_list },
        (_, Some(system)) => {
            if to != Some(system.contract()) {
                return Err(DecodeError::OutOfRange("to").into());
            }
            Payload::decode(system, &input)?;
            Kind::System {
                system,
                chain_id,
                max_priority_fee_per_gas: price,
                max_fee_per_gas,
                access_list,
            }
        }
        (_, None) => Kind::DynamicFee {
            chain_id,
            max_priority_fee_per_gas: price,
            max_fee_per_gas,
            access_list,
        },
    };
    let transaction = Transaction { kind, nonce, gas_limit, to, value, input };
    Ok((transaction, Signature { r, s, y_parity }))
}

fn read_access_list_item(reader: &mut Reader<'_>) -> Result<AccessListItem, DecodeError> {
    let mut fields = reader.list()?;
    let item = AccessListItem {
        address: fields.address()?,
        storage_keys: fields.list_of("storage keys", usize::MAX, Reader::hash)?,
    };
    fields.finish()?;
    Ok(item)
}
