//! Messages and structured data against other implementations: files made with viem, ethers and
//! MetaMask's library, and alloy in the same process.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use alloy_sol_types::SolStruct;
use mbt_crypto::{
    Address, H256, SecretKey, Signature, U256,
    eip191::{message_hash, recover_message_signer, sign_message, verify_message},
    eip712::{Domain, Encoder, TypedData, TypedDataError, TypedStruct, Value},
};
use proptest::{
    prelude::*,
    test_runner::{RngAlgorithm, TestRng},
};
use serde::Deserialize;
use serde_json::{Value as Json, json};

#[derive(Deserialize)]
struct Documents {
    private_key: String,
    address: String,
    documents: Vec<Document>,
}

#[derive(Deserialize)]
struct Document {
    name: String,
    document: Json,
    digest: String,
    signature: String,
}

#[derive(Deserialize)]
struct Messages {
    private_key: String,
    address: String,
    messages: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    message: String,
    hash: String,
    signature: String,
}

fn bytes<const N: usize>(text: &str) -> [u8; N] {
    hex::decode(&text[2..]).unwrap().try_into().unwrap()
}

fn documents() -> Documents {
    serde_json::from_str(include_str!("data/typed_data.json")).unwrap()
}

fn read(json: &Json) -> Result<TypedData, TypedDataError> {
    TypedData::from_json(&json.to_string())
}

#[test]
fn messages_are_hashed_signed_and_recovered_like_viem_ethers_and_metamask() {
    let file: Messages = serde_json::from_str(include_str!("data/messages.json")).unwrap();
    let key = SecretKey::from_bytes(bytes(&file.private_key)).unwrap();
    let signer: Address = file.address.parse().unwrap();
    assert_eq!(key.address(), signer);
    for case in &file.messages {
        let message = hex::decode(&case.message[2..]).unwrap();
        assert_eq!(message_hash(&message).0, bytes(&case.hash), "{}", case.message);
        let signature = Signature::from_rsv(&bytes(&case.signature)).unwrap();
        assert_eq!(sign_message(&key, &message), signature);
        assert_eq!(recover_message_signer(&message, &signature), Ok(signer));
        assert_eq!(verify_message(&message, &signature, signer), Ok(()));
        assert!(verify_message(b"another", &signature, signer).is_err());
        assert_eq!(signature.to_rsv(), bytes(&case.signature));
    }
    assert_eq!(file.messages.len(), 20);
}

#[test]
fn documents_have_the_digest_that_viem_ethers_and_metamask_give_them() {
    let file = documents();
    let key = SecretKey::from_bytes(bytes(&file.private_key)).unwrap();
    assert_eq!(key.address(), file.address.parse().unwrap());
    for case in &file.documents {
        let data = read(&case.document).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        assert_eq!(data.digest().0, bytes(&case.digest), "{}", case.name);
        assert_eq!(key.sign(data.digest()).to_rsv(), bytes(&case.signature), "{}", case.name);
        if case.name != "domain in another order" {
            assert_eq!(data.domain().separator(), data.domain_separator(), "{}", case.name);
        }
    }
    assert!(file.documents.len() >= 50);
}

#[test]
fn documents_have_the_digest_that_alloy_gives_them() {
    // alloy orders the domain's members itself and reads neither recursive types, null for a struct
    // nor the domain as primary type.
    let unlike = |name: &str| {
        name.contains("recursive")
            || name.contains("null")
            || name.contains("another order")
            || name == "metamask domain as primary type"
            || name == "metamask minimal domain"
    };
    let mut compared = 0;
    for case in documents().documents.iter().filter(|case| !unlike(&case.name)) {
        assert_eq!(alloy_digest(&case.document), Ok(bytes(&case.digest)), "{}", case.name);
        compared += 1;
    }
    assert!(compared >= 50, "{compared}");
}

fn alloy_digest(document: &Json) -> Result<[u8; 32], String> {
    let data: alloy_dyn_abi::TypedData =
        serde_json::from_value(document.clone()).map_err(|error| error.to_string())?;
    data.eip712_signing_hash().map(|hash| hash.0).map_err(|error| error.to_string())
}

