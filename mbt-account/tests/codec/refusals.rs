//! Encodings that are refused, each for its reason.

use mbt_account::{
    InvalidTransaction, Kind, SignaturePolicy, SignedTransaction, Transaction, TransactionError,
    codec::DecodeError,
    intrinsic_gas,
    system::{
        ConsensusKind, EvidenceRecord, FinalityCertificate, Gateway, LeagueJoin, LeagueValidator,
        MicroProtocol, Notarize, Payload, PayloadError, ReceiptProof, SystemType, limits,
    },
};
use mbt_crypto::{Address, H256, InvalidSignature, SecretKey, Signature, U256};
use proptest::prelude::*;
use rlp::RlpStream;

use super::values::{own, signed};

const CHAIN: u64 = 31_337;

fn key(byte: u8) -> SecretKey {
    SecretKey::from_bytes([byte; 32]).unwrap()
}

fn join() -> LeagueJoin {
    let gateways =
        vec![Gateway { public_key: key(1).public_key(), address: "/ip4/127.0.0.1/tcp/1".into() }];
    let mut join = LeagueJoin {
        genesis_header: vec![0xc0],
        parameters: vec![],
        micro_protocol: MicroProtocol {
            chain_id: CHAIN << 28 | 1,
            protocol_version: 1,
            consensus: ConsensusKind::Ldpos,
            gateways,
        },
        validators: vec![],
    };
    for byte in 1..=4 {
        let mut validator = LeagueValidator {
            public_key: key(byte).public_key(),
            pledge: U256::from(byte) * 100,
            proof_of_possession: [0; 64],
        };
        let hash = join.possession_hash(CHAIN, &validator);
        validator.proof_of_possession = key(byte).sign(hash).to_eip2098();
        join.validators.push(validator);
    }
    join
}

fn notarize() -> Notarize {
    let record = EvidenceRecord {
        league: Address([1; 20]),
        author: key(7).address(),
        league_transaction: H256([2; 32]),
        content_hash: H256([3; 32]),
        data: b"delivered".to_vec(),
        deadline: 100,
    };
    let certificate = FinalityCertificate {
        epoch: 1,
        view: 9,
        signers: 0b1011.into(),
        signatures: vec![[5; 64]; 3],
    };
    Notarize {
        record_signature: key(7).sign(record.signing_hash(CHAIN)).to_eip2098(),
        record,
        receipt: ReceiptProof { header: vec![0xc0], index: 4, nodes: vec![vec![0xc0]; 3] },
        certificate,
    }
}

fn transaction(payload: &Payload) -> Transaction {
    let system = payload.system_type();
    let kind = Kind::System {
        system,
        chain_id: CHAIN,
        max_priority_fee_per_gas: 1.into(),
        max_fee_per_gas: 2.into(),
        access_list: vec![],
    };
    let value = match payload {
        Payload::LeagueJoin(join) => join.pledged().unwrap(),
        Payload::Notarize(_) => U256::zero(),
    };
    let (to, input) = (Some(system.contract()), payload.encode());
    Transaction { kind, nonce: 0, gas_limit: 1_000_000, to, value, input }
}

fn decoded(transaction: Transaction) -> Result<SignedTransaction, TransactionError> {
    SignedTransaction::decode(&transaction.sign(&key(9)).encode())
}

