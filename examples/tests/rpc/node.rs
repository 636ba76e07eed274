//! A development chain in memory with JSON-RPC on a free port.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use mbt_account::{Kind, SenderStatistics, Transaction, system::Payload};
use mbt_consensus::{BuildRequest, ChainConfig, seal};
use mbt_crypto::{Address, H256, SecretKey, U256};
use mbt_examples::{
    clock::ChainClock,
    node::{Node, NodeConfig, NodeHandle},
    rpc::{RpcConfig, RpcError, RpcServer, serve},
    storage::Store,
};
use mbt_trie::Durability;
use mbt_vm::{Evm, FeePolicy, GenesisConfig, development};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::client;

const CHAIN_ID: u64 = 31_337;
const GWEI: u64 = 1_000_000_000;
const PATIENCE: Duration = Duration::from_secs(60);

/// A node with its server. Both end with it.
pub(crate) struct TestNode {
    server: Option<RpcServer>,
    node: Option<Node>,
    runtime: Runtime,
}

/// Time between blocks.
const BLOCK_TIME: Duration = Duration::from_millis(150);

/// Opens a development chain in memory.
fn open() -> Node {
    let chain = ChainConfig::development();
    let chain_id = chain.chain_id;
    Node::open(NodeConfig {
        chain,
        genesis: GenesisConfig::development().genesis().unwrap(),
        evm: Evm::new(chain_id, FeePolicy::Mbt),
        store: Store::memory(),
        pool: mbt_account::PoolConfig::default(),
        clock: ChainClock::system(),
    })
    .unwrap()
}

/// Makes a block of the pool's transactions. None when the node is gone.
async fn mine_one(node: &NodeHandle) -> Option<()> {
    let request = BuildRequest {
        timestamp: node.now(),
        miner: development::ACCOUNTS[9].address,
        extra_data: b"test".to_vec(),
        lot: None,
    };
    let mut block = node.build(request).await.ok()?;
    let target = seal::effective_target(&block.header);
    block.header.nonce =
        seal::search(block.header.seal_hash(), target, 0..u64::MAX).expect("the target is easy");
    node.import_mined(block).await.ok().map(|_| ())
}

/// Makes blocks until the node is gone.
async fn mine(node: NodeHandle) {
    while mine_one(&node).await.is_some() {
        tokio::time::sleep(BLOCK_TIME).await;
    }
}

/// One of the funded accounts.
pub(crate) struct TestAccount {
    key: SecretKey,
}

impl TestAccount {
    pub(crate) fn address(&self) -> Address {
        self.key.address()
    }

    pub(crate) fn hex(&self) -> String {
        self.address().to_hex()
    }
}

impl TestNode {
    /// Returns the settings of a development node on a free port.
    pub(crate) fn config() -> RpcConfig {
        let mut config = RpcConfig::development();
        config.listen.set_port(0);
        config
    }

    pub(crate) fn start() -> Self {
        Self::start_with(Self::config())
    }

    pub(crate) fn start_with(config: RpcConfig) -> Self {
        let node = Self::start_still(config);
        node.runtime.spawn(mine(node.handle()));
        node
    }

    /// Starts a node that makes a block only when it is told.
    pub(crate) fn start_still(config: RpcConfig) -> Self {
        let runtime = Runtime::new().unwrap();
        let node = open();
        let server = runtime.block_on(serve(config, node.handle().clone(), None)).unwrap();
        Self { server: Some(server), node: Some(node), runtime }
    }

    /// Tries to serve the same node a second time.
    pub(crate) fn serve_again(&self, config: RpcConfig) -> Result<RpcServer, RpcError> {
        self.runtime.block_on(serve(config, self.handle(), None))
    }

    fn handle(&self) -> NodeHandle {
        self.node.as_ref().unwrap().handle().clone()
    }

    /// Makes a block.
    pub(crate) fn mine(&self) {
        self.runtime.block_on(mine_one(&self.handle())).unwrap();
    }

