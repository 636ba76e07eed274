//! Why a node does not mine.

use mbt_crypto::AddressError;

/// Why mining did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MiningError {
    /// Nobody is named to be paid.
    #[error("mining.miner is not set: mining needs an account that is paid")]
    NoMiner,
    /// The account is none.
    #[error("mining.miner {miner:?}: {reason}")]
    Miner {
        /// What it says.
        miner: String,
        /// Why not.
        reason: AddressError,
    },
    /// Too much text.
    #[error("mining.extra_data is {bytes} bytes long, at most 32 fit")]
    ExtraData {
        /// Its length.
        bytes: usize,
    },
    /// The system gives no thread.
    #[error("mining thread: {0}")]
    Thread(#[from] std::io::Error),
}
