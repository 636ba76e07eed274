//! What a LeagueJoin carries: all that the public chain must know of a league from its first day.

use alloc::{collections::BTreeSet, string::String, vec::Vec};

use mbt_crypto::{
    Address, H256, InvalidSignature, PublicKey, Signature, U256,
    eip712::{Encoder, TypedStruct},
    keccak256,
};
use rlp::{Encodable, RlpStream};

use super::{PayloadError, SystemType, domain, limits};
use crate::{
    LeagueFields,
    chain_id::is_league_of,
    codec::{Decode, DecodeError, Reader},
};

/// How a league decides its blocks (SPEC 7).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum ConsensusKind {
    /// Pledged validators on a ring.
    Ldpos = 1,
    /// Practical Byzantine fault tolerance.
    Pbft = 2,
    /// Crash faults only.
    Raft = 3,
}

impl ConsensusKind {
    /// Returns the kind of a number in a micro-protocol.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        match number {
            1 => Some(Self::Ldpos),
            2 => Some(Self::Pbft),
            3 => Some(Self::Raft),
            _ => None,
        }
    }
}

/// A node of a league that talks with the public chain.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Gateway {
    /// The key by which the encrypted channel knows it.
    pub public_key: PublicKey,
    /// Where it listens, as a multiaddr: printable ASCII without spaces.
    pub address: String,
}

/// A league's communication parameters. Their hash is in its account (SPEC 3).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MicroProtocol {
    /// The league's chain id.
    pub chain_id: u64,
    /// Version of what gateways speak.
    pub protocol_version: u64,
    /// How blocks are decided.
    pub consensus: ConsensusKind,
    /// Who speaks for the league, at least one.
    pub gateways: Vec<Gateway>,
}

/// A validator of a league's first epoch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LeagueValidator {
    /// The key that it votes with.
    pub public_key: PublicKey,
    /// Its part of the transaction's value.
    pub pledge: U256,
    /// Its signature of [`LeagueJoin::possession_hash`] in EIP-2098's 64 bytes: the key is its own,
    /// and it takes part in this league with this pledge.
    pub proof_of_possession: [u8; 64],
}

/// The payload of type 0x4a.
///
/// The header and the parameters are bytes whose meaning the crates above give: a league's header
/// is defined where its consensus is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LeagueJoin {
    /// RLP of the league's genesis header.
    pub genesis_header: Vec<u8>,
    /// Encoding of what the league's genesis fixes beside its header.
    pub parameters: Vec<u8>,
    /// Communication parameters.
    pub micro_protocol: MicroProtocol,
    /// The validators of the first epoch; a certificate's bits follow their order.
    pub validators: Vec<LeagueValidator>,
}

/// What a validator signs to take part in a league.
struct Possession {
    league_chain_id: u64,
    genesis_root: H256,
    validator: Address,
    pledge: U256,
}

impl TypedStruct for Possession {
    const TYPE: &'static str =
        "Possession(uint64 leagueChainId,bytes32 genesisRoot,address validator,uint256 pledge)";

    fn encode_data(&self, data: &mut Encoder) {
        data.uint(self.league_chain_id).word(self.genesis_root);
        data.address(self.validator).uint(self.pledge);
    }
}

impl MicroProtocol {
    /// Returns the hash that the league's account holds: Keccak-256 of the RLP.
    #[must_use]
    pub fn hash(&self) -> H256 {
        keccak256(rlp::encode(self))
    }
}

impl LeagueJoin {
    /// Returns the two fields that the league's account gets.
    #[must_use]
    pub fn league_fields(&self) -> LeagueFields {
        LeagueFields {
            micro_protocol: self.micro_protocol.hash(),
            genesis_root: keccak256(&self.genesis_header),
        }
    }

    /// Returns the sum of the validators' pledges; none on overflow.
    #[must_use]
    pub fn pledged(&self) -> Option<U256> {
        self.validators
            .iter()
            .try_fold(U256::zero(), |sum, validator| sum.checked_add(validator.pledge))
    }

    /// Returns what `validator` signs to prove that it holds its key: EIP-712's digest of
    /// `Possession(uint64 leagueChainId,bytes32 genesisRoot,address validator,uint256 pledge)` in
    /// the domain "MBT League" of the registry on `public_chain_id`.
    #[must_use]
    pub fn possession_hash(&self, public_chain_id: u64, validator: &LeagueValidator) -> H256 {
        let possession = Possession {
            league_chain_id: self.micro_protocol.chain_id,
            genesis_root: keccak256(&self.genesis_header),
            validator: validator.public_key.address(),
            pledge: validator.pledge,
        };
        domain(SystemType::LeagueJoin, public_chain_id).digest(&possession)
    }

