//! Transactions as JSON-RPC shows them.

use mbt_account::{AccessListItem, RecoveredTransaction, system::Payload};
use mbt_consensus::BlockId;
use mbt_crypto::{Address, U256};
use serde::Serialize;

use super::hex::{Data, Quantity, address, count, hash, prefixed, quantity};

/// Where a transaction stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// Its block.
    pub(crate) block: BlockId,
    /// The block's number.
    pub(crate) number: u64,
    /// The block's time.
    pub(crate) timestamp: u64,
    /// Its place in the block.
    pub(crate) index: usize,
    /// The block's base fee.
    pub(crate) base_fee: U256,
}

/// A transaction, mined or pending.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RpcTransaction {
    block_hash: Option<Data<[u8; 32]>>,
    block_number: Option<Quantity>,
    transaction_index: Option<Quantity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    block_timestamp: Option<Quantity>,
    hash: Data<[u8; 32]>,
    from: Data<[u8; 20]>,
    to: Option<Data<[u8; 20]>>,
    nonce: Quantity,
    gas: Quantity,
    gas_price: Quantity,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_fee_per_gas: Option<Quantity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_priority_fee_per_gas: Option<Quantity>,
    value: Quantity,
    input: String,
    r#type: Quantity,
    #[serde(skip_serializing_if = "Option::is_none")]
    chain_id: Option<Quantity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_list: Option<Vec<RpcAccess>>,
    v: Quantity,
    #[serde(skip_serializing_if = "Option::is_none")]
    y_parity: Option<Quantity>,
    r: Quantity,
    s: Quantity,
    /// `leagueJoin` or `notarize`, of this system's own types.
    #[serde(flatten)]
    payload: Option<Payload>,
}

/// An entry of an access list.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RpcAccess {
    address: Data<[u8; 20]>,
    storage_keys: Vec<Data<[u8; 32]>>,
}

impl From<&AccessListItem> for RpcAccess {
    fn from(item: &AccessListItem) -> Self {
        Self {
            address: address(item.address),
            storage_keys: item.storage_keys.iter().map(|key| hash(*key)).collect(),
        }
    }
}

impl RpcTransaction {
    /// Shows a transaction; without a place it is pending.
    pub(crate) fn new(transaction: &RecoveredTransaction, place: Option<Place>) -> Self {
        let typed = transaction.tx_type() != 0;
        let dynamic = transaction.has_dynamic_fee();
        let cap = transaction.max_fee_per_gas();
        let gas_price = match place {
            Some(place) => transaction.effective_gas_price(place.base_fee).unwrap_or(cap),
            None => cap,
        };
        let signature = transaction.signature();
        let access_list = || transaction.access_list().iter().map(RpcAccess::from).collect();
        Self {
            block_hash: place.map(|place| hash(place.block.0)),
            block_number: place.map(|place| quantity(place.number)),
            transaction_index: place.map(|place| count(place.index)),
            block_timestamp: place.map(|place| quantity(place.timestamp)),
            hash: hash(transaction.hash().0),
            from: address(transaction.sender()),
            to: transaction.to.map(address),
            nonce: quantity(transaction.nonce),
            gas: quantity(transaction.gas_limit),
            gas_price: quantity(gas_price),
            max_fee_per_gas: dynamic.then(|| quantity(cap)),
            max_priority_fee_per_gas: dynamic
                .then(|| quantity(transaction.max_priority_fee_per_gas())),
            value: quantity(transaction.value),
            input: prefixed(&transaction.input),
            r#type: quantity(transaction.tx_type()),
            chain_id: transaction.chain_id().map(quantity),
            access_list: typed.then(access_list),
            v: quantity(transaction.v()),
            y_parity: typed.then(|| quantity(u64::from(signature.y_parity))),
            r: quantity(U256::from_big_endian(&signature.r)),
            s: quantity(U256::from_big_endian(&signature.s)),
            payload: transaction.payload().ok().flatten(),
        }
    }
}

/// Returns the line that `txpool_inspect` shows of a transaction.
pub(crate) fn inspect_line(transaction: &RecoveredTransaction) -> String {
    let to = match transaction.to {
        Some(to) => to.to_hex(),
        None => "contract creation".to_owned(),
    };
    format!(
        "{to}: {} wei + {} gas \u{d7} {} wei",
        transaction.value,
        transaction.gas_limit,
        transaction.max_fee_per_gas()
    )
}

