//! Ethereum's state tests (ethereum/tests, `GeneralStateTests`): one transaction on a state, judged
//! by the state's root and the logs.

use std::{collections::BTreeMap, sync::Arc};

use mbt_account::{
    AccessListItem, EMPTY_CODE_HASH, Kind, Log, PublicAccount, RecoveredTransaction,
    SignedTransaction, Transaction,
};
use mbt_consensus::{Ancestors, BlockContext, BlockId, Execute, ExecuteError, Execution};
use mbt_crypto::{Address, H256, Signature, U256, keccak256};
use mbt_trie::{
    AccountDiff, Durability, History, KeyValueStore, Latest, MemoryStore, Stage, State, StateDiff,
    StateError, StoreError,
};
use serde::Deserialize;

use crate::{Evm, FeePolicy, Fork};

/// What executes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Engine {
    /// The machine that the chains run.
    #[default]
    Interpreter,
}

/// How a case ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// As the test expects.
    Passed,
    /// Not as the test expects: why.
    Failed(String),
    /// Not run: why.
    Skipped(&'static str),
}

/// A case of a test: one fork, one choice of data, gas and value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Case {
    /// The test's name.
    pub name: String,
    /// The fork's name.
    pub fork: String,
    /// Index of the data.
    pub data: usize,
    /// Index of the gas limit.
    pub gas: usize,
    /// Index of the value.
    pub value: usize,
    /// How it ended.
    pub verdict: Verdict,
}

/// Why a file was not run.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a state test: {0}")]
pub struct NotATest(String);

#[derive(Deserialize)]
struct Test {
    env: Env,
    pre: BTreeMap<String, Account>,
    transaction: TestTransaction,
    post: BTreeMap<String, Vec<Post>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Env {
    current_coinbase: String,
    current_gas_limit: String,
    current_number: String,
    current_timestamp: String,
    current_difficulty: String,
    current_base_fee: Option<String>,
    current_random: Option<String>,
}

#[derive(Deserialize)]
struct Account {
    balance: String,
    nonce: String,
    code: String,
    storage: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TestTransaction {
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
    max_fee_per_blob_gas: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Access {
    address: String,
    storage_keys: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Post {
    hash: String,
    logs: String,
    indexes: Indexes,
    expect_exception: Option<String>,
}

#[derive(Deserialize)]
struct Indexes {
    data: usize,
    gas: usize,
    value: usize,
}

/// Runs all cases of a file.
///
/// # Errors
/// [`NotATest`] when the text is not a file of state tests.
pub fn run_state_tests(text: &str, engine: Engine) -> Result<Vec<Case>, NotATest> {
    let tests: BTreeMap<String, Test> =
        serde_json::from_str(text).map_err(|error| NotATest(error.to_string()))?;
    let Engine::Interpreter = engine;
    let mut cases = Vec::new();
    for (name, test) in &tests {
        for (fork, posts) in &test.post {
            cases.extend(posts.iter().map(|post| Case {
                name: name.clone(),
                fork: fork.clone(),
                data: post.indexes.data,
                gas: post.indexes.gas,
                value: post.indexes.value,
                verdict: run_case(test, fork, post),
            }));
        }
    }
    Ok(cases)
}

fn run_case(test: &Test, fork: &str, post: &Post) -> Verdict {
    let Some(fork) = Fork::from_name(fork) else {
        return Verdict::Skipped("the fork's rules are not there");
    };
    if test.transaction.max_fee_per_blob_gas.is_some() {
        return Verdict::Skipped("blob transactions are not part of this system");
    }
    match judge(test, fork, post) {
        Ok(()) => Verdict::Passed,
        Err(reason) => Verdict::Failed(reason),
    }
}

fn judge(test: &Test, fork: Fork, post: &Post) -> Result<(), String> {
    let store = MemoryStore::new();
    let pre = pre_state(&test.pre).ok_or("the state before is not readable")?;
    let before = commit(&store, 0, &pre).map_err(|error| error.to_string())?;
    let executed = execute(test, fork, post, &store);
    let (root, logs) = match (executed, &post.expect_exception) {
        (Ok(execution), None) => {
            let root = commit(&store, 1, &execution.diff).map_err(|error| error.to_string())?;
            let logs = execution.receipts.into_iter().flat_map(|receipt| receipt.logs).collect();
            (root, logs)
        }
        (Err(_), Some(_)) => (before, Vec::new()),
        (Ok(_), Some(expected)) => return Err(format!("was executed, should be {expected}")),
        (Err(reason), None) => return Err(format!("was refused: {reason}")),
    };
    let logs_hash = keccak256(rlp::encode_list::<Log, _>(&logs));
    let expected = hash(&post.hash).ok_or("the root expected is not readable")?;
    if root != expected {
        return Err(format!("state root {root:#x}, should be {expected:#x}"));
    }
    let expected = hash(&post.logs).ok_or("the logs expected are not readable")?;
    if logs_hash != expected {
        return Err(format!("logs hash {logs_hash:#x}, should be {expected:#x}"));
    }
    Ok(())
}

fn execute(test: &Test, fork: Fork, post: &Post, store: &MemoryStore) -> Result<Execution, String> {
    let transaction =
        transaction(&test.transaction, &post.indexes).ok_or("the transaction is malformed")?;
    let block = block(&test.env, fork).ok_or("the block is malformed")?;
    let evm = Evm::new(1, FeePolicy::Ethereum).with_fork(fork);
    match evm.execute(&block, &[transaction], &Latest::new(store)) {
        Ok(execution) => Ok(execution),
        Err(ExecuteError::InvalidTransaction { reason, .. }) => Err(reason.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

fn commit(store: &MemoryStore, number: u64, diff: &StateDiff) -> Result<H256, StateError> {
    let mut stage = Stage::over(store);
    let root = State::new(History::Blocks(0)).commit(&mut stage, number, diff)?;
    store.write(&stage.into_batch(), Durability::Deferred)?;
    Ok(root)
}

fn pre_state(accounts: &BTreeMap<String, Account>) -> Option<StateDiff> {
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

fn block(env: &Env, fork: Fork) -> Option<BlockContext<'static>> {
    let difficulty = H256(quantity(&env.current_difficulty)?.to_big_endian());
    let random = env.current_random.as_deref().and_then(quantity);
    let random = random.map_or(difficulty, |random| H256(random.to_big_endian()));
    let number = number(&env.current_number)?;
    Some(BlockContext {
        chain_id: 1,
        parent: BlockId(test_hash(number.wrapping_sub(1))),
        number,
        timestamp: crate::conformance::number(&env.current_timestamp)?,
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

fn transaction(test: &TestTransaction, indexes: &Indexes) -> Option<RecoveredTransaction> {
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

fn hash(text: &str) -> Option<H256> {
    bytes(text)?.try_into().ok().map(H256)
}
