//! The random function against an independent construction: the same algorithm over RustCrypto's
//! curves, which first has to give RFC 9381's vectors on P-256 and Witnet's on secp256k1
//! (`tests/data/vrf.json`).
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use mbt_crypto::{
    SecretKey,
    vrf::{InvalidProof, PROOF_BYTES, Proof, VrfError, prove},
};
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Deserialize)]
struct File {
    rfc9381_p256: Vectors,
    witnet_secp256k1: Vectors,
}

#[derive(Deserialize)]
struct Vectors {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    key: String,
    alpha: String,
    pi: String,
    beta: String,
}

/// What hashes are closed with, whether the challenge names the key, and whether the nonce's input
/// is hashed.
#[derive(Clone, Copy)]
enum Edition {
    Rfc9381,
    Draft4,
}

impl Edition {
    const fn back(self) -> &'static [u8] {
        match self {
            Self::Rfc9381 => &[0],
            Self::Draft4 => &[],
        }
    }
}

/// The algorithm over one of RustCrypto's curves, by affine formulas of the specification and
/// nothing of ours: `prove` gives proof and output, `verify` the output of a proof that holds.
macro_rules! twin {
    ($name:ident, $curve:ident, $suite:literal, $order:literal) => {
        mod $name {
            use rfc6979::{KGenerator, bigint::U256};
            use sha2::{Digest, Sha256};
            use $curve::{
                FieldBytes, ProjectivePoint, Scalar,
                elliptic_curve::{Group, PrimeField, group::GroupEncoding},
            };

            use super::Edition;

            fn bytes(point: &ProjectivePoint) -> Vec<u8> {
                point.to_bytes().to_vec()
            }

            fn point(bytes: &[u8]) -> Option<ProjectivePoint> {
                let mut encoding = <ProjectivePoint as GroupEncoding>::Repr::default();
                if bytes.len() != encoding.len() {
                    return None;
                }
                encoding.copy_from_slice(bytes);
                Option::from(ProjectivePoint::from_bytes(&encoding))
            }

            fn scalar(bytes: &[u8]) -> Option<Scalar> {
                let mut wide = FieldBytes::default();
                let start = wide.len() - bytes.len();
                wide[start..].copy_from_slice(bytes);
                Option::from(Scalar::from_repr(wide))
            }

            fn encode(key: &ProjectivePoint, alpha: &[u8], edition: Edition) -> ProjectivePoint {
                let salt = [&[$suite, 1], &bytes(key)[..], alpha].concat();
                (0_u8..)
                    .find_map(|attempt| {
                        let hash = Sha256::digest([&salt[..], &[attempt], edition.back()].concat());
                        point(&[&[2], &hash[..]].concat())
                    })
                    .unwrap()
            }

            fn challenge(points: &[ProjectivePoint; 5], edition: Edition) -> Vec<u8> {
                let named = match edition {
                    Edition::Rfc9381 => &points[..],
                    Edition::Draft4 => &points[1..],
                };
                let points: Vec<u8> = named.iter().flat_map(bytes).collect();
                let hash = Sha256::digest([&[$suite, 2], &points[..], edition.back()].concat());
                hash[..16].to_vec()
            }

            fn output(gamma: &ProjectivePoint, edition: Edition) -> Vec<u8> {
                Sha256::digest([&[$suite, 3], &bytes(gamma)[..], edition.back()].concat()).to_vec()
            }

            pub(super) fn public_key(secret: &[u8]) -> Vec<u8> {
                bytes(&(ProjectivePoint::generator() * scalar(secret).unwrap()))
            }

            pub(super) fn prove(
                secret: &[u8],
                alpha: &[u8],
                edition: Edition,
            ) -> (Vec<u8>, Vec<u8>) {
                let x = scalar(secret).unwrap();
                let key = ProjectivePoint::generator() * x;
                let h = encode(&key, alpha, edition);
                let gamma = h * x;
                let mut k = [0; 32];
                let order = U256::from_be_hex($order);
                let hash = match edition {
                    Edition::Rfc9381 => Sha256::digest(bytes(&h)).to_vec(),
                    Edition::Draft4 => bytes(&h),
                };
                KGenerator::<Sha256, U256>::new(secret, &hash, b"", &order).fill_next_k(&mut k);
                let k = scalar(&k).unwrap();
                let points = [key, h, gamma, ProjectivePoint::generator() * k, h * k];
                let c = challenge(&points, edition);
                let s = k + scalar(&c).unwrap() * x;
                ([&bytes(&gamma)[..], &c, &s.to_repr()].concat(), output(&gamma, edition))
            }

            pub(super) fn verify(
                key: &[u8],
                alpha: &[u8],
                pi: &[u8],
                edition: Edition,
            ) -> Option<Vec<u8>> {
                let key = point(key)?;
                let gamma = point(pi.get(..33)?)?;
                let c = scalar(pi.get(33..49)?)?;
                let s = scalar(pi.get(49..)?)?;
                let h = encode(&key, alpha, edition);
                let u = ProjectivePoint::generator() * s - key * c;
                let v = h * s - gamma * c;
                let again = challenge(&[key, h, gamma, u, v], edition);
                (again == pi[33..49]).then(|| output(&gamma, edition))
            }
        }
    };
}

