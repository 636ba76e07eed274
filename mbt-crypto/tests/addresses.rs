//! Slips of the pen in Base58Check addresses.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use mbt_crypto::{Address, AddressError, Network, keccak256};
use proptest::prelude::*;

const ALPHABET: &str = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// Tries every substitution of one character and every transposition of two unequal neighbours in
/// the addresses of a fixed seed, on two threads; returns the number of texts tried.
fn slips(addresses: u64) -> usize {
    let half = addresses / 2;
    std::thread::scope(|scope| {
        let first = scope.spawn(move || (0..half).map(slips_of).sum::<usize>());
        let second: usize = (half..addresses).map(slips_of).sum();
        first.join().unwrap() + second
    })
}

fn slips_of(number: u64) -> usize {
    let seed = [&b"mbt addresses"[..], &number.to_be_bytes()].concat();
    let network = if number.is_multiple_of(2) { Network::Main } else { Network::Test };
    let text = Address::from_hash(keccak256(seed)).to_base58(network);
    let mut slip = text.clone().into_bytes();
    let mut tried = 0;
    let mut refuse = |slip: &[u8]| {
        let slip = std::str::from_utf8(slip).unwrap();
        assert!(slip.parse::<Address>().is_err(), "{slip} was accepted for {text}");
        tried += 1;
    };
    for place in 0..slip.len() {
        let right = slip[place];
        for wrong in ALPHABET.bytes().filter(|wrong| *wrong != right) {
            slip[place] = wrong;
            refuse(&slip);
        }
        slip[place] = right;
        if slip.get(place + 1).is_some_and(|next| *next != right) {
            slip.swap(place, place + 1);
            refuse(&slip);
            slip.swap(place, place + 1);
        }
    }
    tried
}

#[test]
fn every_slip_in_300_addresses_is_refused() {
    assert!(slips(300) > 300 * 34 * 57);
}

/// The long form: `cargo test --release -p mbt-crypto --test addresses -- --ignored --nocapture`.
#[test]
#[ignore = "takes about half a minute"]
fn every_slip_in_10_000_addresses_is_refused() {
    let tried = slips(10_000);
    #[allow(clippy::print_stdout, reason = "the long form reports its figure")]
    {
        println!("{tried} texts refused");
    }
    assert!(tried > 10_000 * 34 * 57);
}

#[test]
fn what_is_wrong_with_an_address_is_told() {
    let text = Address([7; 20]).to_string();
    let with = |range: std::ops::Range<usize>, by: &str| {
        let mut text = text.clone();
        text.replace_range(range, by);
        text.parse::<Address>().unwrap_err()
    };
    for letter in ["0", "O", "I", "l", " ", "-", "\u{4e2d}"] {
        assert_eq!(with(4..5, letter), AddressError::InvalidCharacter { position: 5 });
    }
    assert_eq!(with(33..34, ""), AddressError::WrongChecksum);
    assert_eq!(with(1..34, ""), AddressError::WrongLength);
    assert_eq!(with(0..0, "MMMMMMMMMM"), AddressError::WrongLength);
    assert_eq!(with(0..0, &"M".repeat(100)), AddressError::TooLong { length: 134 });
    for (version, payload) in [(0, 20), (0x05, 20), (0x33, 20), (0x80, 32)] {
        let foreign = bs58::encode(vec![9; payload]).with_check_version(version).into_string();
        let expected = if payload == 20 {
            AddressError::UnknownVersion { version }
        } else {
            AddressError::WrongLength
        };
        assert_eq!(foreign.parse::<Address>(), Err(expected));
    }
    for payload in [0, 1, 19] {
        let short = bs58::encode(vec![9; payload]).with_check_version(0x32).into_string();
        assert_eq!(short.parse::<Address>(), Err(AddressError::WrongLength), "{payload}");
    }
}

#[test]
fn leading_zeros_of_an_address_are_kept() {
    for zeros in 0..=20 {
        let mut bytes = [0xa5; 20];
        bytes[..zeros].fill(0);
        let address = Address(bytes);
        for network in [Network::Main, Network::Test] {
            assert_eq!(Address::from_base58(&address.to_base58(network)), Ok((address, network)));
        }
        assert_eq!(address.to_hex().parse(), Ok(address));
    }
}

#[test]
fn mixed_case_hex_has_one_spelling() {
    let text = Address::from_hash(keccak256(b"mixed")).to_hex();
    for place in 2..text.len() {
        let mut letters = text.clone().into_bytes();
        if letters[place].is_ascii_alphabetic() {
            letters[place] ^= 0x20;
            let slip = String::from_utf8(letters).unwrap();
            assert_eq!(slip.parse::<Address>(), Err(AddressError::WrongHexChecksum), "{slip}");
        }
    }
    let address = text.parse::<Address>().unwrap();
    let digits = text.trim_start_matches("0x");
    assert_eq!(format!("0x{}", digits.to_uppercase()).parse(), Ok(address));
    assert_eq!(text.to_lowercase().parse(), Ok(address));
    for wrong in [&text[..41], &format!("{text}0"), &format!("0X{digits}"), &"0x".repeat(1 << 20)] {
        assert!(wrong.parse::<Address>().is_err());
    }
}

proptest! {
    #[test]
    fn reading_any_letters_never_panics(text in "[Mt][1-9A-HJ-NP-Za-km-z]{0,70}") {
        if let Ok((address, network)) = Address::from_base58(&text) {
            prop_assert_eq!(address.to_base58(network), text);
        }
    }
}
