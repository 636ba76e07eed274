//! Every engine of this machine against the `sha3` crate, one message at a time.

use mbt_crypto::{H256, KeccakEngine};
use proptest::prelude::*;
use sha3::Digest;

/// Around the ends of blocks, which are 136 bytes.
const EDGES: [usize; 18] =
    [0, 1, 7, 8, 31, 63, 64, 65, 127, 128, 129, 134, 135, 136, 137, 271, 272, 273];

fn expected(message: &[u8]) -> H256 {
    H256(sha3::Keccak256::digest(message).into())
}

/// Bytes that differ from lane to lane and from place to place.
fn message(seed: usize, length: usize) -> Vec<u8> {
    let mut word = seed as u64;
    let next = |_| {
        word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        word.to_be_bytes()[0]
    };
    (0..length).map(next).collect()
}

fn check(messages: &[Vec<u8>]) {
    for engine in KeccakEngine::available() {
        for message in messages {
            assert_eq!(engine.hash(message), expected(message), "{}", engine.name());
        }
        let mut seen = vec![false; messages.len()];
        engine.hash_many(messages.iter().map(Vec::as_slice), |index, hash| {
            let lengths: Vec<_> = messages.iter().map(Vec::len).collect();
            let name = engine.name();
            assert_eq!(hash, expected(&messages[index]), "{name}: {index} of {lengths:?}");
            assert!(!seen[index], "{name}: {index} came twice, of {lengths:?}");
            seen[index] = true;
        });
        assert_eq!(seen, vec![true; messages.len()], "{}: all come", engine.name());
    }
}

#[test]
fn the_machines_vectors_are_used() {
    let names: Vec<_> = KeccakEngine::available().map(KeccakEngine::name).collect();
    assert_eq!(names.last(), Some(&"scalar"));
    #[cfg(target_arch = "x86_64")]
    {
        assert_eq!(names.contains(&"avx2"), is_x86_feature_detected!("avx2"));
        let avx512 = is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vl");
        assert_eq!(names[0] == "avx512", avx512);
    }
}

#[test]
fn every_length_of_up_to_600_bytes_hashes_like_sha3() {
    for length in 0..=600 {
        check(&(0..9).map(|lane| message(length * 9 + lane, length)).collect::<Vec<_>>());
    }
}

#[test]
fn every_pair_of_edge_lengths_shares_lanes() {
    for (a, first) in EDGES.into_iter().enumerate() {
        for second in EDGES {
            let lengths = [first, second, second, first, first, second, 532, first, second];
            let messages = lengths.into_iter().enumerate().map(|(i, n)| message(64 * a + i, n));
            check(&messages.collect::<Vec<_>>());
        }
    }
}

#[test]
fn every_number_of_messages_leaves_no_lane_behind() {
    for count in 0..=40 {
        check(&(0..count).map(|i| message(i, (i * 97) % 420)).collect::<Vec<_>>());
        check(&(0..count).map(|i| message(i, 110)).collect::<Vec<_>>());
    }
}

#[test]
fn one_long_message_outlasts_many_short_ones() {
    for place in 0..20 {
        let length = |i| if i == place { 5_000 } else { 32 };
        check(&(0..20).map(|i| message(i, length(i))).collect::<Vec<_>>());
    }
}

#[test]
fn messages_at_any_address_hash_alike() {
    let bytes = message(1, 900);
    for start in 0..64 {
        let messages: Vec<_> = (0..8).map(|i| &bytes[start + i..start + 40 * i + 300]).collect();
        for engine in KeccakEngine::available() {
            engine.hash_many(messages.iter().copied(), |index, hash| {
                assert_eq!(hash, expected(messages[index]), "{} at {start}", engine.name());
            });
        }
    }
}

proptest! {
    #[test]
    fn random_mixes_hash_like_sha3(
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..700), 0..60)
    ) {
        check(&messages);
    }
}
