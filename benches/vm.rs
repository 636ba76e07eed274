//! Blocks of transfers, of token transfers, and of computation, on a state in hash maps.
//!
//! `cargo bench -p mbt-benches --bench vm`

use std::{collections::HashMap, hint::black_box, sync::Arc};

use criterion::{BenchmarkId, Criterion, Throughput};
use mbt_account::{Kind, PublicAccount, RecoveredTransaction, SignedTransaction, Transaction};
use mbt_consensus::{Ancestors, BlockContext, BlockId, Execute, Execution};
use mbt_crypto::{Address, H256, Signature, U256, keccak256};
use mbt_trie::{StateDiff, StateError, StateView, StoreError};
use mbt_vm::{Evm, FeePolicy};
use revm::{
    Context, ExecuteEvm, MainBuilder, MainContext,
    bytecode::Bytecode,
    context::{TxEnv, result::ExecutionResult},
    database::{CacheDB, EmptyDB},
    primitives::{Address as PeerAddress, Bytes, TxKind, U256 as PeerU256, hardfork::SpecId},
    state::AccountInfo,
};

const CHAIN: u64 = 31_337;
const GWEI: u64 = 1_000_000_000;
const MINER: Address = Address([0x99; 20]);
const COMPUTER: Address = Address([0xcc; 20]);
const BLOCK_GAS: u64 = 1_000_000_000;
/// Transactions of a block.
const TRANSACTIONS: u64 = 1_000;
/// Accounts that send them in turn.
const SENDERS: u64 = 100;
/// Rounds of the loops that compute.
const ROUNDS: u64 = 100_000;

/// A state in hash maps, as the peer's database is one.
#[derive(Default)]
struct MapState {
    accounts: HashMap<Address, PublicAccount>,
    storage: HashMap<(Address, H256), U256>,
    codes: HashMap<H256, Arc<[u8]>>,
}

impl MapState {
    fn apply(&mut self, diff: &StateDiff) {
        self.codes.extend(diff.codes.iter().map(|(hash, code)| (*hash, Arc::clone(code))));
        for (address, change) in &diff.accounts {
            let slots = change.storage.iter().map(|(slot, value)| ((*address, *slot), *value));
            self.storage.extend(slots);
            if let Some(account) = &change.account {
                self.accounts.insert(*address, account.clone());
            }
        }
    }

    fn put_code(&mut self, address: Address, code: &[u8]) {
        let code_hash = keccak256(code);
        self.codes.insert(code_hash, Arc::from(code));
        let account = PublicAccount { nonce: 1, code_hash, ..PublicAccount::default() };
        self.accounts.insert(address, account);
    }

    fn peer(&self) -> CacheDB<EmptyDB> {
        let mut peer = CacheDB::new(EmptyDB::new());
        for (address, account) in &self.accounts {
            let code = self.codes.get(&account.code_hash);
            let code = code.map(|code| Bytecode::new_legacy(Bytes::copy_from_slice(code)));
            let info = AccountInfo {
                balance: peer_u256(account.balance),
                nonce: account.nonce,
                code_hash: account.code_hash.0.into(),
                code,
                ..AccountInfo::default()
            };
            peer.insert_account_info(peer_address(*address), info);
        }
        for ((address, slot), value) in &self.storage {
            let slot = PeerU256::from_be_bytes(slot.0);
            peer.insert_account_storage(peer_address(*address), slot, peer_u256(*value)).unwrap();
        }
        peer
    }
}

impl StateView for MapState {
    fn account(&self, address: &Address) -> Result<Option<PublicAccount>, StateError> {
        Ok(self.accounts.get(address).cloned())
    }

    fn storage(&self, address: &Address, slot: &H256) -> Result<U256, StateError> {
        Ok(self.storage.get(&(*address, *slot)).copied().unwrap_or_default())
    }

    fn code(&self, hash: &H256) -> Result<Arc<[u8]>, StateError> {
        Ok(self.codes.get(hash).cloned().unwrap_or_default())
    }
}

struct NoAncestors;

impl Ancestors for NoAncestors {
    fn id(&self, _: u64) -> Result<Option<BlockId>, StoreError> {
        Ok(None)
    }
}

fn peer_address(address: Address) -> PeerAddress {
    PeerAddress::from(address.0)
}

fn peer_u256(number: U256) -> PeerU256 {
    PeerU256::from_be_bytes(number.to_big_endian())
}

