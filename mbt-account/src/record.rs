//! What the state holds for an account (SPEC 3).

use core::fmt::Debug;

use mbt_crypto::{H256, U256};
use rlp::{Encodable, RlpStream};

use crate::codec::{Decode, DecodeError, Reader};

/// Keccak-256 of nothing: the code hash of an account without code.
pub const EMPTY_CODE_HASH: H256 = H256([
    0xc5, 0xd2, 0x46, 0x01, 0x86, 0xf7, 0x23, 0x3c, 0x92, 0x7e, 0x7d, 0xb2, 0xdc, 0xc7, 0x03, 0xc0,
    0xe5, 0x00, 0xb6, 0x53, 0xca, 0x82, 0x27, 0x3b, 0x7b, 0xfa, 0xd8, 0x04, 0x5d, 0x85, 0xa4, 0x70,
]);

/// Root of the trie that holds nothing.
pub const EMPTY_ROOT: H256 = H256([
    0x56, 0xe8, 0x1f, 0x17, 0x1b, 0xcc, 0x55, 0xa6, 0xff, 0x83, 0x45, 0xe6, 0x92, 0xc0, 0xf8, 0x6e,
    0x5b, 0x48, 0xe0, 0x1b, 0x99, 0x6c, 0xad, 0xc0, 0x01, 0x62, 0x2f, 0xb5, 0xe3, 0x63, 0xb4, 0x21,
]);

/// What every chain's account record has.
pub trait AccountRecord: Clone + Debug + Decode + Default + Encodable + Eq {
    /// Transactions sent, or contracts created.
    fn nonce(&self) -> u64;
    /// Hash of the account's code.
    fn code_hash(&self) -> H256;
    /// Root of the account's storage trie.
    fn storage_root(&self) -> H256;
    /// Sets the root of the account's storage trie.
    fn set_storage_root(&mut self, root: H256);
}

/// The two fields by which a public account stands for a league. Both are present or neither.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LeagueFields {
    /// Hash of the league's communication parameters.
    pub micro_protocol: H256,
    /// Hash of the league's genesis header.
    pub genesis_root: H256,
}

/// An account of the public chain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PublicAccount {
    /// Transactions sent, or contracts created.
    pub nonce: u64,
    /// Coin held, in its smallest unit (10^-18 MBTC).
    pub balance: U256,
    /// Root of the account's storage trie.
    pub storage_root: H256,
    /// Keccak-256 of the account's code.
    pub code_hash: H256,
    /// Set when the account stands for a league.
    pub league: Option<LeagueFields>,
}

impl Default for PublicAccount {
    fn default() -> Self {
        Self {
            nonce: 0,
            balance: U256::zero(),
            storage_root: EMPTY_ROOT,
            code_hash: EMPTY_CODE_HASH,
            league: None,
        }
    }
}

impl PublicAccount {
    /// Tells whether EIP-161 removes the account when it is touched. League accounts never are.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nonce == 0
            && self.balance.is_zero()
            && self.code_hash == EMPTY_CODE_HASH
            && self.league.is_none()
    }
}

impl AccountRecord for PublicAccount {
    fn nonce(&self) -> u64 {
        self.nonce
    }

    fn code_hash(&self) -> H256 {
        self.code_hash
    }

    fn storage_root(&self) -> H256 {
        self.storage_root
    }

    fn set_storage_root(&mut self, root: H256) {
        self.storage_root = root;
    }
}

impl Encodable for PublicAccount {
    /// Ethereum's four items, or six for a league account.
    fn rlp_append(&self, stream: &mut RlpStream) {
        stream.begin_list(if self.league.is_some() { 6 } else { 4 });
        stream.append(&self.nonce).append(&self.balance);
        stream.append(&self.storage_root).append(&self.code_hash);
        if let Some(league) = &self.league {
            stream.append(&league.micro_protocol).append(&league.genesis_root);
        }
    }
}

impl Decode for PublicAccount {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut fields = reader.list()?;
        let account = Self {
            nonce: fields.u64()?,
            balance: fields.u256()?,
            storage_root: fields.hash()?,
            code_hash: fields.hash()?,
            league: if fields.is_empty() {
                None
            } else {
                Some(LeagueFields { micro_protocol: fields.hash()?, genesis_root: fields.hash()? })
            },
        };
        fields.finish()?;
        Ok(account)
    }
}

/// An account of a league. Its native value is a slot of the league's token contract, not a field.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LeagueAccount {
    /// Transactions sent, or contracts created.
    pub nonce: u64,
    /// Root of the account's storage trie.
    pub storage_root: H256,
    /// Keccak-256 of the account's code.
    pub code_hash: H256,
}

impl Default for LeagueAccount {
    fn default() -> Self {
        Self { nonce: 0, storage_root: EMPTY_ROOT, code_hash: EMPTY_CODE_HASH }
    }
}

impl AccountRecord for LeagueAccount {
    fn nonce(&self) -> u64 {
        self.nonce
    }

    fn code_hash(&self) -> H256 {
        self.code_hash
    }

    fn storage_root(&self) -> H256 {
        self.storage_root
    }

    fn set_storage_root(&mut self, root: H256) {
        self.storage_root = root;
    }
}

impl Encodable for LeagueAccount {
    fn rlp_append(&self, stream: &mut RlpStream) {
        stream.begin_list(3);
        stream.append(&self.nonce).append(&self.storage_root).append(&self.code_hash);
    }
}

impl Decode for LeagueAccount {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut fields = reader.list()?;
        let account =
            Self { nonce: fields.u64()?, storage_root: fields.hash()?, code_hash: fields.hash()? };
        fields.finish()?;
        Ok(account)
    }
}