    /// Verifies every validator's proof of possession.
    ///
    /// # Errors
    /// The first proof's that does not hold.
    pub fn verify_possession(&self, public_chain_id: u64) -> Result<(), InvalidSignature> {
        self.validators.iter().try_for_each(|validator| {
            let hash = self.possession_hash(public_chain_id, validator);
            let proof = Signature::from_eip2098(&validator.proof_of_possession)?;
            proof.verify(hash, validator.public_key.address())
        })
    }

    /// Checks what needs neither state nor signatures.
    pub(super) fn check(&self, public_chain_id: u64, value: U256) -> Result<(), PayloadError> {
        let seen = self.micro_protocol.chain_id;
        if !is_league_of(seen, public_chain_id) {
            return Err(PayloadError::LeagueChainId { seen, public_chain_id });
        }
        let validators = self.validators.iter().map(|validator| &validator.public_key);
        if let Some(twice) = first_duplicate(validators) {
            return Err(PayloadError::DuplicateValidator(twice));
        }
        let gateways = self.micro_protocol.gateways.iter().map(|gateway| &gateway.public_key);
        if let Some(twice) = first_duplicate(gateways) {
            return Err(PayloadError::DuplicateGateway(twice));
        }
        if self.pledged() != Some(value) {
            return Err(PayloadError::PledgeMismatch { value });
        }
        Ok(())
    }
}

fn first_duplicate<'a>(mut keys: impl Iterator<Item = &'a PublicKey>) -> Option<Address> {
    let mut seen = BTreeSet::new();
    keys.find(|key| !seen.insert(key.to_compressed())).map(PublicKey::address)
}

impl Encodable for Gateway {
    fn rlp_append(&self, stream: &mut RlpStream) {
        stream.begin_list(2);
        stream.append(&self.public_key.to_compressed().as_slice());
        stream.append(&self.address);
    }
}

impl Decode for Gateway {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut fields = reader.list()?;
        let public_key = read_key(&mut fields)?;
        let address =
            fields.bytes_up_to("gateway address", limits::GATEWAY_ADDRESS_BYTES)?.to_vec();
        fields.finish()?;
        let printable = !address.is_empty() && address.iter().all(u8::is_ascii_graphic);
        match String::from_utf8(address) {
            Ok(address) if printable => Ok(Self { public_key, address }),
            _ => Err(DecodeError::OutOfRange("gateway address")),
        }
    }
}

impl Encodable for MicroProtocol {
    fn rlp_append(&self, stream: &mut RlpStream) {
        stream.begin_list(4);
        stream.append(&self.chain_id).append(&self.protocol_version);
        stream.append(&(self.consensus as u8)).append_list(&self.gateways);
    }
}

impl Decode for MicroProtocol {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut fields = reader.list()?;
        let record = Self {
            chain_id: fields.u64()?,
            protocol_version: fields.u64()?,
            consensus: ConsensusKind::from_number(fields.u64()?)
                .ok_or(DecodeError::OutOfRange("consensus"))?,
            gateways: fields.list_of("gateways", limits::GATEWAYS, Gateway::read)?,
        };
        fields.finish()?;
        if record.gateways.is_empty() {
            return Err(DecodeError::OutOfRange("gateways"));
        }
        Ok(record)
    }
}

impl Encodable for LeagueValidator {
    fn rlp_append(&self, stream: &mut RlpStream) {
        stream.begin_list(3);
        stream.append(&self.public_key.to_compressed().as_slice()).append(&self.pledge);
        stream.append(&self.proof_of_possession.as_slice());
    }
}

impl Decode for LeagueValidator {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut fields = reader.list()?;
        let validator = Self {
            public_key: read_key(&mut fields)?,
            pledge: fields.u256()?,
            proof_of_possession: fields.array()?,
        };
        fields.finish()?;
        Ok(validator)
    }
}

impl Encodable for LeagueJoin {
    fn rlp_append(&self, stream: &mut RlpStream) {
        stream.begin_list(4);
        stream.append(&self.genesis_header).append(&self.parameters);
        stream.append(&self.micro_protocol).append_list(&self.validators);
    }
}

impl Decode for LeagueJoin {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut fields = reader.list()?;
        let genesis_header = fields.bytes_up_to("genesis header", limits::HEADER_BYTES)?.to_vec();
        let parameters = fields.bytes_up_to("parameters", limits::PARAMETERS_BYTES)?.to_vec();
        let join = Self {
            genesis_header,
            parameters,
            micro_protocol: MicroProtocol::read(&mut fields)?,
            validators: fields.list_of("validators", limits::VALIDATORS, LeagueValidator::read)?,
        };
        fields.finish()?;
        if join.validators.is_empty() {
            return Err(DecodeError::OutOfRange("validators"));
        }
        Ok(join)
    }
}

fn read_key(reader: &mut Reader<'_>) -> Result<PublicKey, DecodeError> {
    let bytes: [u8; 33] = reader.array()?;
    PublicKey::from_sec1(&bytes).map_err(|_| DecodeError::OutOfRange("public key"))
}