/// A random type below `depth` and a random value of it.
fn random_value(
    rng: &mut TestRng,
    structs: &mut BTreeMap<String, Json>,
    depth: u32,
) -> (String, Json) {
    let hex = |rng: &mut TestRng, length: usize| {
        let mut bytes = vec![0; length];
        rng.fill_bytes(&mut bytes);
        format!("0x{}", hex::encode(bytes))
    };
    match rng.random_range(0..if depth == 0 { 6 } else { 9 }) {
        0 => {
            let bits = 8 * rng.random_range(1..=32_usize);
            (format!("uint{bits}"), hex(rng, bits / 8).into())
        }
        1 => {
            let bits = rng.random_range(1..=8_u32) * 8;
            let number = i64::from_be_bytes(rng.random()) >> (64 - bits);
            let number = if rng.random() { json!(number) } else { json!(number.to_string()) };
            (format!("int{bits}"), number)
        }
        2 => ("address".into(), hex(rng, 20).into()),
        3 => ("bool".into(), rng.random::<bool>().into()),
        4 => {
            let length = rng.random_range(1..=32);
            (format!("bytes{length}"), hex(rng, length).into())
        }
        5 => {
            let length = rng.random_range(0..70);
            let bytes = hex(rng, length);
            if rng.random() {
                ("bytes".into(), bytes.into())
            } else {
                ("string".into(), bytes.into())
            }
        }
        6 => {
            // Items have to be of one type, so an array repeats one value.
            let (item, value) = random_value(rng, structs, depth - 1);
            let length = rng.random_range(0..4);
            (format!("{item}[]"), vec![value; length].into())
        }
        7 => {
            let (item, value) = random_value(rng, structs, depth - 1);
            let length = rng.random_range(1..4);
            (format!("{item}[{length}]"), vec![value; length].into())
        }
        _ => {
            let name = format!("S{}{}", rng.random_range(b'A'..=b'Z') as char, structs.len());
            structs.insert(name.clone(), Json::Null);
            let (mut members, mut values) = (Vec::new(), serde_json::Map::new());
            for i in 0..rng.random_range(1..5) {
                let (member, value) = random_value(rng, structs, depth - 1);
                members.push(json!({ "name": format!("m{i}"), "type": member }));
                values.insert(format!("m{i}"), value);
            }
            structs.insert(name.clone(), members.into());
            (name, values.into())
        }
    }
}

#[test]
fn random_documents_have_the_digest_that_alloy_gives_them() {
    let seed = *b"documents against alloy, seed 01";
    let mut rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    for round in 0..500 {
        let mut structs = BTreeMap::new();
        let (kind, value) = random_value(&mut rng, &mut structs, 5);
        structs.insert("Root".into(), json!([{ "name": "value", "type": kind }]));
        structs.insert("EIP712Domain".into(), json!([{ "name": "chainId", "type": "uint256" }]));
        let document = json!({
            "types": structs,
            "primaryType": "Root",
            "domain": { "chainId": 31337 },
            "message": { "value": value },
        });
        let ours = read(&document).map(|data| data.digest().0).map_err(|error| error.to_string());
        assert_eq!(ours, alloy_digest(&document), "seed {seed:?} round {round}: {document}");
    }
}

alloy_sol_types::sol! {
    struct Permit {
        address owner; address spender; uint256 value; bytes data; string note; bool yes;
    }
    struct Batch { Permit first; Permit[] rest; uint64[] numbers; bytes32 tag; }
}

struct OurPermit(Address, u64);

impl TypedStruct for OurPermit {
    const TYPE: &'static str =
        "Permit(address owner,address spender,uint256 value,bytes data,string note,bool yes)";

    fn encode_data(&self, data: &mut Encoder) {
        data.address(self.0).address(Address::ZERO).uint(self.1);
        data.bytes(b"data").string("note").boolean(true);
    }
}

struct OurBatch(OurPermit, Vec<OurPermit>);

impl TypedStruct for OurBatch {
    const TYPE: &'static str = "Batch(Permit first,Permit[] rest,uint64[] numbers,bytes32 tag)\
        Permit(address owner,address spender,uint256 value,bytes data,string note,bool yes)";

    fn encode_data(&self, data: &mut Encoder) {
        data.word(self.0.hash_struct());
        data.array(self.1.iter().map(TypedStruct::hash_struct));
        data.array([3_u64, 4].map(|number| H256(U256::from(number).to_big_endian())));
        data.word(H256([9; 32]));
    }
}

