//! How the chain lies in the store. Everything of a block is keyed by number, then id, so that
//! blocks that are written or read together lie together.

use std::sync::Arc;

use mbt_account::{
    Receipt, RecoveredTransaction, TxHash,
    codec::{Decode, DecodeError, Reader},
};
use mbt_crypto::{Address, U256};
use mbt_trie::{Column, KeyValueRead, StoreError, WriteBatch};
use rlp::RlpStream;

use crate::{BlockId, Body, Header, SealedHeader, TRANSACTIONS_MAX};

/// Number and id of a block: total work (32 bytes), then the header's RLP.
pub(crate) const HEADERS: Column = Column("chain-headers");
/// Id of a header that is kept: its number.
pub(crate) const NUMBERS: Column = Column("chain-numbers");
/// Number: the id of the executed block of that number.
pub(crate) const CANONICAL: Column = Column("chain-canonical");
/// Number and id: the body's RLP.
pub(crate) const BODIES: Column = Column("chain-bodies");
/// Number and id: the senders of the body's transactions, 20 bytes each.
pub(crate) const SENDERS: Column = Column("chain-senders");
/// Number and id of an executed block: the list of its receipts' encodings.
pub(crate) const RECEIPTS: Column = Column("chain-receipts");
/// Hash of a transaction in an executed block: the block's number and the place in it.
pub(crate) const TRANSACTIONS: Column = Column("chain-transactions");
/// Number and id of a block and a level: the node of the Merkle mountain range that ends in it.
pub(crate) const ANCESTORS: Column = Column("chain-ancestors");
/// The few values there is one of.
pub(crate) const META: Column = Column("chain-meta");

const HEAD: &[u8] = b"head";
const GENESIS: &[u8] = b"genesis";
const START: &[u8] = b"start";

const fn corrupt(column: Column, what: &'static str) -> StoreError {
    StoreError::Corrupt { column, what }
}

/// Key of what belongs to a block.
pub(crate) fn block_key(number: u64, id: &BlockId) -> [u8; 40] {
    let mut key = [0; 40];
    let (head, tail) = key.split_at_mut(8);
    head.copy_from_slice(&number.to_be_bytes());
    tail.copy_from_slice(id.as_bytes());
    key
}

fn id_in(column: Column, bytes: &[u8]) -> Result<BlockId, StoreError> {
    let bytes: [u8; 32] =
        bytes.try_into().map_err(|_| corrupt(column, "a block id is not 32 bytes long"))?;
    Ok(BlockId::from(bytes))
}

fn number_in(column: Column, bytes: &[u8]) -> Result<u64, StoreError> {
    let bytes = bytes.try_into().map_err(|_| corrupt(column, "a number is not 8 bytes long"))?;
    Ok(u64::from_be_bytes(bytes))
}

/// Reads the id of the head; none in a store without a chain.
pub(crate) fn head(read: &impl KeyValueRead) -> Result<Option<BlockId>, StoreError> {
    read.get(META, HEAD)?.map(|bytes| id_in(META, &bytes)).transpose()
}

/// Reads the id of the genesis block; none in a store without a chain.
pub(crate) fn genesis(read: &impl KeyValueRead) -> Result<Option<BlockId>, StoreError> {
    read.get(META, GENESIS)?.map(|bytes| id_in(META, &bytes)).transpose()
}

/// Reads the id of an executed block.
pub(crate) fn canonical(
    read: &impl KeyValueRead,
    number: u64,
) -> Result<Option<BlockId>, StoreError> {
    read.get(CANONICAL, &number.to_be_bytes())?.map(|bytes| id_in(CANONICAL, &bytes)).transpose()
}

/// Reads the number of a header that is kept.
pub(crate) fn number_of(read: &impl KeyValueRead, id: &BlockId) -> Result<Option<u64>, StoreError> {
    read.get(NUMBERS, id.as_bytes())?.map(|bytes| number_in(NUMBERS, &bytes)).transpose()
}

/// Reads a header by number and id.
pub(crate) fn header(
    read: &impl KeyValueRead,
    number: u64,
    id: &BlockId,
) -> Result<Option<SealedHeader>, StoreError> {
    let Some(bytes) = read.get(HEADERS, &block_key(number, id))? else { return Ok(None) };
    decode_header(*id, &bytes).map(Some)
}

/// Reads a header by id.
pub(crate) fn header_by_id(
    read: &impl KeyValueRead,
    id: &BlockId,
) -> Result<Option<SealedHeader>, StoreError> {
    number_of(read, id)?.map_or(Ok(None), |number| header(read, number, id))
}

/// Decodes what lies in [`HEADERS`].
pub(crate) fn decode_header(id: BlockId, bytes: &[u8]) -> Result<SealedHeader, StoreError> {
    let (work, header) =
        bytes.split_at_checked(32).ok_or(corrupt(HEADERS, "a header is too short"))?;
    let header =
        Header::decode(header).map_err(|_| corrupt(HEADERS, "a header cannot be decoded"))?;
    Ok(SealedHeader { id, header: header.into(), total_work: U256::from_big_endian(work) })
}

