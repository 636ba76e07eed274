//! Ethereum's state tests (ethereum/tests, `GeneralStateTests`): one transaction on a state, judged
//! by the state's root and the logs.

mod file;

use std::collections::BTreeMap;

use mbt_account::Log;
use mbt_consensus::{Execute, ExecuteError, Execution};
use mbt_crypto::{H256, keccak256};
use mbt_trie::{
    Durability, History, KeyValueStore, Latest, MemoryStore, Stage, State, StateDiff, StateError,
};

use self::file::{Post, Test, block, hash, pre_state, transaction};
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