fn account(index: u64) -> Address {
    Address::from_hash(keccak256(index.to_be_bytes()))
}

/// A state in which the senders hold a million coins each.
fn funded() -> MapState {
    let mut state = MapState::default();
    for index in 0..SENDERS {
        let balance = U256::from(GWEI) * GWEI * 1_000_000;
        let rich = PublicAccount { balance, ..PublicAccount::default() };
        state.accounts.insert(account(index), rich);
    }
    state
}

fn transaction(
    from: u64,
    nonce: u64,
    gas_limit: u64,
    to: Option<Address>,
    value: u64,
    input: Vec<u8>,
) -> RecoveredTransaction {
    let kind = Kind::DynamicFee {
        chain_id: CHAIN,
        max_priority_fee_per_gas: GWEI.into(),
        max_fee_per_gas: (100 * GWEI).into(),
        access_list: Vec::new(),
    };
    let transaction = Transaction { kind, nonce, gas_limit, to, value: value.into(), input };
    let signature = Signature { r: [1; 32], s: [1; 32], y_parity: false };
    let signed = SignedTransaction::new(transaction, signature);
    RecoveredTransaction::new_unchecked(Arc::new(signed), account(from))
}

fn peer_transaction(transaction: &RecoveredTransaction) -> TxEnv {
    TxEnv {
        tx_type: 2,
        caller: peer_address(transaction.sender()),
        gas_limit: transaction.gas_limit,
        gas_price: (100 * GWEI).into(),
        gas_priority_fee: Some(GWEI.into()),
        kind: transaction.to.map_or(TxKind::Create, |to| TxKind::Call(peer_address(to))),
        value: peer_u256(transaction.value),
        data: Bytes::copy_from_slice(&transaction.input),
        nonce: transaction.nonce,
        chain_id: Some(CHAIN),
        ..TxEnv::default()
    }
}

/// Executes a block and returns what it changed.
fn execute(state: &MapState, transactions: &[RecoveredTransaction]) -> Execution {
    let block = BlockContext {
        chain_id: CHAIN,
        parent: BlockId::ZERO,
        number: 1,
        timestamp: 1_000,
        beneficiary: MINER,
        gas_limit: BLOCK_GAS,
        base_fee: GWEI.into(),
        prev_randao: H256([7; 32]),
        ancestors: &NoAncestors,
    };
    Evm::new(CHAIN, FeePolicy::Ethereum).execute(&block, transactions, state).unwrap()
}

/// The same by the peer: one journal for the whole block, nothing committed.
fn peer_execute(state: &CacheDB<EmptyDB>, transactions: &[TxEnv]) -> Vec<ExecutionResult> {
    let context = Context::mainnet().with_ref_db(state).modify_cfg_chained(|cfg| {
        cfg.chain_id = CHAIN;
        cfg.set_spec_and_mainnet_gas_params(SpecId::CANCUN);
    });
    let context = context.modify_block_chained(|block| {
        block.number = PeerU256::from(1);
        block.timestamp = PeerU256::from(1_000);
        block.beneficiary = peer_address(MINER);
        block.gas_limit = BLOCK_GAS;
        block.basefee = GWEI;
    });
    let mut evm = context.build_mainnet();
    evm.transact_many_finalize(transactions.iter().cloned()).unwrap().result
}

fn compare(
    criterion: &mut Criterion,
    operation: &str,
    params: &str,
    elements: u64,
    state: &MapState,
    transactions: &[RecoveredTransaction],
) {
    let peers_state = state.peer();
    let peers: Vec<_> = transactions.iter().map(peer_transaction).collect();
    let ours = execute(state, transactions);
    assert!(ours.receipts.iter().all(|receipt| receipt.succeeded), "a transaction failed");
    let results = peer_execute(&peers_state, &peers);
    assert!(results.iter().all(ExecutionResult::is_success), "a transaction failed");
    let peers_gas: u64 = results.iter().map(ExecutionResult::tx_gas_used).sum();
    assert_eq!(ours.gas_used, peers_gas, "the engines disagree");

    let mut group = criterion.benchmark_group(format!("vm::{operation}"));
    group.sample_size(30).throughput(Throughput::Elements(elements));
    group.bench_function(BenchmarkId::new("mbt", params), |bencher| {
        bencher.iter(|| execute(black_box(state), black_box(transactions)));
    });
    group.bench_function(BenchmarkId::new("revm", params), |bencher| {
        bencher.iter(|| peer_execute(black_box(&peers_state), black_box(&peers)));
    });
    group.finish();
}

