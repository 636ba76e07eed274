//! The public chain's header (SPEC 6).

use mbt_account::{
    Bloom, EMPTY_ROOT,
    codec::{Decode, DecodeError, Reader},
};
use mbt_crypto::{Address, H256, Keccak256, Signature, U256, hash_newtype, keccak256};
use rlp::{Encodable, RlpStream};

hash_newtype! {
    /// Names a block: Keccak-256 of the RLP of its header.
    pub struct BlockId;
}

hash_newtype! {
    /// Names a lot of locked coin.
    pub struct LotId;
}

/// Longest `extra_data` in bytes.
pub const EXTRA_DATA_BYTES_MAX: usize = 32;

/// Starts what the owner of a lot signs.
const LOT_DOMAIN: &[u8] = b"MBT-LOT-1";

/// The locked coin that lowers a block's difficulty, and its owner's signature over the header.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Lot {
    /// The lot.
    pub id: LotId,
    /// Over `keccak("MBT-LOT-1" || chain_id || rlp(header without nonce and lot_signature))`.
    pub signature: Signature,
}

/// A header of the public chain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Header {
    /// The block before; zero for genesis.
    pub parent_hash: BlockId,
    /// Blocks before this one.
    pub number: u64,
    /// Seconds since 1970. Not below the parent's.
    pub timestamp: u64,
    /// Who is paid.
    pub miner: Address,
    /// Root of the state after the block.
    pub state_root: H256,
    /// Root of the trie of transactions.
    pub transactions_root: H256,
    /// Root of the trie of receipts.
    pub receipts_root: H256,
    /// Filter over all logs.
    pub logs_bloom: Bloom,
    /// The nominal target: without a lot, `F(header)` must be below it.
    pub target: U256,
    /// Most gas the block may use.
    pub gas_limit: u64,
    /// Gas it used.
    pub gas_used: u64,
    /// EIP-1559 base fee per unit of gas.
    pub base_fee: U256,
    /// At most 32 bytes of the miner's choice.
    pub extra_data: Vec<u8>,
    /// Root of the Merkle mountain range over all blocks before this one.
    pub ancestors_root: H256,
    /// The lot named, if any.
    pub lot: Option<Lot>,
    /// The proof of work.
    pub nonce: u64,
}

impl Default for Header {
    fn default() -> Self {
        Self {
            parent_hash: BlockId::ZERO,
            number: 0,
            timestamp: 0,
            miner: Address::ZERO,
            state_root: EMPTY_ROOT,
            transactions_root: EMPTY_ROOT,
            receipts_root: EMPTY_ROOT,
            logs_bloom: Bloom::ZERO,
            target: U256::MAX,
            gas_limit: 30_000_000,
            gas_used: 0,
            base_fee: U256::zero(),
            extra_data: Vec::new(),
            ancestors_root: H256::zero(),
            lot: None,
            nonce: 0,
        }
    }
}

impl Header {
    /// Returns the block's name.
    #[must_use]
    pub fn id(&self) -> BlockId {
        BlockId(keccak256(rlp::encode(self)))
    }

    /// Returns `keccak(rlp(header without nonce))`, what a miner seals.
    #[must_use]
    pub fn seal_hash(&self) -> H256 {
        let mut stream = RlpStream::new();
        stream.begin_unbounded_list();
        self.append_unsealed(&mut stream);
        stream.finalize_unbounded_list();
        keccak256(stream.out())
    }

    /// Returns `F(header)`, which must be below the effective target.
    #[must_use]
    pub fn work_hash(&self) -> U256 {
        Self::work_hash_of(self.seal_hash(), self.nonce)
    }

    /// Returns `F` for a seal hash and a nonce.
    #[must_use]
    pub fn work_hash_of(seal_hash: H256, nonce: u64) -> U256 {
        let mut bytes = [0; 40];
        bytes[..32].copy_from_slice(&seal_hash.0);
        bytes[32..].copy_from_slice(&nonce.to_be_bytes());
        U256::from_big_endian(&keccak256(bytes).0)
    }

    /// Returns what the owner of the lot named signs: `keccak("MBT-LOT-1" || chain_id ||
    /// rlp(header without nonce and lot_signature))`, the chain id as eight big-endian bytes.
    #[must_use]
    pub fn lot_signing_hash(&self, chain_id: u64) -> H256 {
        let mut stream = RlpStream::new();
        stream.begin_unbounded_list();
        self.append_common(&mut stream);
        match &self.lot {
            None => stream.append_empty_data(),
            Some(lot) => stream.append(&lot.id.0),
        };
        stream.finalize_unbounded_list();
        let mut hasher = Keccak256::new();
        hasher.update(LOT_DOMAIN);
        hasher.update(chain_id.to_be_bytes());
        hasher.update(stream.out());
        hasher.finalize()
    }

    fn append_unsealed(&self, stream: &mut RlpStream) {
        self.append_common(stream);
        match &self.lot {
            None => {
                stream.append_empty_data();
            }
            Some(lot) => {
                stream.append(&lot.id.0).append(&lot.signature.to_bytes().as_slice());
            }
        }
    }

    fn append_common(&self, stream: &mut RlpStream) {
        stream.append(&self.parent_hash.0).append(&self.number).append(&self.timestamp);
        stream.append(&self.miner.0.as_slice());
        stream.append(&self.state_root).append(&self.transactions_root).append(&self.receipts_root);
        stream.append(&self.logs_bloom.0.as_slice()).append(&self.target);
        stream.append(&self.gas_limit).append(&self.gas_used).append(&self.base_fee);
        stream.append(&self.extra_data).append(&self.ancestors_root);
    }
}

impl Encodable for Header {
    fn rlp_append(&self, stream: &mut RlpStream) {
        stream.begin_unbounded_list();
        self.append_unsealed(stream);
        stream.append(&self.nonce.to_be_bytes().as_slice());
        stream.finalize_unbounded_list();
    }
}

impl Decode for Header {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut fields = reader.list()?;
        let header = Self {
            parent_hash: BlockId(fields.hash()?),
            number: fields.u64()?,
            timestamp: fields.u64()?,
            miner: fields.address()?,
            state_root: fields.hash()?,
            transactions_root: fields.hash()?,
            receipts_root: fields.hash()?,
            logs_bloom: Bloom(fields.array()?),
            target: fields.u256()?,
            gas_limit: fields.u64()?,
            gas_used: fields.u64()?,
            base_fee: fields.u256()?,
            extra_data: fields.bytes()?.to_vec(),
            ancestors_root: fields.hash()?,
            lot: match fields.bytes()? {
                [] => None,
                id => Some(Lot {
                    id: LotId(H256(id.try_into().map_err(|_| DecodeError::WrongLength {
                        expected: 32,
                        found: id.len(),
                    })?)),
                    signature: Signature::from_bytes(&fields.array()?)
                        .map_err(|_| DecodeError::OutOfRange("lot_signature"))?,
                }),
            },
            nonce: u64::from_be_bytes(fields.array()?),
        };
        if header.extra_data.len() > EXTRA_DATA_BYTES_MAX {
            return Err(DecodeError::OutOfRange("extra_data"));
        }
        fields.finish()?;
        Ok(header)
    }
}