twin!(p256_twin, p256, 1, "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551");
twin!(k256_twin, k256, 0xfe, "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141");

fn file() -> File {
    serde_json::from_str(include_str!("data/vrf.json")).unwrap()
}

fn key(secret: [u8; 32]) -> SecretKey {
    SecretKey::from_bytes(secret).unwrap()
}

#[test]
fn the_twin_gives_the_vectors_of_the_rfc_and_of_witnet() {
    let file = file();
    assert_eq!((file.rfc9381_p256.cases.len(), file.witnet_secp256k1.cases.len()), (3, 11));
    for Case { key, alpha, pi, beta } in file.rfc9381_p256.cases {
        let (key, alpha) = (hex::decode(key).unwrap(), alpha.as_bytes());
        let (proof, output) = p256_twin::prove(&key, alpha, Edition::Rfc9381);
        assert_eq!((hex::encode(&proof), hex::encode(&output)), (pi, beta));
        let public = p256_twin::public_key(&key);
        assert_eq!(p256_twin::verify(&public, alpha, &proof, Edition::Rfc9381), Some(output));
    }
    for Case { key, alpha, pi, beta } in file.witnet_secp256k1.cases {
        let (key, alpha) = (hex::decode(key).unwrap(), alpha.as_bytes());
        let (proof, output) = k256_twin::prove(&key, alpha, Edition::Draft4);
        assert_eq!((hex::encode(&proof), hex::encode(&output)), (pi, beta));
        let public = k256_twin::public_key(&key);
        assert_eq!(k256_twin::verify(&public, alpha, &proof, Edition::Draft4), Some(output));
    }
}

#[test]
fn proofs_of_the_older_edition_do_not_hold() {
    for case in file().witnet_secp256k1.cases {
        let secret = key(hex::decode(case.key).unwrap().try_into().unwrap());
        let proof = Proof::from_bytes(&hex::decode(case.pi).unwrap()).unwrap();
        let result = proof.verify(&secret.public_key(), case.alpha.as_bytes());
        assert_eq!(result, Err(VrfError::WrongProof));
    }
}

#[test]
fn a_change_of_any_bit_of_a_proof_is_refused() {
    let secret = key([7; 32]);
    let proof = prove(&secret, b"alpha").unwrap();
    for bit in 0..PROOF_BYTES * 8 {
        let mut bytes = proof.to_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(changed) = Proof::from_bytes(&bytes) {
            let result = changed.verify(&secret.public_key(), b"alpha");
            assert_eq!(result, Err(VrfError::WrongProof), "bit {bit}");
        }
    }
}

