//! Hashing and signatures, which bound how fast a node takes in transactions.
//!
//! `cargo bench -p mbt-benches --bench crypto`

use std::{hint::black_box, sync::Arc};

use criterion::{BenchmarkId, Criterion, Throughput};
use k256::ecdsa::{
    RecoveryId, Signature as PeerSignature, SigningKey, VerifyingKey,
    signature::hazmat::PrehashVerifier,
};
use mbt_account::{Kind, SignedTransaction, Transaction};
use mbt_crypto::{Address, KeccakEngine, RecoveryPolicy, SecretKey, keccak256};
use secp256k1::{Message, ecdsa::RecoverableSignature};
use sha3::Digest;
use tiny_keccak::Hasher;

/// A word, a public key, a transfer, a block exactly full, short branch nodes, a full one.
const MANY_BYTES: [usize; 6] = [32, 64, 110, 136, 300, 532];
/// Messages hashed in one call.
const MANY: usize = 256;
/// A hash-sized word, a transfer, a branch node, a large contract's init code.
const HASHED_BYTES: [usize; 4] = [32, 110, 532, 24_576];
/// Transfers of a block.
const BLOCK_TRANSFERS: u64 = 1_000;
const KEY: [u8; 32] = [0x17; 32];

fn keccak(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("crypto::keccak256");
    for bytes in HASHED_BYTES {
        let input = vec![0xa5; bytes];
        let params = format!("bytes={bytes}");
        group.throughput(Throughput::Bytes(bytes as u64));
        group.bench_function(BenchmarkId::new("mbt", &params), |bencher| {
            bencher.iter(|| keccak256(black_box(&input)));
        });
        group.bench_function(BenchmarkId::new("alloy-primitives", &params), |bencher| {
            bencher.iter(|| alloy_primitives::keccak256(black_box(&input)));
        });
        group.bench_function(BenchmarkId::new("sha3", &params), |bencher| {
            bencher.iter(|| sha3::Keccak256::digest(black_box(&input)));
        });
        group.bench_function(BenchmarkId::new("tiny-keccak", &params), |bencher| {
            bencher.iter(|| tiny(black_box(&input)));
        });
        group.bench_function(BenchmarkId::new("keccak-asm", &params), |bencher| {
            bencher.iter(|| keccak_asm::Keccak256::digest(black_box(&input)));
        });
    }
    group.finish();
}

fn tiny(input: &[u8]) -> [u8; 32] {
    let (mut hasher, mut hash) = (tiny_keccak::Keccak::v256(), [0; 32]);
    hasher.update(input);
    hasher.finalize(&mut hash);
    hash
}

/// Many messages in one call, on every engine of the machine, against one call for each.
fn keccak_many(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("crypto::keccak256_many");
    group.throughput(Throughput::Elements(MANY as u64));
    let mut bench = |params: &str, messages: &[Vec<u8>]| {
        group.bench_function(BenchmarkId::new("sha3", params), |bencher| {
            bencher.iter(|| {
                for message in black_box(messages) {
                    black_box(sha3::Keccak256::digest(message));
                }
            });
        });
        for engine in KeccakEngine::available() {
            let name = format!("mbt-{}", engine.name());
            group.bench_function(BenchmarkId::new(name, params), |bencher| {
                bencher.iter(|| {
                    let messages = black_box(messages).iter().map(Vec::as_slice);
                    engine.hash_many(messages, |index, hash| {
                        black_box((index, hash));
                    });
                });
            });
        }
    };
    for bytes in MANY_BYTES {
        bench(&format!("bytes={bytes}"), &vec![vec![0xa5; bytes]; MANY]);
    }
    let mixed: Vec<_> = (0..MANY).map(|i| vec![0xa5; 32 + (i * 7_919) % 501]).collect();
    bench("bytes=32-532", &mixed);
    group.finish();
}

fn sign(criterion: &mut Criterion) {
    let hash = keccak256(b"pay Alice 5");
    let ours = SecretKey::from_bytes(KEY).unwrap();
    let peer = SigningKey::from_slice(&KEY).unwrap();
    let mut group = criterion.benchmark_group("crypto::sign");
    group.throughput(Throughput::Elements(1));
    group.bench_function(BenchmarkId::new("mbt", "signatures=1"), |bencher| {
        bencher.iter(|| ours.sign(black_box(hash)));
    });
    group.bench_function(BenchmarkId::new("k256", "signatures=1"), |bencher| {
        bencher.iter(|| peer.sign_prehash_recoverable(black_box(&hash.0)).unwrap());
    });
    let raw = secp256k1::SecretKey::from_secret_bytes(KEY).unwrap();
    group.bench_function(BenchmarkId::new("secp256k1", "signatures=1"), |bencher| {
        bencher.iter(|| {
            let message = Message::from_digest(black_box(hash.0));
            RecoverableSignature::sign_ecdsa_recoverable(message, black_box(&raw))
        });
    });
    group.finish();
}

