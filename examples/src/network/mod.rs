//! The node among its peers: libp2p over TCP with Noise and Yamux.
//!
//! Blocks and transactions travel by gossip and are checked before they are passed on; chains are
//! caught up with by requests. What a peer does wrong is a [`Fault`], and the type of a fault, not
//! its text, decides between a ban, a farewell and a lower score. Every queue and table that peers
//! feed has a bound with a name.

mod behaviour;
mod codec;
mod config;
mod dial;
mod driver;
mod fault;
mod gossip;
mod handle;
pub mod key;
mod ledger;
pub mod message;
mod outbox;
mod serve;
mod swarm_event;
mod validate;

pub use config::{NetworkConfig, NetworkError, PEERS_MAX};
pub use dial::{DialList, TARGETS_MAX};
pub(crate) use driver::{Command, NetworkNote, ended};
pub use fault::{Fault, FaultKind};
pub use gossip::{BUNDLE_BYTES_MAX, BUNDLE_MAX, BundleError, TransactionBundle, topic_names};
pub use handle::{Direction, Network, NetworkHandle, PeerInfo};
pub use ledger::{BANS_TEMPORARY_MAX, Ban, Ledger, RECORDS_MAX, SCORE_BEST, Sentence};
