//! What a Notarize carries: a user's record, and the league's proof that it happened there.

use alloc::vec::Vec;

use mbt_crypto::{
    Address, H256, InvalidSignature, Signature, U256,
    eip712::{Encoder, TypedStruct},
};
use rlp::{Encodable, RlpStream};

use super::{SystemType, domain, limits};
use crate::codec::{Decode, DecodeError, Reader};

/// What a user of a league puts on the public chain, signed by it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct EvidenceRecord {
    /// The league's account.
    pub league: Address,
    /// Whose record it is.
    pub author: Address,
    /// The league's transaction that the record is about.
    pub league_transaction: H256,
    /// Hash of the content.
    pub content_hash: H256,
    /// What of the content is kept in the clear; may be empty.
    pub data: Vec<u8>,
    /// Last height of the public chain at which the record may be put there.
    pub deadline: u64,
}

/// Merkle-Patricia proof of a receipt in a league's block.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ReceiptProof {
    /// RLP of the block's header; the crates above give it its meaning.
    pub header: Vec<u8>,
    /// The receipt's place in the block.
    pub index: u64,
    /// RLP nodes from the root of receipts to the receipt.
    pub nodes: Vec<Vec<u8>>,
}

/// Signatures that make a league's block final (SPEC 7). The block is named beside it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct FinalityCertificate {
    /// The validators' epoch.
    pub epoch: u64,
    /// The view in which all signed; 0 of PBFT and Raft.
    pub view: u64,
    /// Bit i is validator i of the epoch.
    pub signers: U256,
    /// One EIP-2098 signature a bit, in the order of bits from the lowest.
    pub signatures: Vec<[u8; 64]>,
}

/// The payload of type 0x4e.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Notarize {
    /// What is notarised.
    pub record: EvidenceRecord,
    /// The author's signature of [`EvidenceRecord::signing_hash`] in EIP-2098's 64 bytes.
    pub record_signature: [u8; 64],
    /// Shows what the league's transaction did.
    pub receipt: ReceiptProof,
    /// Makes the proof's block final.
    pub certificate: FinalityCertificate,
}

impl TypedStruct for EvidenceRecord {
    const TYPE: &'static str = "Evidence(address league,address author,bytes32 leagueTransaction,\
                                bytes32 contentHash,bytes data,uint64 deadline)";

    fn encode_data(&self, data: &mut Encoder) {
        data.address(self.league).address(self.author);
        data.word(self.league_transaction).word(self.content_hash);
        data.bytes(&self.data).uint(self.deadline);
    }
}

impl EvidenceRecord {
    /// Returns what the author signs: EIP-712's digest of `Evidence(address league,address
    /// author,bytes32 leagueTransaction,bytes32 contentHash,bytes data,uint64 deadline)` in the
    /// domain "MBT Notary" of the notary on `public_chain_id`.
    #[must_use]
    pub fn signing_hash(&self, public_chain_id: u64) -> H256 {
        domain(SystemType::Notarize, public_chain_id).digest(self)
    }
}

impl Notarize {
    /// Verifies that the author signed the record for this public chain.
    ///
    /// # Errors
    /// [`InvalidSignature`].
    pub fn verify_record(&self, public_chain_id: u64) -> Result<(), InvalidSignature> {
        let signature = Signature::from_eip2098(&self.record_signature)?;
        signature.verify(self.record.signing_hash(public_chain_id), self.record.author)
    }
}

impl Encodable for EvidenceRecord {
    fn rlp_append(&self, stream: &mut RlpStream) {
        stream.begin_list(6);
        stream.append(&self.league.0.as_slice()).append(&self.author.0.as_slice());
        stream.append(&self.league_transaction).append(&self.content_hash);
        stream.append(&self.data).append(&self.deadline);
    }
}

impl Decode for EvidenceRecord {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut fields = reader.list()?;
        let record = Self {
            league: fields.address()?,
            author: fields.address()?,
            league_transaction: fields.hash()?,
            content_hash: fields.hash()?,
            data: fields.bytes_up_to("evidence", limits::EVIDENCE_BYTES)?.to_vec(),
            deadline: fields.u64()?,
        };
        fields.finish()?;
        Ok(record)
    }
}

impl Encodable for ReceiptProof {
    fn rlp_append(&self, stream: &mut RlpStream) {
        stream.begin_list(3);
        stream.append(&self.header).append(&self.index);
        stream.begin_list(self.nodes.len());
        for node in &self.nodes {
            stream.append(node);
        }
    }
}

impl Decode for ReceiptProof {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut fields = reader.list()?;
        let proof = Self {
            header: fields.bytes_up_to("header", limits::HEADER_BYTES)?.to_vec(),
            index: fields.u64()?,
            nodes: fields.list_of("proof nodes", limits::PROOF_NODES, |nodes| {
                nodes.bytes_up_to("proof node", limits::PROOF_NODE_BYTES).map(<[u8]>::to_vec)
            })?,
        };
        fields.finish()?;
        Ok(proof)
    }
}

impl Encodable for FinalityCertificate {
    fn rlp_append(&self, stream: &mut RlpStream) {
        stream.begin_list(4);
        stream.append(&self.epoch).append(&self.view).append(&self.signers);
        stream.begin_list(self.signatures.len());
        for signature in &self.signatures {
            stream.append(&signature.as_slice());
        }
    }
}

impl Decode for FinalityCertificate {
    /// Reads a certificate with as many signatures as bits.
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut fields = reader.list()?;
        let certificate = Self {
            epoch: fields.u64()?,
            view: fields.u64()?,
            signers: fields.u256()?,
            signatures: fields.list_of("signatures", limits::VALIDATORS, Reader::array)?,
        };
        fields.finish()?;
        let bits: u32 = certificate.signers.0.iter().map(|word| word.count_ones()).sum();
        if usize::try_from(bits) != Ok(certificate.signatures.len()) {
            return Err(DecodeError::OutOfRange("signatures"));
        }
        Ok(certificate)
    }
}

impl Encodable for Notarize {
    fn rlp_append(&self, stream: &mut RlpStream) {
        stream.begin_list(4);
        stream.append(&self.record).append(&self.record_signature.as_slice());
        stream.append(&self.receipt).append(&self.certificate);
    }
}

impl Decode for Notarize {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut fields = reader.list()?;
        let notarize = Self {
            record: EvidenceRecord::read(&mut fields)?,
            record_signature: fields.array()?,
            receipt: ReceiptProof::read(&mut fields)?,
            certificate: FinalityCertificate::read(&mut fields)?,
        };
        fields.finish()?;
        Ok(notarize)
    }
}
