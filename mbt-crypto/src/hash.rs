//! Keccak-256 with Ethereum's padding, and newtypes for what is hashed.

use primitive_types::H256;
use sha3::Digest;

use crate::KeccakEngine;

/// Returns the Keccak-256 of `bytes` (the original padding, as Ethereum uses it).
#[must_use]
pub fn keccak256(bytes: impl AsRef<[u8]>) -> H256 {
    KeccakEngine::best().hash(bytes.as_ref())
}

/// Keccak-256 of a message that arrives in pieces.
#[derive(Clone, Debug, Default)]
pub struct Keccak256(sha3::Keccak256);

impl Keccak256 {
    /// Starts an empty message.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a piece.
    pub fn update(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.update(bytes.as_ref());
    }

    /// Returns the hash of all pieces.
    #[must_use]
    pub fn finalize(self) -> H256 {
        H256(self.0.finalize().into())
    }
}

/// Declares a 32-byte hash type of its own, so that hashes of different things cannot be mixed.
///
/// ```
/// mbt_crypto::hash_newtype! {
///     /// Names a ticket.
///     pub struct TicketId;
/// }
/// let id = TicketId(mbt_crypto::keccak256(b"ticket"));
/// assert_eq!(id.to_string().len(), 66);
/// ```
#[macro_export]
macro_rules! hash_newtype {
    ($(#[$meta:meta])* pub struct $name:ident;) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(pub $crate::H256);

        impl $name {
            /// The hash of all zero bytes.
            pub const ZERO: Self = Self($crate::H256([0; 32]));

            /// Returns the 32 bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0.0
            }
        }

        impl ::core::convert::From<[u8; 32]> for $name {
            fn from(bytes: [u8; 32]) -> Self {
                Self($crate::H256(bytes))
            }
        }

        impl ::core::fmt::Display for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::write!(f, "{:#x}", self.0)
            }
        }

        impl ::core::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::write!(f, "{}({:#x})", stringify!($name), self.0)
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_hash_like_the_whole() {
        let mut pieces = Keccak256::new();
        pieces.update(b"ab");
        pieces.update(b"c");
        assert_eq!(pieces.finalize(), keccak256(b"abc"));
    }

    #[test]
    fn empty_message_has_ethereums_hash() {
        assert_eq!(
            hex::encode(keccak256([])),
            "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
        );
    }
}