#[test]
fn proofs_are_decoded_strictly() {
    let bytes = prove(&key([7; 32]), b"alpha").unwrap().to_bytes();
    for length in [0, 33, 49, 80] {
        assert_eq!(Proof::from_bytes(&bytes[..length]), Err(InvalidProof::WrongLength { length }));
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(Proof::from_bytes(&longer), Err(InvalidProof::WrongLength { length: 82 }));
    let with = |place: usize, part: &[u8]| {
        let mut bytes = bytes;
        bytes[place..place + part.len()].copy_from_slice(part);
        Proof::from_bytes(&bytes)
    };
    for mark in [0, 1, 4, 5, 6, 7, 0xff] {
        assert_eq!(with(0, &[mark]), Err(InvalidProof::NotAPoint));
    }
    assert_eq!(with(1, &[0xff; 32]), Err(InvalidProof::NotAPoint));
    let order = hex::decode("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
    let mut order = order.unwrap();
    assert_eq!(with(49, &order), Err(InvalidProof::ScalarOutOfRange));
    assert_eq!(with(49, &[0xff; 32]), Err(InvalidProof::ScalarOutOfRange));
    order[31] -= 1;
    assert!(with(49, &order).is_ok());
    assert!(with(49, &[0; 32]).is_ok());
}

#[test]
fn zero_scalars_are_judged_like_any_other() {
    let secret = key([7; 32]);
    let valid = prove(&secret, b"alpha").unwrap().to_bytes();
    for (c, s) in [([0; 16], [0; 32]), ([0; 16], [1; 32]), ([1; 16], [0; 32])] {
        let bytes = [&valid[..33], &c, &s].concat();
        let public = secret.public_key();
        let ours = Proof::from_bytes(&bytes).unwrap().verify(&public, b"alpha");
        assert_eq!(ours, Err(VrfError::WrongProof));
        let theirs = k256_twin::verify(&public.to_compressed(), b"alpha", &bytes, Edition::Rfc9381);
        assert_eq!(theirs, None);
    }
}

#[test]
fn the_format_of_proofs_is_pinned() {
    // A change here is a change of the protocol.
    let proof = prove(&key([1; 32]), b"mbt").unwrap();
    let (theirs, _) = k256_twin::prove(&[1; 32], b"mbt", Edition::Rfc9381);
    assert_eq!(proof.to_bytes().to_vec(), theirs);
    assert_eq!(
        hex::encode(proof.to_bytes()),
        "030c3293dfd277ca237cabd058d1966d74bd86efbb024910ff82452f68e9303069cd861f0ada19ed0cd010736e8afb81db9fe2193614b3cb103f5e4221cffbb999757f19fea88571f8b336bbe5d439149d"
    );
    assert_eq!(
        hex::encode(proof.output()),
        "da513f7d78d38e1c962f26210eeca25743b7d981801815bbe31016ad60dc3dc2"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_twin_proves_and_verifies_the_same(secret: [u8; 32], alpha: Vec<u8>, other: Vec<u8>) {
        if let Ok(key) = SecretKey::from_bytes(secret) {
            let proof = prove(&key, &alpha).unwrap();
            let bytes = proof.to_bytes();
            let (theirs, output) = k256_twin::prove(&secret, &alpha, Edition::Rfc9381);
            prop_assert_eq!(bytes.as_slice(), theirs);
            prop_assert_eq!(proof.output().0.to_vec(), output.clone());
            let public = key.public_key();
            prop_assert_eq!(Proof::from_bytes(&bytes), Ok(proof));
            prop_assert_eq!(proof.verify(&public, &alpha), Ok(proof.output()));
            let compressed = public.to_compressed();
            prop_assert_eq!(
                k256_twin::verify(&compressed, &alpha, &bytes, Edition::Rfc9381),
                Some(output)
            );
            if alpha != other {
                prop_assert_eq!(proof.verify(&public, &other), Err(VrfError::WrongProof));
                prop_assert_ne!(prove(&key, &other).unwrap().output(), proof.output());
            }
        }
    }

    #[test]
    fn nobody_else_proves_the_same_output(a: [u8; 32], b: [u8; 32]) {
        if let (Ok(a), Ok(b)) = (SecretKey::from_bytes(a), SecretKey::from_bytes(b)) {
            let proof = prove(&a, b"alpha").unwrap();
            prop_assert_eq!(proof.verify(&b.public_key(), b"alpha").is_ok(), a == b);
        }
    }

    #[test]
    fn verdicts_agree_on_damaged_proofs(place in 0..PROOF_BYTES, byte: u8, alpha: Vec<u8>) {
        let secret = key([9; 32]);
        let mut bytes = prove(&secret, &alpha).unwrap().to_bytes();
        bytes[place] = byte;
        let public = secret.public_key();
        let ours = Proof::from_bytes(&bytes).ok().and_then(|p| p.verify(&public, &alpha).ok());
        let theirs =
            k256_twin::verify(&public.to_compressed(), &alpha, &bytes, Edition::Rfc9381);
        prop_assert_eq!(ours.map(|output| output.0.to_vec()), theirs);
    }

    #[test]
    fn decoding_any_bytes_never_panics(bytes: Vec<u8>, full: [[u8; 27]; 3]) {
        let _ = Proof::from_bytes(&bytes);
        if let Ok(proof) = Proof::from_bytes(full.as_flattened()) {
            prop_assert_eq!(proof.to_bytes().to_vec(), full.as_flattened());
            let _ = proof.verify(&key([7; 32]).public_key(), &bytes);
        }
    }
}