#[test]
fn structs_encoded_by_hand_hash_like_alloys() {
    let permit = |owner: u8, value: u64| Permit {
        owner: [owner; 20].into(),
        spender: [0; 20].into(),
        value: alloy_sol_types::private::U256::from(value),
        data: b"data".to_vec().into(),
        note: "note".into(),
        yes: true,
    };
    let theirs = Batch {
        first: permit(1, 10),
        rest: vec![permit(2, 20), permit(3, 30)],
        numbers: vec![3, 4],
        tag: [9; 32].into(),
    };
    let our = |owner: u8, value| OurPermit(Address([owner; 20]), value);
    let ours = OurBatch(our(1, 10), vec![our(2, 20), our(3, 30)]);
    assert_eq!(OurBatch::TYPE, Batch::eip712_encode_type());
    assert_eq!(ours.hash_struct().0, theirs.eip712_hash_struct().0);
    let domain = Domain {
        name: Some("MCTA".into()),
        version: Some("1".into()),
        chain_id: Some(5_063_252.into()),
        verifying_contract: Some(Address([0x4d; 20])),
        salt: None,
    };
    let their_domain = alloy_sol_types::eip712_domain! {
        name: "MCTA", version: "1", chain_id: 5_063_252, verifying_contract: [0x4d; 20].into(),
    };
    assert_eq!(domain.separator().0, their_domain.separator().0);
    assert_eq!(domain.digest(&ours).0, theirs.eip712_signing_hash(&their_domain).0);
}

fn mail() -> Json {
    documents().documents[0].document.clone()
}

/// A document with one struct `R` of one member `m` of type `kind`.
fn one(kind: &str, value: &Json) -> Json {
    json!({
        "types": { "EIP712Domain": [], "S": [{ "name": "n", "type": "uint8" }],
            "R": [{ "name": "m", "type": kind }] },
        "primaryType": "R", "domain": {}, "message": { "m": value },
    })
}

#[test]
fn errors_name_the_field_at_fault() {
    let edit = |f: &dyn Fn(&mut Json)| {
        let mut document = mail();
        f(&mut document);
        read(&document).unwrap_err().to_string()
    };
    let remove = |pointer: &str, key: &str| {
        edit(&|d| drop(d.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(key)))
    };
    assert_eq!(remove("", "types"), "types is missing");
    assert_eq!(remove("", "primaryType"), "primaryType is missing");
    assert_eq!(remove("", "domain"), "domain is missing");
    assert_eq!(remove("", "message"), "message is missing");
    assert_eq!(remove("/types", "EIP712Domain"), "types.EIP712Domain is missing");
    assert_eq!(remove("/types", "Person"), "types.Mail.from: unknown type \"Person\"");
    assert_eq!(remove("/types", "Mail"), "message: unknown type \"Mail\"");
    assert_eq!(remove("/domain", "chainId"), "domain.chainId is missing");
    assert_eq!(remove("/message/to", "wallet"), "message.to.wallet is missing");
    assert_eq!(remove("/types/Person/0", "type"), "types.Person[0].type is missing");
    assert_eq!(edit(&|d| d["extra"] = 1.into()), "extra is not declared");
    assert_eq!(edit(&|d| d["domain"]["salt"] = 1.into()), "domain.salt is not declared");
    assert_eq!(edit(&|d| d["message"]["to"]["x"] = 1.into()), "message.to.x is not declared");
    assert_eq!(
        edit(
            &|d| d["message"]["to"]["wallet"] = "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbb".into()
        ),
        "message.to.wallet: the upper and lower case letters do not match the EIP-55 checksum"
    );
    assert_eq!(
        edit(&|d| d["types"]["EIP712Domain"][2]["type"] = "uint64".into()),
        "types.EIP712Domain.chainId: unknown type \"uint64\""
    );
    assert_eq!(
        edit(&|d| d["types"]["EIP712Domain"][0]["name"] = "title".into()),
        "types.EIP712Domain.title is not declared"
    );
    assert_eq!(
        edit(&|d| d["types"]["Person"][1]["name"] = "name".into()),
        "types.Person[1]: member \"name\" is declared twice"
    );
    assert_eq!(edit(&|d| d["types"]["uint256"] = json!([])), "types: \"uint256\" cannot be a name");
    assert_eq!(edit(&|d| d["message"] = Json::Null), "message: expected an object, found null");
    assert_eq!(
        edit(&|d| d["primaryType"] = "EIP712Domain".into()),
        "message.contents is not declared"
    );
    let long = format!("{{\"x\": \"{}\"}}", "a".repeat(1 << 18));
    assert!(matches!(TypedData::from_json(&long), Err(TypedDataError::TooLong { .. })));
}

