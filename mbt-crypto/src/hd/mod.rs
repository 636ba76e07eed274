//! Many keys from one list of words: BIP-39, BIP-32 and BIP-44 (SPEC 2).
//!
//! ```
//! use mbt_crypto::hd::{DerivationPath, Mnemonic};
//!
//! let words = "test test test test test test test test test test test junk";
//! let master = words.parse::<Mnemonic>()?.master_key("")?;
//! let first = master.derive(&DerivationPath::account(0))?.secret_key();
//! assert_eq!(first.address().to_hex(), "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod extended;
mod mnemonic;
mod path;

pub use extended::{DerivationError, ExtendedKey, ExtendedKeyError, ExtendedPublicKey};
pub use mnemonic::{Language, Mnemonic, MnemonicError};
pub use path::{ChildNumber, DerivationPath, PathError};
