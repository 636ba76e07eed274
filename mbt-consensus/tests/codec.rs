//! The encodings of headers and blocks: one value, one encoding, and nothing else is taken.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test fails by panicking, and shares its helpers"
)]

mod common;

use common::*;
use mbt_account::{AccessListItem, Bloom, Kind, RecoveredTransaction, Transaction, codec::Decode};
use mbt_consensus::*;
use mbt_crypto::{Address, H256, SecretKey, U256, keccak256};
use proptest::prelude::*;

fn any_hash() -> impl Strategy<Value = H256> {
    any::<[u8; 32]>().prop_map(H256)
}

prop_compose! {
    fn any_lot()(id in any_hash(), seed in 1_u8..255, message in any_hash()) -> Lot {
        let signature = SecretKey::from_bytes([seed; 32]).unwrap().sign(message);
        Lot { id: LotId(id), signature }
    }
}

prop_compose! {
    fn any_header()(
        parent in any_hash(), roots in [any_hash(), any_hash(), any_hash(), any_hash()],
        number: u64, timestamp: u64, miner: [u8; 20], bloom: u8, target in any_hash(),
        gas_limit: u64, gas_used: u64, base_fee in any_hash(),
        extra_data in prop::collection::vec(any::<u8>(), 0..=32),
        lot in prop::option::of(any_lot()), nonce: u64,
    ) -> Header {
        Header {
            parent_hash: BlockId(parent), number, timestamp, miner: Address(miner),
            state_root: roots[0], transactions_root: roots[1], receipts_root: roots[2],
            logs_bloom: Bloom([bloom; 256]), target: U256::from_big_endian(&target.0),
            gas_limit, gas_used, base_fee: U256::from_big_endian(&base_fee.0), extra_data,
            ancestors_root: roots[3], lot, nonce,
        }
    }
}

/// A transaction of each type in turn, and the header that commits to them.
fn block_of(header: Header, count: u64) -> Block {
    let transactions: Vec<_> = (0..count).map(any_type).collect();
    let mut block = Block { header, transactions };
    block.header.transactions_root = block.body().transactions_root();
    block
}

fn any_type(n: u64) -> RecoveredTransaction {
    let access_list =
        vec![AccessListItem { address: Address([1; 20]), storage_keys: vec![H256([2; 32])] }];
    let kind = match n % 3 {
        0 => return transfer(1, n, Address([7; 20]), n),
        1 => Kind::AccessList { chain_id: 31_337, gas_price: n.into(), access_list },
        _ => Kind::DynamicFee {
            chain_id: 31_337,
            max_priority_fee_per_gas: n.into(),
            max_fee_per_gas: n.into(),
            access_list,
        },
    };
    let (to, value, input) = (None, n.into(), vec![0; 40]);
    Transaction { kind, nonce: n, gas_limit: GAS, to, value, input }
        .sign(&key(2))
        .recover()
        .unwrap()
}

/// What happens to bytes on their way.
#[derive(Clone, Debug)]
enum Damage {
    Flip(prop::sample::Index, u8),
    Truncate(prop::sample::Index),
    Insert(prop::sample::Index, u8),
    Remove(prop::sample::Index),
}

fn any_damage() -> impl Strategy<Value = Damage> {
    let place = any::<prop::sample::Index>;
    prop_oneof![
        (place(), 1_u8..).prop_map(|(place, bits)| Damage::Flip(place, bits)),
        place().prop_map(Damage::Truncate),
        (place(), any::<u8>()).prop_map(|(place, byte)| Damage::Insert(place, byte)),
        place().prop_map(Damage::Remove),
    ]
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let length = bytes.len();
        match self {
            Self::Flip(place, bits) => bytes[place.index(length)] ^= bits,
            Self::Truncate(place) => bytes.truncate(place.index(length)),
            Self::Insert(place, byte) => bytes.insert(place.index(length), *byte),
            Self::Remove(place) => drop(bytes.remove(place.index(length))),
        }
    }
}

