//! Decoders take no bytes but those that their value encodes to, and never panic.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod json;
mod refusals;
mod values;

use mbt_account::{
    Bloom, LeagueAccount, Log, PublicAccount, Receipt, SignedTransaction,
    codec::{Decode, Reader},
    system::{LeagueJoin, Notarize},
};
use proptest::{collection::vec, prelude::*};
use rlp::Encodable;
use values::{league_account, league_join, notarize, public_account, receipt, signed};

fn encoded(value: &impl Encodable) -> Vec<u8> {
    rlp::encode(value).to_vec()
}

/// A decoder and the encoder that it must agree with: bytes in, the decoded value's bytes out.
type Identity = fn(&[u8]) -> Option<Vec<u8>>;

const DECODERS: [(&str, Identity); 8] = [
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
    ("league join", |bytes| LeagueJoin::decode(bytes).ok().map(|value| encoded(&value))),
    ("notarize", |bytes| Notarize::decode(bytes).ok().map(|value| encoded(&value))),
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
        join in league_join(),
        notarize in notarize(),
        at: usize,
        with: u8,
        how: u8,
    ) {
        let mut log = receipt.logs.first().map(encoded).unwrap_or_default();
        log.push(0);
        let accounts = [encoded(&account), encoded(&league)];
        let payloads = [encoded(&join), encoded(&notarize)];
        let others = [signed.encode(), receipt.encode(), log];
        for bytes in accounts.into_iter().chain(payloads).chain(others) {
            assert_identity(&damage(bytes, at, with, how))?;
        }
    }

    #[test]
    fn values_survive_a_round_trip(
        signed in signed(),
        receipt in receipt(),
        account in public_account(),
        league in league_account(),
        join in league_join(),
        notarize in notarize(),
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
        prop_assert_eq!(LeagueJoin::decode(&encoded(&join)), Ok(join));
        prop_assert_eq!(Notarize::decode(&encoded(&notarize)), Ok(notarize));
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