#[test]
fn values_that_do_not_fit_their_type_are_refused() {
    let refused = |kind: &str, value: Json| read(&one(kind, &value)).unwrap_err();
    for (kind, value) in [
        ("uint8", json!(256)),
        ("uint8", json!(-1)),
        ("uint8", json!("0x100")),
        ("uint64", json!("18446744073709551616")),
        ("int8", json!(128)),
        ("int8", json!(-129)),
        ("int256", json!(format!("0x8{}", "0".repeat(63)))),
    ] {
        assert!(matches!(refused(kind, value), TypedDataError::OutOfRange { .. }), "{kind}");
    }
    for value in
        [json!("1e3"), json!(""), json!("0x"), json!("9".repeat(79)), json!("-0"), json!("\u{661}")]
    {
        let error = refused("uint256", value.clone());
        assert!(matches!(error, TypedDataError::InvalidNumber { .. }), "{value}");
    }
    for (kind, value) in [
        ("bytes4", json!("0x010203")),
        ("bytes4", json!("0x0102030405")),
        ("S[2]", json!([{ "n": 1 }])),
        ("uint8[1][]", json!([[1], [1, 2]])),
    ] {
        assert!(matches!(refused(kind, value), TypedDataError::WrongLength { .. }), "{kind}");
    }
    for (kind, value) in [
        ("bool", json!("true")),
        ("bool", json!(1)),
        ("string", json!(1)),
        ("string", Json::Null),
        ("uint8", Json::Null),
        ("uint8", json!(true)),
        ("address", json!(1)),
        ("S", json!([])),
        ("S[]", json!({})),
        ("S[]", Json::Null),
        ("bytes", json!([1, 2])),
    ] {
        assert!(matches!(refused(kind, value), TypedDataError::WrongKind { .. }), "{kind}");
    }
    for value in ["00", "0x0", "0xzz", "text"] {
        assert!(matches!(refused("bytes", json!(value)), TypedDataError::InvalidHex { .. }));
    }
    assert!(matches!(refused("address", json!("M")), TypedDataError::Address { .. }));
    assert!(matches!(refused("uint", json!(1)), TypedDataError::UnknownType { .. }));
    for text in [
        r#"{"types":{},"types":{}}"#,
        r#"{"domain":{"name":"a","name":"b"}}"#,
        r#"{"message":1.5}"#,
        r#"{"message":1e3}"#,
        r#"{"message":18446744073709551616}"#,
        "{",
        "{} {}",
    ] {
        assert!(matches!(TypedData::from_json(text), Err(TypedDataError::Json { .. })), "{text}");
    }
}

#[test]
fn hostile_documents_meet_bounds() {
    let mut deep = json!({ "n": 1 });
    for _ in 0..40 {
        deep = json!({ "next": deep });
    }
    let document = json!({
        "types": { "EIP712Domain": [], "R": [{ "name": "next", "type": "R" }] },
        "primaryType": "R", "domain": {}, "message": deep,
    });
    assert!(matches!(read(&document), Err(TypedDataError::TooDeep { .. })));
    let nested = "[".repeat(100_000);
    assert!(matches!(TypedData::from_json(&nested), Err(TypedDataError::Json { .. })));
    let many = (0..200).map(|i| (format!("S{i}"), json!([]))).collect::<serde_json::Map<_, _>>();
    let document = json!({ "types": many, "primaryType": "S0", "domain": {}, "message": {} });
    assert!(matches!(read(&document), Err(TypedDataError::TooMany { max: 128, .. })));
    let long = one(&format!("uint8{}", "[]".repeat(200)), &json!([]));
    assert!(matches!(read(&long), Err(TypedDataError::UnknownType { .. })));
}

#[test]
fn the_message_is_shown_as_it_is_signed() {
    let data = read(&mail()).unwrap();
    let Value::Struct { type_name, members } = data.message() else { panic!("a struct") };
    assert_eq!(type_name, "Mail");
    assert_eq!(members[2].name, "contents");
    assert_eq!(
        members[0].value.to_string(),
        "Person { name: \"Cow\", wallet: 0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826 }"
    );
    assert_eq!(data.domain().chain_id, Some(U256::one()));
}

proptest! {
    #[test]
    fn reading_any_document_never_panics(
        text in ".*",
        kind in "[a-z0-9\\[\\]]{1,12}",
        value in ".*",
    ) {
        let _ = TypedData::from_json(&text);
        let _ = read(&one(&kind, &value.into()));
    }
}
