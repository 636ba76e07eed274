//! What is signed.

use alloc::vec::Vec;

use primitive_types::{H256, U256};

use crate::{
    Address, InvalidSignature, RecoveryPolicy, SecretKey, Signature,
    eip712::{Domain, Encoder, TypedStruct, digest},
    keccak256,
};

/// Returns the domain of every proxy signature: the contract PAPC on the public chain.
#[must_use]
pub fn domain(public_chain_id: U256, papc: Address) -> Domain {
    Domain {
        name: Some("MCTA".into()),
        version: Some("1".into()),
        chain_id: Some(public_chain_id),
        verifying_contract: Some(papc),
        salt: None,
    }
}

/// "I am a member of this epoch's ring and hold my key": the proof of possession without which
/// nobody is one.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Membership {
    /// The league's account.
    pub league: Address,
    /// The epoch.
    pub epoch: u64,
    /// The member, who signs.
    pub member: Address,
}

/// "`proxy` may sign for me, within these bounds." Signed by the delegator.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Warrant {
    /// The league's account.
    pub league: Address,
    /// Who delegates, and signs.
    pub delegator: Address,
    /// Who may sign for the delegator.
    pub proxy: Address,
    /// The epoch it dies with.
    pub epoch: u64,
    /// First public height at which it is in force.
    pub valid_from: u64,
    /// Last public height at which it is in force.
    pub valid_until: u64,
    /// [`Scope::hash`](super::Scope::hash) of what may be done.
    pub scope: H256,
    /// Most coin of one transfer, in the smallest unit.
    pub per_tx_cap: U256,
    /// Most coin in any window, in the smallest unit.
    pub window_cap: U256,
    /// Rises with every warrant or revocation from this delegator to this proxy; a higher one ends
    /// those below. Not 0, which is where it starts, and not the greatest, which nothing could end.
    pub serial: u64,
}

/// "Whatever I gave `proxy` up to this serial no longer holds." Signed by the delegator.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Revocation {
    /// The league's account.
    pub league: Address,
    /// Who delegated, and signs.
    pub delegator: Address,
    /// Whose power ends.
    pub proxy: Address,
    /// The epoch.
    pub epoch: u64,
    /// Higher than the serial it ends.
    pub serial: u64,
}

/// One proxy's word that a transfer shall happen. Signed by the proxy.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct ProxyOp {
    /// The league's account.
    pub league: Address,
    /// The epoch.
    pub epoch: u64,
    /// Who signs.
    pub proxy: Address,
    /// For whom besides itself: bit i is the ring's member i.
    pub principals: U256,
    /// [`warrant_root`](Self::root_of) of the warrants it acts under.
    pub warrant_root: H256,
    /// What is done: [`op_kind`](super::op_kind).
    pub op_kind: H256,
    /// The transfer.
    pub transfer_id: H256,
    /// The league's transaction that it follows from.
    pub league_tx_hash: H256,
    /// The block of that transaction.
    pub league_block_hash: H256,
    /// Who is paid.
    pub to: Address,
    /// Coin, in the smallest unit.
    pub amount: U256,
    /// Last public height at which it counts.
    pub deadline: u64,
}

impl ProxyOp {
    /// Returns the root of warrants by their `hashStruct`, in the order of the principals' bits.
    #[must_use]
    pub fn root_of(warrants: impl IntoIterator<Item = H256>) -> H256 {
        let mut bytes = Vec::new();
        for hash in warrants {
            bytes.extend_from_slice(hash.as_bytes());
        }
        keccak256(bytes)
    }

    /// Whether both tell the same of a transfer, whoever says it, for whom and in which epoch.
    #[must_use]
    pub fn same_content(&self, other: &Self) -> bool {
        (self.league, self.op_kind, self.transfer_id)
            == (other.league, other.op_kind, other.transfer_id)
            && self.league_tx_hash == other.league_tx_hash
            && self.league_block_hash == other.league_block_hash
            && (self.to, self.amount, self.deadline) == (other.to, other.amount, other.deadline)
    }
}

impl TypedStruct for Membership {
    const TYPE: &'static str = "Membership(address league,uint64 epoch,address member)";

    fn encode_data(&self, data: &mut Encoder) {
        data.address(self.league).uint(self.epoch).address(self.member);
    }
}

impl TypedStruct for Warrant {
    const TYPE: &'static str = "Warrant(address league,address delegator,address proxy,\
        uint64 epoch,uint64 validFrom,uint64 validUntil,bytes32 scope,uint256 perTxCap,\
        uint256 windowCap,uint64 serial)";

    fn encode_data(&self, data: &mut Encoder) {
        data.address(self.league).address(self.delegator).address(self.proxy);
        data.uint(self.epoch).uint(self.valid_from).uint(self.valid_until).word(self.scope);
        data.uint(self.per_tx_cap).uint(self.window_cap).uint(self.serial);
    }
}

impl TypedStruct for Revocation {
    const TYPE: &'static str =
        "Revocation(address league,address delegator,address proxy,uint64 epoch,uint64 serial)";

    fn encode_data(&self, data: &mut Encoder) {
        data.address(self.league).address(self.delegator).address(self.proxy);
        data.uint(self.epoch).uint(self.serial);
    }
}

impl TypedStruct for ProxyOp {
    const TYPE: &'static str = "ProxyOp(address league,uint64 epoch,address proxy,\
        uint256 principals,bytes32 warrantRoot,bytes32 opKind,bytes32 transferId,\
        bytes32 leagueTxHash,bytes32 leagueBlockHash,address to,uint256 amount,uint64 deadline)";

    fn encode_data(&self, data: &mut Encoder) {
        data.address(self.league).uint(self.epoch).address(self.proxy).uint(self.principals);
        data.word(self.warrant_root).word(self.op_kind).word(self.transfer_id);
        data.word(self.league_tx_hash).word(self.league_block_hash);
        data.address(self.to).uint(self.amount).uint(self.deadline);
    }
}

/// A struct with a signature over its digest in some domain. Nothing is checked by making one.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Signed<T> {
    /// What is said.
    pub message: T,
    /// By whom, once [`Signed::verify`] holds.
    pub signature: Signature,
}

impl<T: TypedStruct> Signed<T> {
    /// Signs `message` in `domain`.
    #[must_use]
    pub fn new(key: &SecretKey, domain: &Domain, message: T) -> Self {
        let signature = key.sign(domain.digest(&message));
        Self { message, signature }
    }

    /// Returns who signed, given the domain's separator.
    ///
    /// # Errors
    /// As [`Signature::recover`], with low s demanded.
    pub fn signer(&self, separator: H256) -> Result<Address, InvalidSignature> {
        let digest = digest(separator, self.message.hash_struct());
        self.signature.recover_address(digest, RecoveryPolicy::LowS)
    }

    /// Proves that `signer` signed, given the domain's separator.
    ///
    /// # Errors
    /// As [`Signature::verify`].
    pub fn verify(&self, separator: H256, signer: Address) -> Result<(), InvalidSignature> {
        self.signature.verify(digest(separator, self.message.hash_struct()), signer)
    }
}
