//! Decoders take no bytes but those that their value encodes to, and never panic.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use mbt_account::{
    AccessListItem, Bloom, Kind, LeagueAccount, LeagueFields, Log, PublicAccount, Receipt,
    SignedTransaction, Transaction,
    codec::{Decode, Reader},
};
use mbt_crypto::{Address, H256, SecretKey, U256};
use proptest::{collection::vec, option, prelude::*};
use rlp::Encodable;

fn hash() -> impl Strategy<Value = H256> {
    any::<[u8; 32]>().prop_map(H256)
}

fn number() -> impl Strategy<Value = U256> {
    (any::<[u8; 32]>(), 0..=256_usize)
        .prop_map(|(bytes, shift)| U256::from_big_endian(&bytes) >> shift)
}

fn address() -> impl Strategy<Value = Address> {
    any::<[u8; 20]>().prop_map(Address)
}

fn access_list() -> impl Strategy<Value = Vec<AccessListItem>> {
    let item = (address(), vec(hash(), 0..4))
        .prop_map(|(address, storage_keys)| AccessListItem { address, storage_keys });
    vec(item, 0..4)
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        (option::of(0..=(u64::MAX - 36) / 2), number())
            .prop_map(|(chain_id, gas_price)| Kind::Legacy { chain_id, gas_price }),
        (any::<u64>(), number(), access_list()).prop_map(|(chain_id, gas_price, access_list)| {
            Kind::AccessList { chain_id, gas_price, access_list }
        }),
        (any::<u64>(), number(), number(), access_list()).prop_map(
            |(chain_id, max_priority_fee_per_gas, max_fee_per_gas, access_list)| {
                Kind::DynamicFee {
                    chain_id,
                    max_priority_fee_per_gas,
                    max_fee_per_gas,
                    access_list,
                }
            }
        ),
    ]
}

prop_compose! {
    fn signed()(
        kind in kind(),
        nonce: u64,
        gas_limit: u64,
        to in option::of(address()),
        value in number(),
        input in vec(any::<u8>(), 0..100),
    ) -> SignedTransaction {
        let key = SecretKey::from_bytes([9; 32]).unwrap();
        Transaction { kind, nonce, gas_limit, to, value, input }.sign(&key)
    }
}

prop_compose! {
    fn log()(
        address in address(),
        topics in vec(hash(), 0..=4),
        data in vec(any::<u8>(), 0..100),
    ) -> Log {
        Log { address, topics, data }
    }
}

prop_compose! {
    fn receipt()(
        tx_type in 0..=2_u8,
        succeeded: bool,
        gas: u64,
        logs in vec(log(), 0..4),
    ) -> Receipt {
        Receipt::new(tx_type, succeeded, gas, logs)
    }
}

prop_compose! {
    fn public_account()(
        nonce: u64,
        balance in number(),
        storage_root in hash(),
        code_hash in hash(),
        league in option::of((hash(), hash())),
    ) -> PublicAccount {
        let league = league
            .map(|(micro_protocol, genesis_root)| LeagueFields { micro_protocol, genesis_root });
        PublicAccount { nonce, balance, storage_root, code_hash, league }
    }
}

prop_compose! {
    fn league_account()(nonce: u64, storage_root in hash(), code_hash in hash()) -> LeagueAccount {
        LeagueAccount { nonce, storage_root, code_hash }
    }
}

fn encoded(value: &impl Encodable) -> Vec<u8> {
    rlp::encode(value).to_vec()
}

/// A decoder and the encoder that it must agree with: bytes in, the decoded value's bytes out.
type Identity = fn(&[u8]) -> Option<Vec<u8>>;

const DECODERS: [(&str, Identity); 6] = [
    ("transaction", |bytes| SignedTransaction::decode(bytes).ok().map(|value| value.encode())),
    ("transaction in a block", |bytes| {
        let mut reader = Reader::new(bytes);
        let value = SignedTransaction::read_from_block(&mut reader).ok()?;
        reader.finish().ok()?;
        let mut stream = rlp::RlpStream::new();
        value.append_to_block(&mut stream);
        Some(stream.out().to_vec())
    }),
    ("receipt", |bytes| Receipt::decode(bytes).ok().map(|value| value.encode())),
    ("log", |bytes| Log::decode(bytes).ok().map(|value| encoded(&value))),
    ("public account", |bytes| PublicAccount::decode(bytes).ok().map(|value| encoded(&value))),
    ("league account", |bytes| LeagueAccount::decode(bytes).ok().map(|value| encoded(&value))),
];

fn assert_identity(bytes: &[u8]) -> Result<(), TestCaseError> {
    for (name, identity) in DECODERS {
        if let Some(again) = identity(bytes) {
            prop_assert_eq!(&again, bytes, "{}", name);
        }
    }
    Ok(())
}

/// Changes bytes that are an encoding, so that most of them still look like one.
fn damage(mut bytes: Vec<u8>, at: usize, with: u8, how: u8) -> Vec<u8> {
    let at = at % bytes.len();
    match how % 4 {
        0 => bytes[at] = with,
        1 => bytes.truncate(at),
        2 => bytes.insert(at, with),
        _ => bytes[at] = bytes[at].wrapping_add(1),
    }
    bytes
}

proptest! {
    #[test]
    fn arbitrary_bytes_decode_to_what_encodes_to_them(bytes in vec(any::<u8>(), 0..300)) {
        assert_identity(&bytes)?;
    }

    #[test]
    fn damaged_encodings_are_refused_or_are_their_values_own(
        signed in signed(),
        receipt in receipt(),
        account in public_account(),
        league in league_account(),
        at: usize,
        with: u8,
        how: u8,
    ) {
        let mut log = receipt.logs.first().map(encoded).unwrap_or_default();
        log.push(0);
        for bytes in [signed.encode(), receipt.encode(), encoded(&account), encoded(&league), log] {
            assert_identity(&damage(bytes, at, with, how))?;
        }
    }

    #[test]
    fn values_survive_a_round_trip(
        signed in signed(),
        receipt in receipt(),
        account in public_account(),
        league in league_account(),
    ) {
        let bytes = signed.encode();
        prop_assert_eq!(signed.encoded_length(), bytes.len());
        prop_assert_eq!(SignedTransaction::decode(&bytes), Ok(signed));
        prop_assert_eq!(Receipt::decode(&receipt.encode()), Ok(receipt.clone()));
        for log in receipt.logs {
            prop_assert_eq!(Log::decode(&encoded(&log)), Ok(log));
        }
        prop_assert_eq!(PublicAccount::decode(&encoded(&account)), Ok(account));
        prop_assert_eq!(LeagueAccount::decode(&encoded(&league)), Ok(league));
    }

    #[test]
    fn bloom_holds_all_of_a_receipts_logs(receipt in receipt()) {
        for log in &receipt.logs {
            prop_assert!(receipt.logs_bloom.may_contain(&log.address.0));
            prop_assert!(log.topics.iter().all(|topic| receipt.logs_bloom.may_contain(&topic.0)));
        }
        prop_assert!(!Bloom::ZERO.may_contain(b"anything"));
    }
}
