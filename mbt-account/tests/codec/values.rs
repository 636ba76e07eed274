//! Values of every encoded type.

use mbt_account::{
    AccessListItem, Kind, LeagueAccount, LeagueFields, Log, PublicAccount, Receipt,
    SignedTransaction, Transaction,
    system::{
        ConsensusKind, EvidenceRecord, FinalityCertificate, Gateway, LeagueJoin, LeagueValidator,
        MicroProtocol, Notarize, Payload, ReceiptProof,
    },
};
use mbt_crypto::{Address, H256, PublicKey, SecretKey, U256};
use proptest::{collection::vec, option, prelude::*};

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

/// Fields of a transaction that is not one of this system's own.
fn ethereum() -> impl Strategy<Value = Transaction> {
    let fields = (any::<u64>(), any::<u64>(), option::of(address()), number());
    (kind(), fields, vec(any::<u8>(), 0..100)).prop_map(
        |(kind, (nonce, gas_limit, to, value), input)| Transaction {
            kind,
            nonce,
            gas_limit,
            to,
            value,
            input,
        },
    )
}

/// A transaction of an own type, whose payload's pledges are its value.
pub(crate) fn own() -> impl Strategy<Value = Transaction> {
    let payload =
        prop_oneof![league_join().prop_map(Payload::from), notarize().prop_map(Payload::from)];
    (payload, any::<[u64; 3]>(), number(), number(), access_list()).prop_map(
        |(payload, [chain_id, nonce, gas_limit], tip, cap, access_list)| {
            let system = payload.system_type();
            let value = match &payload {
                Payload::LeagueJoin(join) => join.pledged().unwrap(),
                Payload::Notarize(_) => U256::zero(),
            };
            let kind = Kind::System {
                system,
                chain_id,
                max_priority_fee_per_gas: tip,
                max_fee_per_gas: cap,
                access_list,
            };
            let (to, input) = (Some(system.contract()), payload.encode());
            Transaction { kind, nonce, gas_limit, to, value, input }
        },
    )
}

/// A transaction of any type.
pub(crate) fn signed() -> impl Strategy<Value = SignedTransaction> {
    let key = SecretKey::from_bytes([9; 32]).unwrap();
    prop_oneof![3 => ethereum(), 1 => own()].prop_map(move |transaction| transaction.sign(&key))
}

fn public_key() -> impl Strategy<Value = PublicKey> {
    (1..=254_u8).prop_map(|byte| SecretKey::from_bytes([byte; 32]).unwrap().public_key())
}

fn compact() -> impl Strategy<Value = [u8; 64]> {
    (any::<[u8; 32]>(), any::<[u8; 32]>()).prop_map(|(r, s)| {
        let mut bytes = [0; 64];
        bytes[..32].copy_from_slice(&r);
        bytes[32..].copy_from_slice(&s);
        bytes
    })
}

fn micro_protocol() -> impl Strategy<Value = MicroProtocol> {
    let gateway = (public_key(), "[!-~]{1,40}")
        .prop_map(|(public_key, address)| Gateway { public_key, address });
    let consensus = prop_oneof![
        Just(ConsensusKind::Ldpos),
        Just(ConsensusKind::Pbft),
        Just(ConsensusKind::Raft)
    ];
    (any::<u64>(), any::<u64>(), consensus, vec(gateway, 1..4)).prop_map(
        |(chain_id, protocol_version, consensus, gateways)| MicroProtocol {
            chain_id,
            protocol_version,
            consensus,
            gateways,
        },
    )
}

prop_compose! {
    pub(crate) fn league_join()(
        genesis_header in vec(any::<u8>(), 0..80),
        parameters in vec(any::<u8>(), 0..80),
        micro_protocol in micro_protocol(),
        validators in vec((public_key(), any::<u128>(), compact()), 1..5),
    ) -> LeagueJoin {
        let validators = validators.into_iter().map(|(public_key, pledge, proof_of_possession)| {
            LeagueValidator { public_key, pledge: pledge.into(), proof_of_possession }
        });
        let validators = validators.collect();
        LeagueJoin { genesis_header, parameters, micro_protocol, validators }
    }
}

prop_compose! {
    fn record()(
        league in address(),
        author in address(),
        league_transaction in hash(),
        content_hash in hash(),
        data in vec(any::<u8>(), 0..80),
        deadline: u64,
    ) -> EvidenceRecord {
        EvidenceRecord { league, author, league_transaction, content_hash, data, deadline }
    }
}

fn certificate() -> impl Strategy<Value = FinalityCertificate> {
    (any::<[u64; 2]>(), any::<u8>(), any::<u8>(), compact()).prop_map(
        |([epoch, view], bits, shift, signature)| {
            let signatures = vec![
                signature;
                (U256::from(bits) << shift)
                    .0
                    .iter()
                    .map(|word| word.count_ones() as usize)
                    .sum()
            ];
            FinalityCertificate { epoch, view, signers: U256::from(bits) << shift, signatures }
        },
    )
}

prop_compose! {
    pub(crate) fn notarize()(
        record in record(),
        record_signature in compact(),
        header in vec(any::<u8>(), 0..80),
        index: u64,
        nodes in vec(vec(any::<u8>(), 0..40), 0..4),
        certificate in certificate(),
    ) -> Notarize {
        Notarize { record, record_signature, receipt: ReceiptProof { header, index, nodes }, certificate }
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
    pub(crate) fn receipt()(
        tx_type in prop::sample::select(vec![0, 1, 2, 0x4a, 0x4e]),
        succeeded: bool,
        gas: u64,
        logs in vec(log(), 0..4),
    ) -> Receipt {
        Receipt::new(tx_type, succeeded, gas, logs)
    }
}

prop_compose! {
    pub(crate) fn public_account()(
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
    pub(crate) fn league_account()(nonce: u64, storage_root in hash(), code_hash in hash()) -> LeagueAccount {
        LeagueAccount { nonce, storage_root, code_hash }
    }
}