/// Splits the key of [`HEADERS`] into number and id.
pub(crate) fn split_key(key: &[u8]) -> Result<(u64, BlockId), StoreError> {
    let (number, id) = key.split_at_checked(8).ok_or(corrupt(HEADERS, "a key is too short"))?;
    Ok((number_in(HEADERS, number)?, id_in(HEADERS, id)?))
}

/// Reads a body's RLP.
pub(crate) fn body_bytes(
    read: &impl KeyValueRead,
    number: u64,
    id: &BlockId,
) -> Result<Option<Vec<u8>>, StoreError> {
    read.get(BODIES, &block_key(number, id))
}

/// Reads a body's transactions with their senders.
pub(crate) fn transactions(
    read: &impl KeyValueRead,
    number: u64,
    id: &BlockId,
) -> Result<Option<Vec<RecoveredTransaction>>, StoreError> {
    let Some(bytes) = body_bytes(read, number, id)? else { return Ok(None) };
    let body = Body::decode(&bytes).map_err(|_| corrupt(BODIES, "a body cannot be decoded"))?;
    let senders = read
        .get(SENDERS, &block_key(number, id))?
        .ok_or(corrupt(SENDERS, "a body has no senders"))?;
    let (senders, rest) = senders.as_chunks::<20>();
    if senders.len() != body.transactions.len() || !rest.is_empty() {
        return Err(corrupt(SENDERS, "not one sender for each transaction"));
    }
    let joined = body.transactions.into_iter().zip(senders).map(|(transaction, sender)| {
        RecoveredTransaction::new_unchecked(transaction, Address(*sender))
    });
    Ok(Some(joined.collect()))
}

/// Reads the receipts of an executed block.
pub(crate) fn receipts(
    read: &impl KeyValueRead,
    number: u64,
    id: &BlockId,
) -> Result<Option<Vec<Receipt>>, StoreError> {
    let Some(bytes) = read.get(RECEIPTS, &block_key(number, id))? else { return Ok(None) };
    let unreadable = corrupt(RECEIPTS, "receipts cannot be decoded");
    let mut reader = Reader::new(&bytes);
    let receipts =
        reader.list_of("receipts", TRANSACTIONS_MAX, |item| Receipt::decode(item.bytes()?));
    receipts.map(Some).map_err(|_| unreadable)
}

/// A receipt, and what its block holds before it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PlacedReceipt {
    /// The receipt.
    pub receipt: Receipt,
    /// Gas used by the transactions before.
    pub gas_used_before: u64,
    /// How many logs they left.
    pub logs_before: usize,
}

/// Reads one receipt of an executed block.
pub(crate) fn receipt_at(
    read: &impl KeyValueRead,
    number: u64,
    id: &BlockId,
    index: usize,
) -> Result<Option<PlacedReceipt>, StoreError> {
    let Some(bytes) = read.get(RECEIPTS, &block_key(number, id))? else { return Ok(None) };
    let find = || {
        let mut items = Reader::new(&bytes).list()?;
        let (mut gas_used_before, mut logs_before) = (0, 0_usize);
        for _ in 0..index {
            if items.is_empty() {
                return Ok(None);
            }
            let (gas_used, logs) = Receipt::tally(items.bytes()?)?;
            gas_used_before = gas_used;
            logs_before = logs_before.saturating_add(logs);
        }
        if items.is_empty() {
            return Ok(None);
        }
        let receipt = Receipt::decode(items.bytes()?)?;
        Ok(Some(PlacedReceipt { receipt, gas_used_before, logs_before }))
    };
    find().map_err(|_: DecodeError| corrupt(RECEIPTS, "receipts cannot be decoded"))
}

/// Reads one transaction of a body with its sender.
pub(crate) fn transaction_at(
    read: &impl KeyValueRead,
    number: u64,
    id: &BlockId,
    index: usize,
) -> Result<Option<RecoveredTransaction>, StoreError> {
    let Some(bytes) = body_bytes(read, number, id)? else { return Ok(None) };
    let transaction = Body::transaction_at(&bytes, index)
        .map_err(|_| corrupt(BODIES, "a body cannot be decoded"))?;
    let Some(transaction) = transaction else { return Ok(None) };
    let senders = read.get(SENDERS, &block_key(number, id))?.unwrap_or_default();
    let sender = senders.as_chunks::<20>().0.get(index);
    let sender = *sender.ok_or(corrupt(SENDERS, "not one sender for each transaction"))?;
    Ok(Some(RecoveredTransaction::new_unchecked(Arc::new(transaction), Address(sender))))
}

