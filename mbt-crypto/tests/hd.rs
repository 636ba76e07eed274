//! HD keys against the vectors of BIP-39 and BIP-32 (`tests/data`, sources and licences inside).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use mbt_crypto::hd::{
    ChildNumber, DerivationError, DerivationPath, ExtendedKey, ExtendedKeyError, ExtendedPublicKey,
    Language, Mnemonic, MnemonicError,
};
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct Words {
    english: Vec<[String; 4]>,
    chinese_simplified: Vec<[String; 4]>,
    chinese_traditional: Vec<[String; 4]>,
}

#[derive(Deserialize)]
struct Keys {
    valid: Vec<Tree>,
    invalid: Vec<[String; 2]>,
}

#[derive(Deserialize)]
struct Tree {
    seed: String,
    chains: Vec<[String; 3]>,
}

fn words() -> Vec<(Language, [String; 4])> {
    let file: Words = serde_json::from_str(include_str!("data/bip39.json")).unwrap();
    [
        (Language::English, file.english),
        (Language::SimplifiedChinese, file.chinese_simplified),
        (Language::TraditionalChinese, file.chinese_traditional),
    ]
    .into_iter()
    .flat_map(|(language, cases)| cases.into_iter().map(move |case| (language, case)))
    .collect()
}

fn keys() -> Keys {
    serde_json::from_str(include_str!("data/bip32.json")).unwrap()
}

#[test]
fn every_official_mnemonic_gives_its_seed_and_master_key() {
    let cases = words();
    assert_eq!(cases.len(), 3 * 24);
    for (language, [entropy, phrase, seed, master]) in cases {
        let mnemonic = Mnemonic::from_entropy(&hex::decode(entropy).unwrap(), language).unwrap();
        assert_eq!(*mnemonic.expose_phrase(), phrase);
        let read = Mnemonic::parse_in(&phrase, language).unwrap();
        assert_eq!(hex::encode(*read.seed("TREZOR")), seed);
        let key = phrase.parse::<Mnemonic>().unwrap().master_key("TREZOR").unwrap();
        assert_eq!(*key.expose_text(), master);
    }
}

#[test]
fn every_word_list_has_its_own_words_in_order() {
    // SHA-256 of the official lists, one word a line.
    for (language, hash) in [
        (Language::English, "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda"),
        (
            Language::SimplifiedChinese,
            "5c5942792bd8340cb8b27cd592f1015edf56a8c5b26276ee18a482428e7c5726",
        ),
        (
            Language::TraditionalChinese,
            "417b26b3d8500a4ae3d59717d7011952db6fc2fb84b807f3f94ac734e89c1b5f",
        ),
    ] {
        let text: String = language.words().iter().map(|word| format!("{word}\n")).collect();
        assert_eq!(hex::encode(<sha2::Sha256 as sha2::Digest>::digest(text)), hash);
    }
}

#[test]
fn passphrases_are_compared_in_their_normal_form() {
    let mnemonic = &words()[0].1[1].parse::<Mnemonic>().unwrap();
    assert_eq!(mnemonic.seed("caf\u{e9}"), mnemonic.seed("cafe\u{301}"));
    assert_ne!(mnemonic.seed("cafe"), mnemonic.seed(""));
}

#[test]
fn every_official_tree_has_its_keys() {
    let trees = keys().valid;
    assert_eq!(trees.iter().map(|tree| tree.chains.len()).collect::<Vec<_>>(), [6, 6, 2, 3]);
    for tree in trees {
        let master = ExtendedKey::from_seed(&hex::decode(tree.seed).unwrap()).unwrap();
        for [path, public, secret] in tree.chains {
            let path: DerivationPath = path.parse().unwrap();
            let key = master.derive(&path).unwrap();
            assert_eq!(*key.expose_text(), secret);
            assert_eq!(key.public().to_string(), public);
            assert_eq!(key.secret_key().public_key(), key.public().public_key());
            assert_eq!(secret.parse(), Ok(key.clone()));
            assert_eq!(public.parse(), Ok(key.public()));
            assert_eq!(usize::from(key.depth()), path.steps().len());
            let last = path.steps().last().copied().or(ChildNumber::normal(0));
            assert_eq!(Some(key.public().child_number()), last);
        }
    }
}