/// Returns the address that a creation by `sender` at `nonce` makes.
pub(crate) fn created_address(sender: Address, nonce: u64) -> Address {
    let mut stream = rlp::RlpStream::new_list(2);
    stream.append(&sender.0.as_slice()).append(&nonce);
    let mut created = Address::ZERO;
    created.0.copy_from_slice(&mbt_crypto::keccak256(stream.out()).0[12..]);
    created
}

#[cfg(test)]
mod tests {
    use mbt_account::{
        Kind, SignedTransaction, Transaction,
        system::{EvidenceRecord, FinalityCertificate, Notarize, ReceiptProof},
    };
    use mbt_crypto::{H256, SecretKey};

    use super::*;

    fn transfer(kind: Kind) -> RecoveredTransaction {
        let key = SecretKey::from_bytes([1; 32]).unwrap();
        let to = Some(Address([2; 20]));
        let input = Vec::new();
        Transaction { kind, nonce: 0, gas_limit: 21_000, to, value: 1.into(), input }
            .sign(&key)
            .recover()
            .unwrap()
    }

    #[test]
    fn typed_transactions_have_the_fields_of_their_type_and_no_others() {
        let legacy = transfer(Kind::Legacy { chain_id: Some(31_337), gas_price: 7.into() });
        let json = serde_json::to_value(RpcTransaction::new(&legacy, None)).unwrap();
        for absent in ["maxFeePerGas", "maxPriorityFeePerGas", "accessList", "yParity"] {
            assert!(json.get(absent).is_none(), "{absent}");
        }
        assert!(json["blockHash"].is_null());
        assert_eq!(json["type"], "0x0");

        let dynamic = transfer(Kind::DynamicFee {
            chain_id: 31_337,
            max_priority_fee_per_gas: 2.into(),
            max_fee_per_gas: 100.into(),
            access_list: Vec::new(),
        });
        let place =
            Place { block: BlockId::ZERO, number: 1, timestamp: 9, index: 0, base_fee: 10.into() };
        let json = serde_json::to_value(RpcTransaction::new(&dynamic, Some(place))).unwrap();
        assert_eq!(json["gasPrice"], "0xc", "mined: base fee and tip");
        assert_eq!(json["maxFeePerGas"], "0x64");
        assert_eq!(json["accessList"], serde_json::json!([]));
    }

    #[test]
    fn own_types_have_every_common_field_and_their_payload() {
        let notarize = Notarize {
            record: EvidenceRecord {
                league: Address([1; 20]),
                author: Address([2; 20]),
                league_transaction: H256([3; 32]),
                content_hash: H256([4; 32]),
                data: vec![5],
                deadline: 6,
            },
            record_signature: [7; 64],
            receipt: ReceiptProof { header: vec![0xc0], index: 8, nodes: vec![vec![0xc0]] },
            certificate: FinalityCertificate::default(),
        };
        let payload = Payload::from(notarize);
        let system = payload.system_type();
        let kind = Kind::System {
            system,
            chain_id: 31_337,
            max_priority_fee_per_gas: 2.into(),
            max_fee_per_gas: 100.into(),
            access_list: Vec::new(),
        };
        let (to, input) = (Some(system.contract()), payload.encode());
        let bytes = prefixed(&input);
        let transaction =
            Transaction { kind, nonce: 0, gas_limit: 90_000, to, value: 0.into(), input };
        let signed = transaction.sign(&SecretKey::from_bytes([1; 32]).unwrap()).recover().unwrap();
        let json = serde_json::to_value(RpcTransaction::new(&signed, None)).unwrap();
        let fields = [
            "hash",
            "from",
            "nonce",
            "gas",
            "gasPrice",
            "maxFeePerGas",
            "maxPriorityFeePerGas",
            "value",
            "chainId",
            "v",
            "r",
            "s",
            "yParity",
        ];
        for field in fields {
            assert!(json[field].as_str().unwrap().starts_with("0x"), "{field}");
        }
        assert_eq!(json["type"], "0x4e");
        assert_eq!(json["to"], "0x000000000000000000000000000000004d420005");
        assert_eq!(json["input"], bytes);
        assert_eq!(json["accessList"], serde_json::json!([]));
        assert_eq!(json["notarize"]["record"]["deadline"], "0x6");
        assert!(json.get("leagueJoin").is_none());
        let read: SignedTransaction = serde_json::from_value(json).unwrap();
        assert_eq!(&read, signed.signed().as_ref());
    }

    #[test]
    fn created_addresses_are_ethereums() {
        let sender = "0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0".parse().unwrap();
        let created = created_address(sender, 0).to_hex().to_lowercase();
        assert_eq!(created, "0xcd234a471b72ba2f1ccf0a70fcaba648a5eecd8d");
    }
}