fn transfers(criterion: &mut Criterion) {
    let state = funded();
    let block: Vec<_> = (0..TRANSACTIONS)
        .map(|n| transaction(n % SENDERS, n / SENDERS, 21_000, Some(account(1_000 + n)), 1, vec![]))
        .collect();
    let params = format!("n={TRANSACTIONS}");
    compare(criterion, "transfer_block", &params, TRANSACTIONS, &state, &block);
}

fn word(number: impl Into<U256>) -> [u8; 32] {
    number.into().to_big_endian()
}

/// Deploys the token and gives each sender some of it. The first sender's nonce is 2 then.
fn with_token() -> (MapState, Address) {
    let mut state = funded();
    let token = account(0).create(0);
    let code = include_str!("../mbt-vm/tests/data/token.hex").trim();
    let code: Vec<u8> = (0..code.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&code[at..at + 2], 16).unwrap())
        .collect();
    let mut mint = keccak256("mintMany(address[],uint256)").0[..4].to_vec();
    for number in [64, 1_000_000, SENDERS] {
        mint.extend(word(number));
    }
    for index in 0..SENDERS {
        mint.extend([0; 12]);
        mint.extend(account(index).0);
    }
    let setup = [
        transaction(0, 0, 3_000_000, None, 0, code),
        transaction(0, 1, 20_000_000, Some(token), 0, mint),
    ];
    let execution = execute(&state, &setup);
    assert!(execution.receipts.iter().all(|receipt| receipt.succeeded), "no token");
    state.apply(&execution.diff);
    (state, token)
}

fn tokens(criterion: &mut Criterion) {
    let (state, token) = with_token();
    let block: Vec<_> = (0..TRANSACTIONS)
        .map(|n| {
            let mut data = vec![0xa9, 0x05, 0x9c, 0xbb];
            data.extend([0; 12]);
            data.extend(account(1_000 + n).0);
            data.extend(word(7));
            let (from, nonce) = (n % SENDERS, n / SENDERS);
            let nonce = if from == 0 { nonce + 2 } else { nonce };
            transaction(from, nonce, 100_000, Some(token), 0, data)
        })
        .collect();
    let params = format!("n={TRANSACTIONS}");
    compare(criterion, "erc20_block", &params, TRANSACTIONS, &state, &block);
}

/// Repeats `body`, which leaves the stack as it found it.
fn looping(body: &[u8]) -> Vec<u8> {
    let rounds = ROUNDS.to_be_bytes();
    // PUSH3 rounds; JUMPDEST; body; PUSH1 1; SWAP1; SUB; DUP1; PUSH1 4; JUMPI; STOP
    let head = [&[0x62], &rounds[5..], &[0x5b]].concat();
    [&head, body, &[0x60, 1, 0x90, 0x03, 0x80, 0x60, 4, 0x57, 0x00]].concat()
}

fn compute(criterion: &mut Criterion) {
    let loops: [(&str, &[u8]); 4] = [
        // DUP1 DUP1 MUL PUSH1 7 ADD DUP2 XOR PUSH1 3 SHR POP
        ("arithmetic", &[0x80, 0x80, 0x02, 0x60, 7, 0x01, 0x81, 0x18, 0x60, 3, 0x1c, 0x50]),
        // DUP1 PUSH0 MSTORE PUSH1 32 PUSH0 KECCAK256 POP
        ("keccak", &[0x80, 0x5f, 0x52, 0x60, 32, 0x5f, 0x20, 0x50]),
        // DUP1 PUSH0 MSTORE PUSH0 MLOAD POP
        ("memory", &[0x80, 0x5f, 0x52, 0x5f, 0x51, 0x50]),
        // PUSH0 SLOAD POP
        ("sload", &[0x5f, 0x54, 0x50]),
    ];
    for (name, body) in loops {
        let mut state = funded();
        state.put_code(COMPUTER, &looping(body));
        let block = [transaction(0, 0, 100_000_000, Some(COMPUTER), 0, vec![])];
        let params = format!("loop={name} rounds={ROUNDS}");
        compare(criterion, "compute", &params, ROUNDS, &state, &block);
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    transfers(&mut criterion);
    tokens(&mut criterion);
    compute(&mut criterion);
    criterion.final_summary();
}