#[test]
fn every_official_invalid_key_is_refused_for_its_reason() {
    let cases = keys().invalid;
    assert_eq!(cases.len(), 16);
    for [why, text] in cases {
        let secret = text.parse::<ExtendedKey>().unwrap_err();
        let public = text.parse::<ExtendedPublicKey>().unwrap_err();
        let asked = if text.starts_with("xpub") { public } else { secret };
        let other = if text.starts_with("xpub") { secret } else { public };
        let expected = match why.as_str() {
            "invalid checksum" => ExtendedKeyError::InvalidBase58,
            "unknown extended key version" => {
                ExtendedKeyError::WrongVersion { version: 0x0101_0101, expected: 0x0488_ade4 }
            }
            why if why.starts_with("zero depth") => ExtendedKeyError::MasterWithParent,
            _ => ExtendedKeyError::InvalidKey,
        };
        assert_eq!(asked, expected, "{why}");
        assert!(
            matches!(other, ExtendedKeyError::WrongVersion { .. })
                || expected == ExtendedKeyError::InvalidBase58,
            "{why}"
        );
    }
    assert_eq!(
        "xprv".repeat(100).parse::<ExtendedKey>(),
        Err(ExtendedKeyError::TooLong { length: 400 })
    );
}

#[test]
fn public_keys_derive_what_secret_keys_derive() {
    let master = ExtendedKey::from_seed(&[7; 32]).unwrap();
    for index in [0, 1, 77, (1 << 31) - 1] {
        let child = ChildNumber::normal(index).unwrap();
        assert_eq!(master.public().child(child), Ok(master.child(child).unwrap().public()));
    }
    let child = ChildNumber::hardened(1).unwrap();
    assert_eq!(master.public().child(child), Err(DerivationError::Hardened { child }));
    assert_ne!(master.child(child), master.child(ChildNumber::hardened(2).unwrap()));
}

#[test]
fn the_255th_generation_has_no_children() {
    let path: DerivationPath = format!("m{}", "/0".repeat(255)).parse().unwrap();
    let last = ExtendedKey::from_seed(&[7; 32]).unwrap().derive(&path).unwrap();
    let child = ChildNumber::normal(0).unwrap();
    assert_eq!(last.child(child), Err(DerivationError::TooDeep));
    assert_eq!(last.public().child(child), Err(DerivationError::TooDeep));
    for length in [0, 15, 17, 31, 33, 63, 65] {
        assert_eq!(
            ExtendedKey::from_seed(&vec![7; length]),
            Err(DerivationError::SeedLength { length })
        );
    }
}

#[test]
fn secrets_are_not_shown() {
    let key = ExtendedKey::from_seed(&[7; 32]).unwrap();
    assert_eq!(format!("{key:?}"), "ExtendedKey(..)");
}

proptest! {
    #[test]
    fn reading_any_text_never_panics(text in ".*") {
        let _ = text.parse::<Mnemonic>();
        let _ = text.parse::<DerivationPath>();
        let _ = text.parse::<ExtendedKey>();
        let _ = text.parse::<ExtendedPublicKey>();
        let _ = format!("m/{text}").parse::<DerivationPath>();
    }

    #[test]
    fn any_twelve_words_are_a_mnemonic_or_are_told_apart(indices in prop::array::uniform12(0..2048_usize)) {
        for language in Language::ALL {
            let phrase = indices.map(|index| language.words()[index]).join(" ");
            match Mnemonic::parse_in(&phrase, language) {
                Ok(mnemonic) => prop_assert_eq!(&*mnemonic.expose_phrase(), &phrase),
                Err(error) => prop_assert_eq!(error, MnemonicError::WrongChecksum),
            }
        }
    }

    #[test]
    fn paths_survive_their_text(raw in prop::collection::vec((0..1_u32 << 31, any::<bool>()), 0..20)) {
        let text = raw.iter().fold(String::from("m"), |text, (index, hardened)| {
            format!("{text}/{index}{}", if *hardened { "'" } else { "" })
        });
        prop_assert_eq!(text.parse::<DerivationPath>().unwrap().to_string(), text);
    }

    #[test]
    fn damaged_extended_keys_are_refused(place in 0..111_usize, letter in "[1-9A-HJ-NP-Za-km-z]") {
        let key = ExtendedKey::from_seed(&[9; 64]).unwrap();
        let mut text = key.expose_text().to_string();
        if text[place..=place] != letter {
            text.replace_range(place..=place, &letter);
            prop_assert!(text.parse::<ExtendedKey>().is_err());
        }
    }
}
