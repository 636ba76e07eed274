//! What a file of state tests holds, and what it means here.

use std::{collections::BTreeMap, sync::Arc};

use mbt_account::{
    AccessListItem, EMPTY_CODE_HASH, Kind, PublicAccount, RecoveredTransaction, SignedTransaction,
    Transaction,
};
use mbt_consensus::{Ancestors, BlockContext, BlockId};
use mbt_crypto::{Address, H256, Signature, U256, keccak256};
use mbt_trie::{AccountDiff, StateDiff, StoreError};
use serde::Deserialize;

use crate::Fork;

#[derive(Deserialize)]
pub(super) struct Test {
    pub(super) env: Env,
    pub(super) pre: BTreeMap<String, Account>,
    pub(super) transaction: TestTransaction,
    pub(super) post: BTreeMap<String, Vec<Post>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Env {
    current_coinbase: String,
    current_gas_limit: String,
    current_number: String,
    current_timestamp: String,
    current_difficulty: String,
    current_base_fee: Option<String>,
    current_random: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Account {
    balance: String,
    nonce: String,
    code: String,
    storage: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TestTransaction {
    data: Vec<String>,
    gas_limit: Vec<String>,
    value: Vec<String>,
    nonce: String,
    to: String,
    sender: String,
    gas_price: Option<String>,
    max_fee_per_gas: Option<String>,
    max_priority_fee_per_gas: Option<String>,
    access_lists: Option<Vec<Option<Vec<Access>>>>,
    pub(super) max_fee_per_blob_gas: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Access {
    address: String,
    storage_keys: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Post {
    pub(super) hash: String,
    pub(super) logs: String,
    pub(super) indexes: Indexes,
    pub(super) expect_exception: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Indexes {
    pub(super) data: usize,
    pub(super) gas: usize,
    pub(super) value: usize,
}

pub(super) fn pre_state(accounts: &BTreeMap<String, Account>) -> Option<StateDiff> {
    let mut diff = StateDiff::default();
    for (account_address, account) in accounts {
        let code = bytes(&account.code)?;
        let code_hash = if code.is_empty() { EMPTY_CODE_HASH } else { keccak256(&code) };
        if !code.is_empty() {
            diff.codes.insert(code_hash, Arc::from(code));
        }
        let record = PublicAccount {
            nonce: number(&account.nonce)?,
            balance: quantity(&account.balance)?,
            code_hash,
            ..PublicAccount::default()
        };
        let mut storage = BTreeMap::new();
        for (slot, value) in &account.storage {
            let (slot, value) = (quantity(slot)?, quantity(value)?);
            if !value.is_zero() {
                storage.insert(H256(slot.to_big_endian()), value);
            }
        }
        let change = AccountDiff { account: Some(record), storage_cleared: false, storage };
        diff.accounts.insert(address(account_address)?, change);
    }
    Some(diff)
}

pub(super) fn block(env: &Env, fork: Fork) -> Option<BlockContext<'static>> {
    let difficulty = H256(quantity(&env.current_difficulty)?.to_big_endian());
    let random = env.current_random.as_deref().and_then(quantity);
    let random = random.map_or(difficulty, |random| H256(random.to_big_endian()));
    let number = number(&env.current_number)?;
    Some(BlockContext {
        chain_id: 1,
        parent: BlockId(test_hash(number.wrapping_sub(1))),
        number,
        timestamp: self::number(&env.current_timestamp)?,
        beneficiary: address(&env.current_coinbase)?,
        // Some tests give more gas than a block of ours can have.
        gas_limit: u64::try_from(quantity(&env.current_gas_limit)?).unwrap_or(u64::MAX),
        base_fee: match &env.current_base_fee {
            Some(base_fee) if fork >= Fork::London => quantity(base_fee)?,
            _ => U256::zero(),
        },
        prev_randao: if fork.has_randomness() { random } else { difficulty },
        ancestors: &TestAncestors,
    })
}

pub(super) fn transaction(
    test: &TestTransaction,
    indexes: &Indexes,
) -> Option<RecoveredTransaction> {
    let access_list = match test.access_lists.as_ref().and_then(|lists| lists.get(indexes.data)) {
        Some(Some(list)) => Some(list.iter().map(access).collect::<Option<Vec<_>>>()?),
        _ => None,
    };
    let kind = match (&test.gas_price, &test.max_fee_per_gas) {
        (_, Some(cap)) => Kind::DynamicFee {
            chain_id: 1,
            max_priority_fee_per_gas: quantity(test.max_priority_fee_per_gas.as_deref()?)?,
            max_fee_per_gas: quantity(cap)?,
            access_list: access_list.unwrap_or_default(),
        },
        (Some(price), None) => match access_list {
            Some(access_list) => {
                Kind::AccessList { chain_id: 1, gas_price: quantity(price)?, access_list }
            }
            None => Kind::Legacy { chain_id: None, gas_price: quantity(price)? },
        },
        (None, None) => return None,
    };
    let transaction = Transaction {
        kind,
        nonce: number(&test.nonce)?,
        gas_limit: number(test.gas_limit.get(indexes.gas)?)?,
        to: if test.to.is_empty() { None } else { Some(address(&test.to)?) },
        value: quantity(test.value.get(indexes.value)?)?,
        input: bytes(test.data.get(indexes.data)?)?,
    };
    // The tests name the sender; their signatures are the business of other tests.
    let unsigned = Signature { r: [0; 32], s: [0; 32], y_parity: false };
    let signed = Arc::new(SignedTransaction::new(transaction, unsigned));
    Some(RecoveredTransaction::new_unchecked(signed, address(&test.sender)?))
}

fn access(item: &Access) -> Option<AccessListItem> {
    let keys = item.storage_keys.iter().map(|key| Some(H256(quantity(key)?.to_big_endian())));
    Some(AccessListItem {
        address: address(&item.address)?,
        storage_keys: keys.collect::<Option<_>>()?,
    })
}

/// The tests' block ids: the hash of the number in decimal.
struct TestAncestors;

impl Ancestors for TestAncestors {
    fn id(&self, number: u64) -> Result<Option<BlockId>, StoreError> {
        Ok(Some(BlockId(test_hash(number))))
    }
}

fn test_hash(number: u64) -> H256 {
    keccak256(number.to_string())
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    hex::decode(text.strip_prefix("0x").unwrap_or(text)).ok()
}

fn quantity(text: &str) -> Option<U256> {
    match text.strip_prefix("0x") {
        Some("") => Some(U256::zero()),
        Some(digits) => U256::from_str_radix(digits, 16).ok(),
        None => U256::from_dec_str(text).ok(),
    }
}

fn number(text: &str) -> Option<u64> {
    quantity(text).and_then(|quantity| u64::try_from(quantity).ok())
}

fn address(text: &str) -> Option<Address> {
    bytes(text)?.try_into().ok().map(Address)
}

pub(super) fn hash(text: &str) -> Option<H256> {
    bytes(text)?.try_into().ok().map(H256)
}
