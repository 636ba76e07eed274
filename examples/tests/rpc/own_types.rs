//! Types 0x4a and 0x4e are refused in plain words while nothing gives them a meaning, and type 0x19
//! for ever.

use mbt_account::system::{
    ConsensusKind, EvidenceRecord, FinalityCertificate, Gateway, LeagueJoin, LeagueValidator,
    MicroProtocol, Notarize, Payload, ReceiptProof,
};
use mbt_crypto::{H256, SecretKey};
use serde_json::json;

use crate::node::TestNode;

fn payloads() -> [Payload; 2] {
    let key = SecretKey::from_bytes([1; 32]).unwrap();
    let (public_key, address) = (key.public_key(), "/ip4/127.0.0.1/tcp/1".to_owned());
    let join = LeagueJoin {
        genesis_header: vec![0xc0],
        parameters: vec![],
        micro_protocol: MicroProtocol {
            chain_id: 31_337 << 28 | 1,
            protocol_version: 1,
            consensus: ConsensusKind::Ldpos,
            gateways: vec![Gateway { public_key, address }],
        },
        validators: vec![LeagueValidator {
            public_key,
            pledge: 0.into(),
            proof_of_possession: [0; 64],
        }],
    };
    let notarize = Notarize {
        record: EvidenceRecord {
            league: key.address(),
            author: key.address(),
            league_transaction: H256([1; 32]),
            content_hash: H256([2; 32]),
            data: vec![],
            deadline: 100,
        },
        record_signature: [0; 64],
        receipt: ReceiptProof { header: vec![0xc0], index: 0, nodes: vec![] },
        certificate: FinalityCertificate::default(),
    };
    [Payload::from(join), Payload::from(notarize)]
}

#[test]
fn own_types_are_refused_in_one_plain_text() {
    let node = TestNode::start_still(TestNode::config());
    for (payload, tx_type) in payloads().into_iter().zip(["0x4a", "0x4e"]) {
        let raw = node.sign_own(0, &payload);
        assert!(raw.starts_with(tx_type));
        for method in ["eth_sendRawTransaction", "eth_sendRawTransactionSync"] {
            let error = node.error(method, json!([raw]));
            assert_eq!(error["code"], -32000);
            assert_eq!(
                error["message"],
                format!("transaction type not supported: {tx_type}"),
                "{method}"
            );
        }
    }
    assert_eq!(node.call("txpool_status", json!([])), json!({ "pending": "0x0", "queued": "0x0" }));
}

#[test]
fn reserved_type_is_refused() {
    let node = TestNode::start_still(TestNode::config());
    let raw = node.sign_transfer(0, 0, node.account(1).address(), 1);
    for raw in [format!("0x19{}", &raw[4..]), "0x19".to_owned(), "0x1901".to_owned()] {
        let error = node.error("eth_sendRawTransaction", json!([raw]));
        assert_eq!(error["code"], -32000);
        assert_eq!(
            error["message"],
            "transaction type not supported: 0x19 is reserved for signed messages"
        );
    }
}