proptest! {
    #[test]
    fn headers_survive_a_round_trip(header in any_header()) {
        let bytes = rlp::encode(&header);
        prop_assert_eq!(keccak256(&bytes), header.id().0);
        prop_assert_eq!(Header::decode(&bytes).unwrap(), header);
    }

    #[test]
    fn a_changed_byte_is_another_header_or_none(
        header in any_header(), place: prop::sample::Index, flip in 1_u8..=255,
    ) {
        let mut bytes = rlp::encode(&header).to_vec();
        let place = place.index(bytes.len());
        bytes[place] ^= flip;
        if let Ok(other) = Header::decode(&bytes) {
            prop_assert_ne!(other.id(), header.id());
            prop_assert_eq!(rlp::encode(&other).to_vec(), bytes);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        if let Ok(header) = Header::decode(&bytes) {
            prop_assert_eq!(rlp::encode(&header).to_vec(), bytes.clone());
        }
        if let Ok(body) = Body::decode(&bytes) {
            prop_assert_eq!(rlp::encode(&body).to_vec(), bytes.clone());
        }
        if let Ok(block) = RawBlock::decode(&bytes) {
            prop_assert_eq!(block.encode(), bytes);
        }
    }

    #[test]
    fn blocks_survive_a_round_trip(header in any_header(), count in 0_u64..4) {
        let block = block_of(header, count);
        let bytes = block.encode();
        let raw = RawBlock::decode(&bytes).unwrap();
        prop_assert_eq!(raw.encode(), bytes);
        let body = rlp::encode(&raw.body);
        prop_assert_eq!(&Block::join(raw.header.clone(), &body), &Ok(block.clone()));
        prop_assert_eq!(raw.recover(), Ok(block));
    }

    #[test]
    fn damaged_blocks_are_refused_or_other_blocks(
        header in any_header(), count in 0_u64..4,
        damages in prop::collection::vec(any_damage(), 1..4),
    ) {
        let block = block_of(header, count);
        let (mut bytes, mut body) = (block.encode(), rlp::encode(&block.body()).to_vec());
        for damage in &damages {
            damage.apply(&mut bytes);
            damage.apply(&mut body);
        }
        if let Ok(other) = RawBlock::decode(&bytes) {
            prop_assert_eq!(other.encode(), bytes);
        }
        if let Ok(other) = Body::decode(&body) {
            prop_assert_eq!(rlp::encode(&other).to_vec(), body.clone());
        }
        // A header vouches for one body: other bytes never prove its block invalid.
        match Block::join(block.header.clone(), &body) {
            Ok(joined) => prop_assert_eq!(joined, block),
            Err(error) => prop_assert_eq!(error, BodyError::Foreign),
        }
    }

    #[test]
    fn the_lots_owner_signs_all_but_nonce_and_signature(
        header in any_header(), other in any_lot(), nonce: u64,
    ) {
        let hash = header.lot_signing_hash(5_063_252);
        let sealed = Header { nonce, ..header.clone() };
        prop_assert_eq!(sealed.lot_signing_hash(5_063_252), hash);
        prop_assert_ne!(header.lot_signing_hash(5_063_253), hash);
        let moved = Header { timestamp: header.timestamp ^ 1, ..header.clone() };
        prop_assert_ne!(moved.lot_signing_hash(5_063_252), hash);
        if let Some(lot) = header.lot {
            let lot = Lot { signature: other.signature, ..lot };
            let signed_again = Header { lot: Some(lot), ..header.clone() };
            prop_assert_eq!(signed_again.lot_signing_hash(5_063_252), hash);
            prop_assert_ne!(signed_again.seal_hash(), header.seal_hash());
        }
    }
}

#[test]
fn trailing_and_missing_items_are_refused() {
    let block = Block { header: Header::default(), transactions: Vec::new() };
    let mut bytes = block.encode();
    bytes.push(0x80);
    assert!(RawBlock::decode(&bytes).is_err());
    let mut stream = rlp::RlpStream::new_list(1);
    stream.append(&block.header);
    assert!(RawBlock::decode(&stream.out()).is_err());
    let mut stream = rlp::RlpStream::new_list(3);
    stream.append(&block.header).append(&block.body()).append_empty_data();
    assert!(RawBlock::decode(&stream.out()).is_err());
    assert!(Body::decode(&[0x80]).is_err());
    assert!(Body::decode(&[]).is_err());
}

#[test]
fn a_body_above_the_bound_is_refused_unread() {
    let mut bytes = vec![0xfa];
    let length = u32::try_from(BODY_BYTES_MAX).unwrap();
    bytes.extend_from_slice(&length.to_be_bytes()[1..]);
    bytes.resize(bytes.len() + BODY_BYTES_MAX, 0);
    assert!(Body::decode(&bytes).unwrap_err().to_string().contains("longer than"));
}
