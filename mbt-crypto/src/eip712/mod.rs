//! Structured data that people and nodes sign (EIP-712).
//!
//! [`TypedStruct`] and [`Domain`] are for structs known when the program is written, all of this
//! system's among them. With feature `json`, [`TypedData`] reads the documents of
//! `eth_signTypedData_v4`, whose types come with the data.
//!
//! ```
//! use mbt_crypto::{Address, SecretKey, U256};
//! use mbt_crypto::eip712::{Domain, Encoder, TypedStruct};
//!
//! struct Vote { voter: Address, proposal: u64 }
//!
//! impl TypedStruct for Vote {
//!     const TYPE: &'static str = "Vote(address voter,uint64 proposal)";
//!
//!     fn encode_data(&self, data: &mut Encoder) {
//!         data.address(self.voter).uint(self.proposal);
//!     }
//! }
//!
//! let key = SecretKey::from_bytes([7; 32])?;
//! let domain = Domain {
//!     name: Some("Council".into()),
//!     chain_id: Some(U256::from(31_337)),
//!     ..Domain::default()
//! };
//! let digest = domain.digest(&Vote { voter: key.address(), proposal: 5 });
//! key.sign(digest).verify(digest, key.address())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(feature = "json")]
mod document;
#[cfg(feature = "json")]
mod json;
#[cfg(feature = "json")]
mod types;
#[cfg(feature = "json")]
mod value;

use alloc::string::String;

use primitive_types::{H256, U256};

use crate::{Address, Keccak256, keccak256};

#[cfg(feature = "json")]
pub use document::{TypedData, TypedDataError};
#[cfg(feature = "json")]
pub use value::{Member, Value};

/// A struct that can be signed.
pub trait TypedStruct {
    /// What EIP-712 calls `encodeType`: `Name(type name,type name)`, followed by the encodings of
    /// all structs it refers to, sorted by name.
    const TYPE: &'static str;

    /// Writes the members in the order of [`TypedStruct::TYPE`].
    fn encode_data(&self, data: &mut Encoder);

    /// Returns `typeHash`.
    #[must_use]
    fn type_hash() -> H256 {
        keccak256(Self::TYPE)
    }

    /// Returns `hashStruct(self)`.
    #[must_use]
    fn hash_struct(&self) -> H256 {
        let mut data = Encoder::new(Self::type_hash());
        self.encode_data(&mut data);
        data.finalize()
    }
}

/// Takes a struct's members, one 32-byte word each, in order.
#[derive(Clone, Debug)]
pub struct Encoder(Keccak256);

impl Encoder {
    fn new(type_hash: H256) -> Self {
        let mut encoder = Self(Keccak256::new());
        encoder.word(type_hash);
        encoder
    }

    /// Writes a `bytes32`, or a member that is encoded already (a struct by its
    /// [`TypedStruct::hash_struct`]).
    pub fn word(&mut self, word: H256) -> &mut Self {
        self.0.update(word);
        self
    }

    /// Writes a `uintN`.
    pub fn uint(&mut self, number: impl Into<U256>) -> &mut Self {
        self.word(H256(number.into().to_big_endian()))
    }

    /// Writes a `bool`.
    pub fn boolean(&mut self, value: bool) -> &mut Self {
        self.uint(u64::from(value))
    }

    /// Writes an `address`.
    pub fn address(&mut self, address: Address) -> &mut Self {
        self.word(left_padded(address))
    }

    /// Writes a `string`.
    pub fn string(&mut self, text: &str) -> &mut Self {
        self.word(keccak256(text))
    }

    /// Writes a `bytes`.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.word(keccak256(bytes))
    }

    /// Writes an array whose items are encoded to a word each.
    pub fn array(&mut self, words: impl IntoIterator<Item = H256>) -> &mut Self {
        let mut items = Keccak256::new();
        for word in words {
            items.update(word);
        }
        self.word(items.finalize())
    }

    fn finalize(self) -> H256 {
        self.0.finalize()
    }
}

pub(crate) fn left_padded(address: Address) -> H256 {
    let mut word = H256::zero();
    word.0[12..].copy_from_slice(address.as_bytes());
    word
}

/// Where a signature counts. Every member may be absent; what is present is part of the type.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Domain {
    /// The signing system's name for people.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<String>,
    /// The chain.
    pub chain_id: Option<U256>,
    /// The contract that checks the signature.
    pub verifying_contract: Option<Address>,
    /// A last resort to tell domains apart.
    pub salt: Option<H256>,
}

impl Domain {
    /// Returns `domainSeparator`, members in EIP-712's order.
    #[must_use]
    pub fn separator(&self) -> H256 {
        let members = [
            (self.name.is_some(), "string name"),
            (self.version.is_some(), "string version"),
            (self.chain_id.is_some(), "uint256 chainId"),
            (self.verifying_contract.is_some(), "address verifyingContract"),
            (self.salt.is_some(), "bytes32 salt"),
        ];
        let mut encoded_type = Keccak256::new();
        encoded_type.update("EIP712Domain(");
        let present = members.iter().filter(|(present, _)| *present);
        for (i, (_, member)) in present.enumerate() {
            encoded_type.update(if i == 0 { "" } else { "," });
            encoded_type.update(member);
        }
        encoded_type.update(")");

        let mut data = Encoder::new(encoded_type.finalize());
        if let Some(name) = &self.name {
            data.string(name);
        }
        if let Some(version) = &self.version {
            data.string(version);
        }
        if let Some(chain_id) = self.chain_id {
            data.uint(chain_id);
        }
        if let Some(contract) = self.verifying_contract {
            data.address(contract);
        }
        if let Some(salt) = self.salt {
            data.word(salt);
        }
        data.finalize()
    }

    /// Returns the hash that a key signs for `message`.
    #[must_use]
    pub fn digest(&self, message: &impl TypedStruct) -> H256 {
        digest(self.separator(), message.hash_struct())
    }
}

/// Returns the hash that a key signs: Keccak-256 of `0x19 0x01`, the domain's separator and the
/// message's `hashStruct`.
#[must_use]
pub fn digest(separator: H256, struct_hash: H256) -> H256 {
    let mut hasher = Keccak256::new();
    hasher.update([0x19, 0x01]);
    hasher.update(separator);
    hasher.update(struct_hash);
    hasher.finalize()
}
