//! Hashing and signatures, which bound how fast a node takes in transactions.
//!
//! `cargo bench -p mbt-benches --bench crypto`

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput};
use k256::ecdsa::{RecoveryId, Signature as PeerSignature, SigningKey, VerifyingKey};
use mbt_crypto::{RecoveryPolicy, SecretKey, keccak256};

/// A hash-sized word, a transfer, a branch node, a large contract's init code.
const HASHED_BYTES: [usize; 4] = [32, 110, 532, 24_576];
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
    }
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
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    keccak(&mut criterion);
    sign(&mut criterion);
    recover(&mut criterion);
    criterion.final_summary();
}