fn refusal(payload: &Payload) -> DecodeError {
    match decoded(transaction(payload)) {
        Err(TransactionError::Decode(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// Changes the payload, and returns why its transaction is refused.
fn refused_join(change: impl FnOnce(&mut LeagueJoin)) -> DecodeError {
    let mut payload = join();
    change(&mut payload);
    refusal(&Payload::from(payload))
}

fn refused_notarize(change: impl FnOnce(&mut Notarize)) -> DecodeError {
    let mut payload = notarize();
    change(&mut payload);
    refusal(&Payload::from(payload))
}

#[test]
fn own_types_are_signed_recovered_and_priced_like_type_2() {
    for payload in [Payload::from(join()), Payload::from(notarize())] {
        let transaction = transaction(&payload);
        let signed = decoded(transaction.clone()).unwrap();
        assert_eq!(signed.tx_type(), payload.system_type().tx_type());
        assert_eq!(signed.payload(), Ok(Some(payload)));
        assert_eq!(signed.check(), Ok(()));
        let policy = SignaturePolicy::pool(CHAIN);
        let (bytes, sender) = (signed.encode(), signed.recover_under(&policy).unwrap().sender());
        assert_eq!(sender, key(9).address());

        // The same fields as type 2 differ in the type byte and what is signed, and cost the same.
        let Kind::System { max_priority_fee_per_gas, max_fee_per_gas, access_list, .. } =
            transaction.kind.clone()
        else {
            unreachable!("an own type is made above");
        };
        let kind = Kind::DynamicFee {
            chain_id: CHAIN,
            max_priority_fee_per_gas,
            max_fee_per_gas,
            access_list,
        };
        let twin = Transaction { kind, ..transaction.clone() };
        assert_ne!(twin.signing_hash(), transaction.signing_hash());
        assert_eq!(intrinsic_gas(&twin), intrinsic_gas(&transaction));
        let twin = twin.sign(&key(9)).encode();
        assert_eq!(twin[1..10], bytes[1..10]);
        assert_eq!(twin.len(), bytes.len());
    }
}

#[test]
fn proofs_in_payloads_hold_for_one_key_chain_and_content() {
    let good = join();
    assert_eq!(good.verify_possession(CHAIN), Ok(()));
    assert!(good.verify_possession(CHAIN + 1).is_err());
    let changes: [fn(&mut LeagueJoin); 5] = [
        |join| join.validators[0].pledge = 1.into(),
        |join| join.genesis_header = vec![0xc1, 0x80],
        |join| join.micro_protocol.chain_id += 1,
        |join| join.validators[0].public_key = key(5).public_key(),
        |join| join.validators[0].proof_of_possession = [0; 64],
    ];
    for change in changes {
        let mut bad = join();
        change(&mut bad);
        assert!(bad.verify_possession(CHAIN).is_err());
    }

    assert_eq!(notarize().verify_record(CHAIN), Ok(()));
    assert!(notarize().verify_record(CHAIN + 1).is_err());
    let changes: [fn(&mut Notarize); 7] = [
        |notarize| notarize.record.league = Address::ZERO,
        |notarize| notarize.record.author = Address::ZERO,
        |notarize| notarize.record.league_transaction = H256::zero(),
        |notarize| notarize.record.content_hash = H256::zero(),
        |notarize| notarize.record.data.clear(),
        |notarize| notarize.record.deadline += 1,
        // The parity.
        |notarize| notarize.record_signature[32] ^= 0x80,
    ];
    for change in changes {
        let mut bad = notarize();
        change(&mut bad);
        assert!(bad.verify_record(CHAIN).is_err());
    }
}

#[test]
fn league_fields_are_hashes_of_what_was_joined_with() {
    let (one, mut other) = (join(), join());
    other.micro_protocol.gateways[0].address.push('1');
    other.genesis_header.push(0);
    assert_eq!(one.league_fields(), join().league_fields());
    assert_ne!(one.league_fields().micro_protocol, other.league_fields().micro_protocol);
    assert_ne!(one.league_fields().genesis_root, other.league_fields().genesis_root);
}

#[test]
fn every_part_of_a_league_join_is_bounded() {
    let too_long = |field, max: usize| DecodeError::TooLong { field, max, found: max + 1 };
    assert_eq!(
        refused_join(|join| join.genesis_header = vec![1; limits::HEADER_BYTES + 1]),
        too_long("genesis header", limits::HEADER_BYTES)
    );
    assert_eq!(
        refused_join(|join| join.parameters = vec![1; limits::PARAMETERS_BYTES + 1]),
        too_long("parameters", limits::PARAMETERS_BYTES)
    );
    let address = "1".repeat(limits::GATEWAY_ADDRESS_BYTES + 1);
    assert_eq!(
        refused_join(|join| join.micro_protocol.gateways[0].address = address),
        too_long("gateway address", limits::GATEWAY_ADDRESS_BYTES)
    );
    for address in ["", "two words", "n\u{f6}"] {
        assert_eq!(
            refused_join(|join| join.micro_protocol.gateways[0].address = address.into()),
            DecodeError::OutOfRange("gateway address")
        );
    }
    assert_eq!(
        refused_join(|join| {
            let gateway = join.micro_protocol.gateways[0].clone();
            join.micro_protocol.gateways = vec![gateway; limits::GATEWAYS + 1];
        }),
        DecodeError::TooMany { list: "gateways", max: limits::GATEWAYS }
    );
    assert_eq!(
        refused_join(|join| join.micro_protocol.gateways.clear()),
        DecodeError::OutOfRange("gateways")
    );
    assert_eq!(
        refused_join(|join| {
            join.validators = vec![join.validators[0].clone(); limits::VALIDATORS + 1];
        }),
        DecodeError::TooMany { list: "validators", max: limits::VALIDATORS }
    );
    assert_eq!(refused_join(|join| join.validators.clear()), DecodeError::OutOfRange("validators"));
}

#[test]
fn every_part_of_a_notarize_is_bounded() {
    let too_long = |field, max: usize| DecodeError::TooLong { field, max, found: max + 1 };
    assert_eq!(
        refused_notarize(|notarize| notarize.record.data = vec![1; limits::EVIDENCE_BYTES + 1]),
        too_long("evidence", limits::EVIDENCE_BYTES)
    );
    assert_eq!(
        refused_notarize(|notarize| notarize.receipt.header = vec![1; limits::HEADER_BYTES + 1]),
        too_long("header", limits::HEADER_BYTES)
    );
    let long = vec![1; limits::PROOF_NODE_BYTES + 1];
    assert_eq!(
        refused_notarize(|notarize| notarize.receipt.nodes[0] = long),
        too_long("proof node", limits::PROOF_NODE_BYTES)
    );
    let nodes = vec![vec![]; limits::PROOF_NODES + 1];
    assert_eq!(
        refused_notarize(|notarize| notarize.receipt.nodes = nodes),
        DecodeError::TooMany { list: "proof nodes", max: limits::PROOF_NODES }
    );
    for signers in [0b111_1011_u32, 0b11, 0] {
        assert_eq!(
            refused_notarize(|notarize| notarize.certificate.signers = signers.into()),
            DecodeError::OutOfRange("signatures")
        );
    }
    let signatures = vec![[1; 64]; limits::VALIDATORS + 1];
    assert_eq!(
        refused_notarize(|notarize| notarize.certificate.signatures = signatures),
        DecodeError::TooMany { list: "signatures", max: limits::VALIDATORS }
    );
    let nodes = vec![vec![1; limits::PROOF_NODE_BYTES]; 2];
    assert!(matches!(
        refused_notarize(|notarize| notarize.receipt.nodes = nodes),
        DecodeError::TooLong { field: "payload", max: limits::PAYLOAD_BYTES, .. }
    ));
}

#[test]
fn own_types_go_to_their_contract_and_carry_their_payload() {
    let good = transaction(&Payload::from(notarize()));
    for to in [None, Some(Address::ZERO), Some(SystemType::LeagueJoin.contract())] {
        let bad = Transaction { to, ..good.clone() };
        assert!(
            matches!(
                bad.check(),
                Err(InvalidTransaction::Payload(PayloadError::WrongTarget { tx_type: 0x4e, .. }))
            ) || to.is_none()
        );
        assert_eq!(decoded(bad), Err(DecodeError::OutOfRange("to").into()));
    }
    let bad = Transaction { input: vec![], ..good.clone() };
    assert_eq!(decoded(bad), Err(DecodeError::Truncated.into()));
    let bad = Transaction { input: vec![0xc0], ..good };
    assert_eq!(decoded(bad.clone()), Err(DecodeError::Truncated.into()));
    assert_eq!(
        bad.check(),
        Err(InvalidTransaction::Payload(PayloadError::Decode(DecodeError::Truncated)))
    );
}

#[test]
fn a_league_has_an_id_under_its_public_chain() {
    let check = |chain_id| {
        let mut join = join();
        join.micro_protocol.chain_id = chain_id;
        transaction(&Payload::from(join)).check()
    };
    for good in [CHAIN << 28 | 1, ((CHAIN + 1) << 28) - 1] {
        assert_eq!(check(good), Ok(()), "{good}");
    }
    for seen in [0, 1, CHAIN, CHAIN << 28, (CHAIN + 1) << 28 | 1, u64::MAX] {
        let error = PayloadError::LeagueChainId { seen, public_chain_id: CHAIN };
        assert_eq!(check(seen), Err(InvalidTransaction::Payload(error)), "{seen}");
    }
}

#[test]
fn pledges_are_the_value_and_nobody_is_named_twice() {
    let good = transaction(&Payload::from(join()));
    let value = good.value - 1;
    assert_eq!(
        Transaction { value, ..good }.check(),
        Err(InvalidTransaction::Payload(PayloadError::PledgeMismatch { value }))
    );
    let mut twice = join();
    twice.validators[3] = twice.validators[0].clone();
    let check = |join| transaction(&Payload::from(join)).check();
    assert_eq!(
        check(twice),
        Err(InvalidTransaction::Payload(PayloadError::DuplicateValidator(key(1).address())))
    );
    let mut twice = join();
    let gateway = twice.micro_protocol.gateways[0].clone();
    twice.micro_protocol.gateways.push(gateway);
    assert_eq!(
        check(twice),
        Err(InvalidTransaction::Payload(PayloadError::DuplicateGateway(key(1).address())))
    );
}

#[test]
fn keys_off_the_curve_are_refused() {
    let mut payload = rlp::encode(&join()).to_vec();
    let point = key(1).public_key().to_compressed();
    let at = payload.windows(33).position(|window| window == point).unwrap();
    for (first, last) in [(0x04, point[32]), (0x02, point[32])] {
        payload[at] = first;
        payload[at + 1..at + 32].fill(0xff);
        payload[at + 32] = last;
        let mut bad = transaction(&Payload::from(join()));
        bad.input = payload.clone();
        assert_eq!(decoded(bad), Err(DecodeError::OutOfRange("public key").into()));
    }
}

/// Writes a field as it should not be.
type Odd = fn(&mut RlpStream);

/// A type-2 transfer's fields as an RLP list, the one at `index` written by `odd`.
fn with_field(index: usize, odd: Odd) -> Vec<u8> {
    let mut stream = RlpStream::new_list(12);
    for field in 0..12 {
        match field {
            _ if field == index => odd(&mut stream),
            5 => {
                stream.append(&[1_u8; 20].as_slice());
            }
            7 => {
                stream.append_empty_data();
            }
            8 => {
                stream.begin_list(0);
            }
            9 => {
                stream.append(&1_u8);
            }
            _ => {
                stream.append(&1_u8);
            }
        }
    }
    [&[2], stream.out().as_ref()].concat()
}

#[test]
fn integers_have_one_spelling() {
    let decode = |index, odd| SignedTransaction::decode(&with_field(index, odd));
    assert!(decode(12, |_| {}).is_ok());
    for index in [0, 1, 2, 3, 4, 6, 9, 10, 11] {
        let leading_zero = decode(index, |stream| {
            stream.append(&[0_u8, 1].as_slice());
        });
        assert_eq!(leading_zero, Err(DecodeError::NotCanonical.into()), "{index}");
        let zero_byte = decode(index, |stream| {
            stream.append_raw(&[0x00], 1);
        });
        assert_eq!(zero_byte, Err(DecodeError::NotCanonical.into()), "{index}");
        let long_form = decode(index, |stream| {
            stream.append_raw(&[0x81, 0x01], 1);
        });
        assert_eq!(long_form, Err(DecodeError::NotCanonical.into()), "{index}");
        let oversize = decode(index, |stream| {
            stream.append(&[1_u8; 33].as_slice());
        });
        assert_eq!(oversize, Err(DecodeError::IntegerTooLarge(33).into()), "{index}");
        let list = decode(index, |stream| {
            stream.begin_list(0);
        });
        assert_eq!(list, Err(DecodeError::UnexpectedList.into()), "{index}");
    }
    let addresses: [(usize, Odd); 3] = [
        (1, |stream| {
            stream.append(&[1_u8].as_slice());
        }),
        (19, |stream| {
            stream.append(&[1_u8; 19].as_slice());
        }),
        (21, |stream| {
            stream.append(&[1_u8; 21].as_slice());
        }),
    ];
    for (found, odd) in addresses {
        let error = DecodeError::WrongLength { expected: 20, found };
        assert_eq!(decode(5, odd), Err(error.into()));
    }
}

#[test]
fn parity_is_a_bit() {
    for v in 2..0x80_u8 {
        let mut bytes = with_field(12, |_| {});
        // The parity is the third item from the end, and the three are one byte each.
        let at = bytes.len() - 3;
        bytes[at] = v;
        assert_eq!(SignedTransaction::decode(&bytes), Err(TransactionError::InvalidV(v.into())));
    }
}

proptest! {
    #[test]
    fn shortened_and_lengthened_encodings_are_refused(signed in signed(), cut: usize, more: u8) {
        let bytes = signed.encode();
        prop_assert!(SignedTransaction::decode(&bytes[..cut % bytes.len()]).is_err());
        let longer = [bytes.as_slice(), &[more]].concat();
        prop_assert_eq!(
            SignedTransaction::decode(&longer),
            Err(DecodeError::TrailingBytes(1).into())
        );
    }

    #[test]
    fn the_other_half_of_s_is_refused_under_every_policy_of_ours(signed in signed()) {
        let order = U256::from_dec_str(
            "115792089237316195423570985008687907852837564279074904382605163141518161494337",
        )
        .unwrap();
        let Signature { r, s, y_parity } = *signed.signature();
        let s = (order - U256::from_big_endian(&s)).to_big_endian();
        let malleated = Signature { r, s, y_parity: !y_parity };
        let high = SignedTransaction::new(Transaction::clone(&signed), malleated);
        prop_assert_ne!(high.hash(), signed.hash());
        // Decoding takes it: tools show what others sent. Recovery does not.
        prop_assert_eq!(SignedTransaction::decode(&high.encode()), Ok(high.clone()));
        prop_assert_eq!(high.clone().recover(), Err(InvalidSignature::HighS));
        let chain_id = signed.chain_id().unwrap_or(CHAIN);
        for policy in [SignaturePolicy::block(chain_id), SignaturePolicy::pool(chain_id)] {
            prop_assert!(high.clone().recover_under(&policy).is_err());
        }
        let frontier = SignaturePolicy::frontier(chain_id);
        prop_assert_eq!(high.recover_under(&frontier).unwrap().sender(), key(9).address());
    }

    #[test]
    fn damaged_payloads_are_refused_or_are_their_values_own(
        transaction in own(),
        at: usize,
        with: u8,
    ) {
        let mut transaction = transaction;
        let at = at % transaction.input.len();
        transaction.input[at] = with;
        if let Ok(signed) = decoded(transaction) {
            let payload = signed.payload().unwrap().unwrap();
            prop_assert_eq!(payload.encode(), signed.input.clone());
        }
    }
}