    /// Takes all blocks of another node.
    pub(crate) fn import_from(&self, other: &Self) {
        let snapshot = other.handle().reader().snapshot().unwrap();
        for number in 1..=snapshot.head().number {
            let id = snapshot.id_at(number).unwrap().unwrap();
            let block = snapshot.block(&id).unwrap().unwrap();
            let import = async { self.handle().import(block, Durability::Durable).await };
            self.runtime.block_on(import).unwrap();
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.as_ref().unwrap().address()
    }

    pub(crate) fn account(&self, index: usize) -> TestAccount {
        let key = development::ACCOUNTS[index].private_key;
        TestAccount { key: SecretKey::from_bytes(key).unwrap() }
    }

    /// Calls a method that must succeed.
    pub(crate) fn call(&self, method: &str, params: Value) -> Value {
        client::call(self.address(), method, params.clone())
            .unwrap_or_else(|error| panic!("{method} {params}: {error}"))
    }

    /// Calls a method that must fail.
    pub(crate) fn error(&self, method: &str, params: Value) -> Value {
        match client::call(self.address(), method, params.clone()) {
            Err(error) => error,
            Ok(result) => panic!("{method} {params} answered {result}"),
        }
    }

    /// Waits for a receipt.
    pub(crate) fn receipt(&self, hash: &Value) -> Value {
        self.wait(|| {
            let receipt = self.call("eth_getTransactionReceipt", json!([hash]));
            (!receipt.is_null()).then_some(receipt)
        })
    }

    pub(crate) fn wait_for_block(&self, number: u64) {
        self.wait(|| {
            let head = self.call("eth_blockNumber", json!([]));
            let head = u64::from_str_radix(&head.as_str().unwrap()[2..], 16).unwrap();
            (head >= number).then_some(())
        });
    }

    fn wait<T>(&self, ready: impl Fn() -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(value) = ready() {
                return value;
            }
            assert!(start.elapsed() < PATIENCE, "nothing happened");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn next_nonce(&self, index: usize) -> u64 {
        let sender = self.account(index).hex();
        let nonce = self.call("eth_getTransactionCount", json!([sender, "pending"]));
        u64::from_str_radix(&nonce.as_str().unwrap()[2..], 16).unwrap()
    }

    fn sign(
        &self,
        index: usize,
        nonce: u64,
        to: Option<Address>,
        value: u64,
        input: Vec<u8>,
    ) -> String {
        let gas_limit = if input.is_empty() { 21_000 } else { 300_000 };
        let transaction = Transaction {
            kind: dynamic(CHAIN_ID),
            nonce,
            gas_limit,
            to,
            value: value.into(),
            input,
        };
        raw(transaction, &self.account(index).key)
    }

    pub(crate) fn sign_transfer(
        &self,
        index: usize,
        nonce: u64,
        to: Address,
        value: u64,
    ) -> String {
        self.sign(index, nonce, Some(to), value, Vec::new())
    }

    pub(crate) fn send_transfer(&self, index: usize, to: Address, value: u64) -> Value {
        let raw = self.sign_transfer(index, self.next_nonce(index), to, value);
        self.call("eth_sendRawTransaction", json!([raw]))
    }

    pub(crate) fn send_with_nonce(&self, index: usize, nonce: u64) -> Value {
        let raw = self.sign_transfer(index, nonce, self.account(1).address(), 1);
        self.call("eth_sendRawTransaction", json!([raw]))
    }

    pub(crate) fn send_call(&self, index: usize, to: &str, input: Vec<u8>) -> Value {
        let to = Some(to.parse().unwrap());
        let raw = self.sign(index, self.next_nonce(index), to, 0, input);
        self.call("eth_sendRawTransaction", json!([raw]))
    }

    /// Deploys a contract and returns its address.
    pub(crate) fn deploy(&self, code: Vec<u8>) -> String {
        self.created(&self.send_creation(code))
    }

    pub(crate) fn send_creation(&self, code: Vec<u8>) -> Value {
        let raw = self.sign(0, self.next_nonce(0), None, 0, code);
        self.call("eth_sendRawTransaction", json!([raw]))
    }

    /// Waits for a creation and returns the contract's address.
    pub(crate) fn created(&self, hash: &Value) -> String {
        let receipt = self.receipt(hash);
        assert_eq!(receipt["status"], "0x1", "{receipt}");
        receipt["contractAddress"].as_str().unwrap().to_owned()
    }

    /// Signs a transaction of an own type.
    pub(crate) fn sign_own(&self, index: usize, payload: &Payload) -> String {
        let system = payload.system_type();
        let kind = Kind::System {
            system,
            chain_id: CHAIN_ID,
            max_priority_fee_per_gas: GWEI.into(),
            max_fee_per_gas: (100 * GWEI).into(),
            access_list: Vec::new(),
        };
        let (to, input) = (Some(system.contract()), payload.encode());
        let transaction =
            Transaction { kind, nonce: 0, gas_limit: 300_000, to, value: 0.into(), input };
        raw(transaction, &self.account(index).key)
    }

    /// Returns how many signatures the node checked.
    pub(crate) fn senders(&self) -> SenderStatistics {
        self.handle().senders().statistics()
    }

    /// Signs with a key that holds nothing.
    pub(crate) fn sign_poor_transfer(&self, to: Address) -> String {
        raw(transfer(dynamic(CHAIN_ID), to), &SecretKey::from_bytes([0x77; 32]).unwrap())
    }

    pub(crate) fn sign_unprotected(&self, to: Address) -> String {
        let kind = Kind::Legacy { chain_id: None, gas_price: (100 * GWEI).into() };
        raw(transfer(kind, to), &self.account(2).key)
    }

    pub(crate) fn sign_for_chain(&self, chain_id: u64, to: Address) -> String {
        raw(transfer(dynamic(chain_id), to), &self.account(2).key)
    }

    /// Checks what `eth_getProof` answered against a state root.
    pub(crate) fn verify_proof(&self, state_root: &Value, answer: &Value) {
        let nodes =
            |list: &Value| -> Vec<Vec<u8>> { list.as_array().unwrap().iter().map(bytes).collect() };
        let root = H256(bytes(state_root).try_into().unwrap());
        let address: Address = answer["address"].as_str().unwrap().parse().unwrap();
        let account = mbt_account::PublicAccount {
            nonce: quantity(&answer["nonce"]).as_u64(),
            balance: quantity(&answer["balance"]),
            storage_root: H256(bytes(&answer["storageHash"]).try_into().unwrap()),
            code_hash: H256(bytes(&answer["codeHash"]).try_into().unwrap()),
            league: None,
        };
        let encoded = rlp::encode(&account);
        let key = mbt_crypto::keccak256(address.0);
        mbt_trie::verify_proof(root, &key.0, Some(&encoded), &nodes(&answer["accountProof"]))
            .unwrap();
        for entry in answer["storageProof"].as_array().unwrap() {
            let key = mbt_crypto::keccak256(bytes(&entry["key"]));
            let value = rlp::encode(&quantity(&entry["value"]));
            let proof = nodes(&entry["proof"]);
            mbt_trie::verify_proof(account.storage_root, &key.0, Some(&value), &proof).unwrap();
        }
    }
}

impl Drop for TestNode {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            self.runtime.block_on(server.stop());
        }
        drop(self.node.take());
    }
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(&value.as_str().unwrap()[2..]).unwrap()
}

fn quantity(value: &Value) -> U256 {
    U256::from_str_radix(&value.as_str().unwrap()[2..], 16).unwrap()
}

fn dynamic(chain_id: u64) -> Kind {
    Kind::DynamicFee {
        chain_id,
        max_priority_fee_per_gas: GWEI.into(),
        max_fee_per_gas: (100 * GWEI).into(),
        access_list: Vec::new(),
    }
}

fn transfer(kind: Kind, to: Address) -> Transaction {
    Transaction { kind, nonce: 0, gas_limit: 21_000, to: Some(to), value: 1.into(), input: vec![] }
}

fn raw(transaction: Transaction, key: &SecretKey) -> String {
    format!("0x{}", hex::encode(transaction.sign(key).encode()))
}
