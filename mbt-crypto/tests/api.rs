//! The public surface, seen from outside.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use mbt_crypto::{
    Address, AddressError, H160, H256, InvalidInBatch, InvalidKey, InvalidSignature, Keccak256,
    KeccakEngine, Network, PublicKey, RecoveryPolicy, SecretKey, Signature, U256, ecies, eip712,
    hd, keccak256, keystore, message_hash, proxy, vrf,
};
use proptest::prelude::*;

mbt_crypto::hash_newtype! {
    /// Names a ticket.
    pub struct TicketId;
}

/// Every public type can be shown.
#[derive(Debug)]
#[allow(dead_code, reason = "only its derive is of interest")]
struct Everything {
    address: Address,
    address_error: AddressError,
    h160: H160,
    h256: H256,
    u256: U256,
    invalid_key: InvalidKey,
    invalid_signature: InvalidSignature,
    keccak: Keccak256,
    keccak_engine: KeccakEngine,
    network: Network,
    public_key: PublicKey,
    policy: RecoveryPolicy,
    secret_key: SecretKey,
    signature: Signature,
    ticket: TicketId,
    invalid_in_batch: InvalidInBatch,
    domain: eip712::Domain,
    encoder: eip712::Encoder,
    typed_data: eip712::TypedData,
    typed_data_error: eip712::TypedDataError,
    value: eip712::Value,
    member: eip712::Member,
    membership: proxy::Signed<proxy::Membership>,
    warrant: proxy::Signed<proxy::Warrant>,
    revocation: proxy::Signed<proxy::Revocation>,
    operation: proxy::Signed<proxy::ProxyOp>,
    scope: proxy::Scope,
    invalid_scope: proxy::InvalidScope,
    terms: proxy::Terms,
    thresholds: proxy::Thresholds,
    threshold_error: proxy::ThresholdError,
    warrant_book: proxy::WarrantBook,
    open_error: proxy::OpenError,
    register_error: proxy::RegisterError,
    revoke_error: proxy::RevokeError,
    transfer_error: proxy::TransferError,
    authorisation: proxy::Authorisation,
    signer: proxy::Signer,
    equivocation: proxy::Equivocation,
    equivocation_error: proxy::EquivocationError,
    ecies_open_error: ecies::OpenError,
    opener: ecies::Opener,
    seal_error: ecies::SealError,
    sealer: ecies::Sealer,
    child_number: hd::ChildNumber,
    derivation_error: hd::DerivationError,
    derivation_path: hd::DerivationPath,
    extended_key: hd::ExtendedKey,
    extended_key_error: hd::ExtendedKeyError,
    extended_public_key: hd::ExtendedPublicKey,
    language: hd::Language,
    mnemonic: hd::Mnemonic,
    mnemonic_error: hd::MnemonicError,
    path_error: hd::PathError,
    decrypt_error: keystore::DecryptError,
    keystore: keystore::Keystore,
    keystore_error: keystore::KeystoreError,
    profile: keystore::Profile,
    invalid_proof: vrf::InvalidProof,
    proof: vrf::Proof,
    vrf_error: vrf::VrfError,
}

fn key(byte: u8) -> SecretKey {
    SecretKey::from_bytes([byte; 32]).unwrap()
}

#[test]
fn eip_55_examples_keep_their_case() {
    for text in [
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "0xde709f2102306220921060314715629080e2fb77",
    ] {
        assert_eq!(text.parse::<Address>().unwrap().to_hex(), text);
    }
}

#[test]
fn foreign_and_damaged_base58_is_refused() {
    let text = key(7).address().to_base58(Network::Main);
    for i in 0..text.len() {
        let mut damaged = text.clone().into_bytes();
        damaged[i] = if damaged[i] == b'z' { b'y' } else { b'z' };
        assert!(Address::from_base58(std::str::from_utf8(&damaged).unwrap()).is_err());
    }
    assert_eq!(
        Address::from_base58("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"),
        Err(AddressError::UnknownVersion { version: 0 })
    );
    for text in ["", "0x", "M", "0xzz", "\u{4e2d}\u{6587}"] {
        assert!(text.parse::<Address>().is_err(), "{text}");
    }
}

#[test]
fn messages_hash_as_eip_191_says() {
    // The hash that ethers' documentation gives for this message.
    assert_eq!(
        hex::encode(message_hash(b"Hello World")),
        "a1de988600a42c4b4ab089b619297c17d53cffae5d5120d82d8a92d0bb3b78f2"
    );
}

#[test]
fn a_signature_holds_for_its_key_and_message_only() {
    let hash = keccak256(b"message");
    let signature = key(7).sign(hash);
    let rs: [u8; 64] = signature.to_bytes()[..64].try_into().unwrap();
    assert_eq!(key(7).public_key().verify(hash, &rs), Ok(()));
    assert_eq!(key(8).public_key().verify(hash, &rs), Err(InvalidSignature::WrongKey));
    assert_eq!(
        key(7).public_key().verify(keccak256(b"other"), &rs),
        Err(InvalidSignature::WrongKey)
    );
    let mut bytes = signature.to_bytes();
    bytes[64] = 27;
    assert_eq!(Signature::from_bytes(&bytes), Err(InvalidSignature::Parity(27)));
    bytes[64] = 0;
    bytes[32..64].fill(0xff);
    assert_eq!(Signature::from_bytes(&bytes), Err(InvalidSignature::HighS));
    bytes[..32].fill(0);
    assert_eq!(Signature::from_bytes(&bytes), Err(InvalidSignature::OutOfRange));
}

proptest! {
    #[test]
    fn reading_an_address_of_any_text_never_panics(text in ".*") {
        let _ = text.parse::<Address>();
    }

    #[test]
    fn addresses_survive_both_texts(bytes: [u8; 20]) {
        let address = Address(bytes);
        prop_assert_eq!(address.to_hex().parse(), Ok(address));
        prop_assert_eq!(address.to_string().parse(), Ok(address));
    }

    #[test]
    fn signatures_taken_from_bytes_give_the_same_bytes(r: [u8; 32], s: [u8; 32], v: u8) {
        let mut bytes = [0; 65];
        bytes[..32].copy_from_slice(&r);
        bytes[32..64].copy_from_slice(&s);
        bytes[32] &= 0x7f;
        bytes[64] = v & 1;
        if let Ok(signature) = Signature::from_bytes(&bytes) {
            prop_assert_eq!(signature.to_bytes(), bytes);
            let _ = signature.recover(keccak256(r), RecoveryPolicy::LowS);
        }
    }

    #[test]
    fn any_key_signs_what_it_verifies(secret: [u8; 32], message: Vec<u8>) {
        let hash = keccak256(message);
        if let Ok(key) = SecretKey::from_bytes(secret) {
            prop_assert_eq!(key.sign(hash).verify(hash, key.address()), Ok(()));
        }
    }
}