/// Reads where an executed transaction stands: the block's number and the place in it.
pub(crate) fn transaction(
    read: &impl KeyValueRead,
    hash: &TxHash,
) -> Result<Option<(u64, usize)>, StoreError> {
    let Some(bytes) = read.get(TRANSACTIONS, hash.as_bytes())? else { return Ok(None) };
    let malformed = || corrupt(TRANSACTIONS, "an entry is not 12 bytes long");
    let (number, index) = bytes.split_at_checked(8).ok_or_else(malformed)?;
    let index: [u8; 4] = index.try_into().map_err(|_| malformed())?;
    let index = usize::try_from(u32::from_be_bytes(index)).map_err(|_| malformed())?;
    Ok(Some((number_in(TRANSACTIONS, number)?, index)))
}

/// Writes a header.
pub(crate) fn put_header(batch: &mut WriteBatch, header: &SealedHeader) {
    let mut value = header.total_work.to_big_endian().to_vec();
    value.extend_from_slice(&rlp::encode(&*header.header));
    batch.put(HEADERS, block_key(header.number, &header.id), value);
    batch.put(NUMBERS, header.id.as_bytes(), header.number.to_be_bytes());
}

/// Writes a body and its senders.
pub(crate) fn put_body(
    batch: &mut WriteBatch,
    number: u64,
    id: &BlockId,
    body: Vec<u8>,
    transactions: &[RecoveredTransaction],
) {
    let key = block_key(number, id);
    let mut senders = Vec::with_capacity(transactions.len().saturating_mul(20));
    for transaction in transactions {
        senders.extend_from_slice(&transaction.sender().0);
    }
    batch.put(BODIES, key, body);
    batch.put(SENDERS, key, senders);
}

/// Makes an executed block canonical: its receipts, the index of its transactions, its number.
pub(crate) fn adopt(
    batch: &mut WriteBatch,
    number: u64,
    id: &BlockId,
    transactions: &[TxHash],
    receipts: &[Vec<u8>],
) {
    let mut stream = RlpStream::new_list(receipts.len());
    for receipt in receipts {
        stream.append(receipt);
    }
    batch.put(RECEIPTS, block_key(number, id), stream.out());
    for (index, hash) in (0_u32..).zip(transactions) {
        let mut value = number.to_be_bytes().to_vec();
        value.extend_from_slice(&index.to_be_bytes());
        batch.put(TRANSACTIONS, hash.as_bytes(), value);
    }
    batch.put(CANONICAL, number.to_be_bytes(), id.as_bytes());
    batch.put(META, HEAD, id.as_bytes());
}

/// Undoes [`adopt`] but for the head, which another block takes, and for the receipts: they stay
/// until the block is forgotten, so that readers can tell which events were taken back.
pub(crate) fn retire(batch: &mut WriteBatch, number: u64, transactions: &[TxHash]) {
    for hash in transactions {
        batch.delete(TRANSACTIONS, hash.as_bytes());
    }
    batch.delete(CANONICAL, number.to_be_bytes());
}

/// Names the genesis block.
pub(crate) fn put_genesis(batch: &mut WriteBatch, id: &BlockId) {
    batch.put(META, GENESIS, id.as_bytes());
}

/// Makes a block canonical that is not stored whole.
pub(crate) fn put_canonical(batch: &mut WriteBatch, number: u64, id: &BlockId) {
    batch.put(CANONICAL, number.to_be_bytes(), id.as_bytes());
}

/// Names the block that the chain starts with here, which is its head.
pub(crate) fn put_start(batch: &mut WriteBatch, id: &BlockId, number: u64) {
    batch.put(META, HEAD, id.as_bytes());
    batch.put(META, START, number.to_be_bytes());
}

/// Reads the number of the block that the chain starts with here; none when that is genesis.
pub(crate) fn start(read: &impl KeyValueRead) -> Result<Option<u64>, StoreError> {
    read.get(META, START)?.map(|bytes| number_in(META, &bytes)).transpose()
}

/// Forgets a block that is not canonical.
pub(crate) fn forget(batch: &mut WriteBatch, number: u64, id: &BlockId) {
    let key = block_key(number, id);
    batch.delete(HEADERS, key);
    batch.delete(NUMBERS, id.as_bytes());
    batch.delete(BODIES, key);
    batch.delete(SENDERS, key);
    batch.delete(RECEIPTS, key);
    for level in 0..64 {
        if level > number.saturating_add(1).trailing_zeros() {
            break;
        }
        batch.delete(ANCESTORS, ancestor_key(number, id, level));
    }
}

/// Key of the node of a range that ends in a block, at a level.
pub(crate) fn ancestor_key(number: u64, id: &BlockId, level: u32) -> Vec<u8> {
    let mut key = block_key(number, id).to_vec();
    key.push(u8::try_from(level).unwrap_or(u8::MAX));
    key
}

#[cfg(test)]
mod tests {
    use mbt_crypto::H256;

    use super::*;

    #[test]
    fn a_key_splits_into_what_it_was_made_of() {
        let id = BlockId(H256([7; 32]));
        assert_eq!(split_key(&block_key(300, &id)).unwrap(), (300, id));
        assert!(split_key(&[0; 39]).is_err());
    }
}