/// From a signature, a hash and a public key to whether they fit.
fn verify(criterion: &mut Criterion) {
    let hash = keccak256(b"pay Alice 5");
    let key = SecretKey::from_bytes(KEY).unwrap();
    let (public, bytes) = (key.public_key(), key.sign(hash).to_bytes());
    let rs: [u8; 64] = bytes[..64].try_into().unwrap();
    let sec1 = public.to_compressed();
    let peer = VerifyingKey::from_sec1_bytes(&sec1).unwrap();
    let peer_signature = PeerSignature::from_slice(&rs).unwrap();
    let raw = secp256k1::PublicKey::from_slice(&sec1).unwrap();

    let mut group = criterion.benchmark_group("crypto::verify");
    group.throughput(Throughput::Elements(1));
    group.bench_function(BenchmarkId::new("mbt", "signatures=1"), |bencher| {
        bencher.iter(|| public.verify(black_box(hash), black_box(&rs)).unwrap());
    });
    group.bench_function(BenchmarkId::new("secp256k1", "signatures=1"), |bencher| {
        bencher.iter(|| {
            let signature = secp256k1::ecdsa::Signature::from_compact(black_box(&rs)).unwrap();
            secp256k1::ecdsa::verify(&signature, Message::from_digest(black_box(hash.0)), &raw)
                .unwrap();
        });
    });
    group.bench_function(BenchmarkId::new("k256", "signatures=1"), |bencher| {
        bencher.iter(|| peer.verify_prehash(black_box(&hash.0), &peer_signature).unwrap());
    });
    group.finish();
}

/// From a signature and a hash to the public key, as for every transaction that arrives.
fn recover(criterion: &mut Criterion) {
    let hash = keccak256(b"pay Alice 5");
    let key = SecretKey::from_bytes(KEY).unwrap();
    let signature = key.sign(hash);
    let bytes = signature.to_bytes();
    let peer = PeerSignature::from_slice(&bytes[..64]).unwrap();
    let parity = RecoveryId::from_byte(bytes[64]).unwrap();
    let recovered = VerifyingKey::recover_from_prehash(&hash.0, &peer, parity).unwrap();
    assert_eq!(
        &recovered.to_encoded_point(true).as_bytes(),
        &key.public_key().to_compressed().as_slice(),
        "the engines disagree"
    );

    let mut group = criterion.benchmark_group("crypto::recover");
    group.throughput(Throughput::Elements(1));
    group.bench_function(BenchmarkId::new("mbt", "signatures=1"), |bencher| {
        bencher.iter(|| signature.recover(black_box(hash), RecoveryPolicy::LowS).unwrap());
    });
    group.bench_function(BenchmarkId::new("k256", "signatures=1"), |bencher| {
        bencher.iter(|| {
            VerifyingKey::recover_from_prehash(black_box(&hash.0), &peer, parity).unwrap()
        });
    });
    let id = secp256k1::ecdsa::RecoveryId::from_u8_masked(bytes[64]);
    let compact: [u8; 64] = bytes[..64].try_into().unwrap();
    group.bench_function(BenchmarkId::new("secp256k1", "signatures=1"), |bencher| {
        bencher.iter(|| {
            let signature = RecoverableSignature::from_compact(black_box(&compact), id).unwrap();
            signature.recover_ecdsa(Message::from_digest(black_box(hash.0))).unwrap()
        });
    });
    group.finish();
}

/// Senders of a block's transfers on all cores, beside one core that does nothing but recover:
/// what is between is encoding, hashing and sharing out.
fn recover_senders(criterion: &mut Criterion) {
    let transfers: Vec<Arc<SignedTransaction>> = (0..BLOCK_TRANSFERS).map(transfer).collect();
    let raw: Vec<_> = transfers
        .iter()
        .map(|transfer| {
            let bytes = transfer.signature().to_bytes();
            let parity = secp256k1::ecdsa::RecoveryId::from_u8_masked(bytes[64]);
            let signature = RecoverableSignature::from_compact(&bytes[..64], parity).unwrap();
            (signature, Message::from_digest(transfer.signing_hash().0))
        })
        .collect();

    let mut group = criterion.benchmark_group("crypto::recover_senders");
    let params = format!("n={BLOCK_TRANSFERS}");
    group.throughput(Throughput::Elements(BLOCK_TRANSFERS));
    group.sample_size(20);
    group.bench_function(BenchmarkId::new("mbt", &params), |bencher| {
        bencher.iter(|| mbt_account::recover_senders(black_box(&transfers)).unwrap());
    });
    group.bench_function(BenchmarkId::new("secp256k1", &params), |bencher| {
        bencher.iter(|| {
            for (signature, message) in black_box(&raw) {
                black_box(signature.recover_ecdsa(*message).unwrap());
            }
        });
    });
    group.finish();
}

/// The n-th transfer of a block.
fn transfer(n: u64) -> Arc<SignedTransaction> {
    let mut key = KEY;
    key[31] = u8::try_from(n % 100).unwrap();
    let kind = Kind::DynamicFee {
        chain_id: 31_337,
        max_priority_fee_per_gas: 1_000_000_000.into(),
        max_fee_per_gas: 100_000_000_000_u64.into(),
        access_list: Vec::new(),
    };
    let to = Some(Address([0x77; 20]));
    let (gas_limit, value, input) = (21_000, n.into(), Vec::new());
    let transaction = Transaction { kind, nonce: n / 100, gas_limit, to, value, input };
    Arc::new(transaction.sign(&SecretKey::from_bytes(key).unwrap()))
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    keccak(&mut criterion);
    keccak_many(&mut criterion);
    sign(&mut criterion);
    verify(&mut criterion);
    recover(&mut criterion);
    recover_senders(&mut criterion);
    criterion.final_summary();
}
