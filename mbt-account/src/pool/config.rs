//! What a pool is told: its bounds, the head it follows, and what its senders hold.

use mbt_crypto::U256;

/// Whether legacy transactions without a chain id (before EIP-155) are taken.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Unprotected {
    /// They are refused, because they can be replayed on other chains.
    #[default]
    Refuse,
    /// They are taken.
    Allow,
}

/// Whether transactions of this system's own types (0x4a, 0x4e) are taken.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum SystemTransactions {
    /// They are refused, because no block could hold them: nothing gives them a meaning.
    #[default]
    Refuse,
    /// They are taken.
    Allow,
}

/// A pool's bounds and prices.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PoolConfig {
    /// Most transactions in all.
    pub count_max: usize,
    /// Most encoded bytes in all.
    pub bytes_max: usize,
    /// Most transactions of one sender.
    pub per_sender_max: usize,
    /// Most encoded bytes of one transaction.
    pub transaction_bytes_max: usize,
    /// Least tip per unit of gas.
    pub tip_min: U256,
    /// Least fee cap per unit of gas: the base fee never falls below it.
    pub fee_cap_min: U256,
    /// How much more, in percent, tip and fee cap of a replacement must be.
    pub replacement_percent: u64,
    /// Whether transactions without a chain id are taken.
    pub unprotected: Unprotected,
    /// Whether transactions of this system's own types are taken.
    pub system: SystemTransactions,
}

impl Default for PoolConfig {
    fn default() -> Self {
        Self {
            count_max: 50_000,
            bytes_max: 64 * 1024 * 1024,
            per_sender_max: 4_096,
            transaction_bytes_max: 128 * 1024,
            tip_min: U256::zero(),
            fee_cap_min: U256([1_000_000_000, 0, 0, 0]),
            replacement_percent: 10,
            unprotected: Unprotected::Refuse,
            system: SystemTransactions::Refuse,
        }
    }
}

/// What the pool needs to know of the block that the next one stands on.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PoolHead {
    /// The chain.
    pub chain_id: u64,
    /// Base fee per unit of gas of the next block.
    pub base_fee: U256,
    /// Most gas of a block.
    pub gas_limit: u64,
}

/// What the state at the head holds for a sender.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SenderState {
    /// The nonce that its next transaction must have.
    pub nonce: u64,
    /// The coin that it can spend.
    pub balance: U256,
}
