//! Why a transaction cannot enter a block, in geth's words: clients match on them.

use mbt_crypto::{Address, U256};

use crate::transaction::system::PayloadError;

/// Why a well-formed, signed transaction cannot be executed on a state. It changed nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTransaction {
    /// Nothing here gives the type a meaning.
    #[error("transaction type not supported: {0:#04x}")]
    TypeNotSupported(u8),
    /// A transaction of an own type carries what means nothing.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// Signed for another chain.
    #[error("invalid chain id for signer: have {have} want {want}")]
    WrongChain {
        /// The chain it is signed for.
        have: u64,
        /// This chain.
        want: u64,
    },
    /// The nonce was used before.
    #[error("nonce too low: next nonce {next}, tx nonce {nonce}")]
    NonceTooLow {
        /// The account's nonce.
        next: u64,
        /// The transaction's.
        nonce: u64,
    },
    /// Earlier transactions of the sender are missing.
    #[error("nonce too high: next nonce {next}, tx nonce {nonce}")]
    NonceTooHigh {
        /// The account's nonce.
        next: u64,
        /// The transaction's.
        nonce: u64,
    },
    /// The nonce cannot grow any more (EIP-2681).
    #[error("nonce has max value")]
    NonceMax,
    /// The sender cannot pay the gas limit at the full price plus the value.
    #[error(
        "insufficient funds for gas * price + value: balance {balance}, tx cost {cost}, overshot {}",
        cost.saturating_sub(*balance)
    )]
    InsufficientFunds {
        /// What the sender holds.
        balance: U256,
        /// What it may have to pay; the greatest number when it overflows.
        cost: U256,
    },
    /// The gas limit at the full price is above the greatest number.
    #[error("insufficient funds for gas * price + value: gas * price above 2^256")]
    CostOverflow,
    /// The gas limit does not pay for the transaction's own bytes.
    #[error("intrinsic gas too low: gas {gas_limit}, minimum needed {needed}")]
    IntrinsicGas {
        /// The transaction's limit.
        gas_limit: u64,
        /// What its bytes cost.
        needed: u64,
    },
    /// The gas limit is above the block's.
    #[error("exceeds block gas limit")]
    ExceedsBlockGasLimit,
    /// The block has too little gas left.
    #[error("gas limit reached")]
    BlockFull,
    /// The init code is longer than EIP-3860 allows.
    #[error("max initcode size exceeded: code size {size}, limit {max}")]
    InitCodeTooLong {
        /// Bytes of the init code.
        size: usize,
        /// Most that are allowed.
        max: usize,
    },
    /// The fee cap is below the block's base fee.
    #[error("max fee per gas less than block base fee: maxFeePerGas: {cap}, baseFee: {base_fee}")]
    FeeCapTooLow {
        /// The transaction's cap.
        cap: U256,
        /// The block's base fee.
        base_fee: U256,
    },
    /// The tip is above the fee cap.
    #[error(
        "max priority fee per gas higher than max fee per gas: maxPriorityFeePerGas: {tip}, maxFeePerGas: {cap}"
    )]
    TipAboveFeeCap {
        /// The transaction's tip.
        tip: U256,
        /// Its cap.
        cap: U256,
    },
    /// The sender is a contract (EIP-3607).
    #[error("sender not an eoa: address {0:?}")]
    SenderNotEoa(Address),
}
