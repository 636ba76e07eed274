//! Keystores that other programs wrote (`tests/data/keystores.json`), and hostile ones.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::convert::Infallible;

use mbt_crypto::{
    SecretKey,
    keystore::{DecryptError, Keystore, KeystoreError, Profile},
};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Written {
    password: String,
    files: Vec<File>,
    out_of_range: File,
}

#[derive(Deserialize)]
struct File {
    writer: String,
    key: String,
    file: Value,
}

/// Counts upwards: a test wants the same salt in every run.
struct Counter(u8);

impl rand_core::TryRng for Counter {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        rand_core::utils::next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        rand_core::utils::next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for byte in bytes {
            self.0 = self.0.wrapping_add(1);
            *byte = self.0;
        }
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Counter {}

fn written() -> Written {
    serde_json::from_str(include_str!("data/keystores.json")).unwrap()
}

fn secret(text: &str) -> SecretKey {
    SecretKey::from_bytes(hex::decode(text).unwrap().try_into().unwrap()).unwrap()
}

/// A valid file that is quick to open, with one change.
fn changed(change: impl FnOnce(&mut Value)) -> String {
    let mut file = written().files.swap_remove(6).file;
    change(&mut file);
    file.to_string()
}

fn error(change: impl FnOnce(&mut Value)) -> KeystoreError {
    changed(change).parse::<Keystore>().unwrap_err()
}

#[test]
fn files_of_other_programs_open() {
    let written = written();
    assert_eq!(written.files.len(), 8);
    for File { writer, key, file } in written.files {
        let keystore: Keystore = file.to_string().parse().unwrap();
        let key = secret(&key);
        assert!(keystore.decrypt(written.password.as_bytes()).unwrap() == key, "{writer}");
        assert_eq!(keystore.decrypt(b"correct horse"), Err(DecryptError::WrongPassword));
        assert!(keystore.address().is_none_or(|address| address == key.address()), "{writer}");
        // What we write of it, we read as the same.
        assert_eq!(keystore.to_json().parse(), Ok(keystore), "{writer}");
    }
}

#[test]
fn what_is_encrypted_opens_with_its_password_only() {
    let key = SecretKey::from_bytes([7; 32]).unwrap();
    for profile in [Profile::Minimal, Profile::Light, Profile::Standard] {
        let keystore = Keystore::encrypt(&key, b"password", profile, &mut Counter(0));
        assert!(keystore.decrypt(b"password").unwrap() == key);
        assert_eq!(keystore.to_json().parse(), Ok(keystore.clone()));
        if profile != Profile::Standard {
            assert_eq!(keystore.decrypt(b"Password"), Err(DecryptError::WrongPassword));
        }
    }
}

#[test]
fn salt_vector_and_id_are_drawn_anew() {
    let key = SecretKey::from_bytes([7; 32]).unwrap();
    let mut rng = Counter(0);
    let files = [(); 2].map(|()| {
        let text = Keystore::encrypt(&key, b"", Profile::Minimal, &mut rng).to_json();
        serde_json::from_str::<Value>(&text).unwrap()
    });
    for pointer in
        ["/id", "/crypto/kdfparams/salt", "/crypto/cipherparams/iv", "/crypto/ciphertext"]
    {
        assert_ne!(files[0].pointer(pointer).unwrap(), files[1].pointer(pointer).unwrap());
    }
    // The bytes 49 to 64 of the counter, with the marks of a random UUID.
    assert_eq!(files[0]["id"], "31323334-3536-4738-b93a-3b3c3d3e3f40");
    assert_eq!(files[0]["address"], hex::encode(key.address().0));
}

#[test]
fn spellings_that_wallets_use_are_read() {
    type Change = fn(&mut Value);
    let same: [Change; 6] = [
        |file| file["version"] = "3".into(),
        |file| file["address"] = "0x9D8A62f656a8d1615C1294fd71e9CFb3E4855A4F".into(),
        |file| file["address"] = Value::Null,
        |file| {
            let crypto = file.as_object_mut().unwrap().remove("crypto").unwrap();
            file["Crypto"] = crypto;
        },
        |file| drop(file.as_object_mut().unwrap().remove("id")),
        |file| file["crypto"]["version"] = 1.into(),
    ];
    for change in same {
        let keystore: Keystore = changed(change).parse().unwrap();
        assert!(keystore.decrypt(written().password.as_bytes()).is_ok());
    }
}

#[test]
fn every_damaged_field_is_named() {
    let wrong = |field| KeystoreError::WrongField { field };
    let paths = [
        ("version", "/version"),
        ("id", "/id"),
        ("address", "/address"),
        ("crypto", "/crypto"),
        ("crypto.ciphertext", "/crypto/ciphertext"),
        ("crypto.mac", "/crypto/mac"),
        ("crypto.cipher", "/crypto/cipher"),
        ("crypto.cipherparams", "/crypto/cipherparams"),
        ("crypto.cipherparams.iv", "/crypto/cipherparams/iv"),
        ("crypto.kdf", "/crypto/kdf"),
        ("crypto.kdfparams", "/crypto/kdfparams"),
        ("crypto.kdfparams.n", "/crypto/kdfparams/n"),
        ("crypto.kdfparams.r", "/crypto/kdfparams/r"),
        ("crypto.kdfparams.p", "/crypto/kdfparams/p"),
        ("crypto.kdfparams.dklen", "/crypto/kdfparams/dklen"),
        ("crypto.kdfparams.salt", "/crypto/kdfparams/salt"),
    ];
    for (field, pointer) in paths {
        for value in [json!(true), json!([]), json!(-1), json!(0.5), json!(31)] {
            let change = |file: &mut Value| {
                file["address"] = json!("9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F");
                *file.pointer_mut(pointer).unwrap() = value.clone();
            };
            if value == json!(31) && matches!(field, "crypto.kdfparams.r" | "crypto.kdfparams.p") {
                continue;
            }
            assert_eq!(error(change), wrong(field), "{field} {value}");
        }
        let missing = |file: &mut Value| {
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            file.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
        };
        if !matches!(field, "id" | "address") {
            assert_eq!(error(missing), KeystoreError::MissingField { field });
        }
    }
    for (field, pointer) in &paths[4..6] {
        for value in ["zz", "0", "", &"00".repeat(33), "\u{4e2d}\u{6587}"] {
            assert_eq!(
                error(|file| *file.pointer_mut(pointer).unwrap() = value.into()),
                wrong(field)
            );
        }
    }
    for (field, pointer) in [paths[6], paths[9]] {
        let error = error(|file| *file.pointer_mut(pointer).unwrap() = "aes-256-gcm".into());
        assert_eq!(error, KeystoreError::UnknownMethod { field });
    }
    for id in ["", "3198bc9c66725ab3d9954942343ae5b6", "3198bc9c-6672-5ab3-d995-4942343ae5bg"] {
        assert_eq!(error(|file| file["id"] = id.into()), wrong("id"));
    }
    assert_eq!(error(|file| file["version"] = 4.into()), wrong("version"));
    let prf = |prf: &str| {
        let kdfparams = json!({ "c": 2, "dklen": 32, "prf": prf, "salt": "00" });
        changed(|file| {
            file["crypto"]["kdf"] = "pbkdf2".into();
            file["crypto"]["kdfparams"] = kdfparams;
        })
        .parse::<Keystore>()
    };
    assert!(prf("hmac-sha256").is_ok());
    assert_eq!(
        prf("hmac-sha512"),
        Err(KeystoreError::UnknownMethod { field: "crypto.kdfparams.prf" })
    );
}

#[test]
fn hostile_parameters_are_refused_before_any_work() {
    for (name, value, max) in
        [("n", 1_u64 << 62, 1_u64 << 22), ("r", u64::MAX, 64), ("p", 1 << 30, 256)]
    {
        let field = ["n", "r", "p"].iter().position(|other| *other == name).unwrap();
        let field = ["crypto.kdfparams.n", "crypto.kdfparams.r", "crypto.kdfparams.p"][field];
        assert_eq!(
            error(|file| file["crypto"]["kdfparams"][name] = value.into()),
            KeystoreError::TooLarge { field, value, max }
        );
    }
    let long = format!("{}{}", " ".repeat(1 << 16), changed(|_| {}));
    assert_eq!(long.parse::<Keystore>(), Err(KeystoreError::TooLong { length: long.len() }));
    let deep = "[".repeat(60_000);
    assert!(matches!(deep.parse::<Keystore>(), Err(KeystoreError::NotJson { .. })));
    assert_eq!("[]".parse::<Keystore>(), Err(KeystoreError::NotJson { line: 0, column: 0 }));
}

#[test]
fn every_damaged_byte_of_key_and_mac_is_noticed() {
    let password = written().password;
    for (pointer, bytes) in [("/crypto/ciphertext", 32), ("/crypto/mac", 32)] {
        for place in (0..bytes).step_by(5) {
            let text = changed(|file| {
                file["crypto"]["kdfparams"]["n"] = 2.into();
                let value = file.pointer_mut(pointer).unwrap();
                let mut raw = hex::decode(value.as_str().unwrap()).unwrap();
                raw[place] ^= 1;
                *value = hex::encode(raw).into();
            });
            let keystore: Keystore = text.parse().unwrap();
            assert_eq!(keystore.decrypt(password.as_bytes()), Err(DecryptError::WrongPassword));
        }
    }
}

#[test]
fn a_key_under_a_foreign_address_is_refused() {
    let text = changed(|file| file["address"] = "00".repeat(20).into());
    let keystore: Keystore = text.parse().unwrap();
    assert!(matches!(
        keystore.decrypt(written().password.as_bytes()),
        Err(DecryptError::WrongAddress { claimed, .. }) if claimed == mbt_crypto::Address::ZERO
    ));
}

#[test]
fn a_key_out_of_range_is_refused() {
    let written = written();
    let keystore: Keystore = written.out_of_range.file.to_string().parse().unwrap();
    assert_eq!(keystore.decrypt(written.password.as_bytes()), Err(DecryptError::InvalidKey));
}

proptest! {
    #[test]
    fn reading_any_text_never_panics(text in ".*") {
        let _ = text.parse::<Keystore>();
    }

    #[test]
    fn reading_a_damaged_file_never_panics(place: prop::sample::Index, byte in 0x20..0x7f_u8) {
        let mut text = changed(|_| {}).into_bytes();
        let place = place.index(text.len());
        text[place] = byte;
        if let Ok(keystore) = String::from_utf8(text).unwrap().parse::<Keystore>() {
            prop_assert_eq!(keystore.to_json().parse(), Ok(keystore));
        }
    }
}
