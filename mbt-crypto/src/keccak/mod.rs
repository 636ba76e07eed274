//! Keccak-256 of many messages at once.

#[cfg(target_arch = "x86_64")]
mod lanes;
#[cfg(target_arch = "x86_64")]
mod x86;

use alloc::vec::Vec;

use primitive_types::H256;
use sha3::Digest;

#[cfg(target_arch = "x86_64")]
use self::lanes::Lanes;

/// Hashes every message on the fastest engine of this machine and hands each digest to `digest`,
/// with the message's position.
///
/// Digests come in the order in which messages finish, not in which they were given. Lengths may
/// differ: an engine of several lanes gives a lane its next message as soon as the one before is
/// absorbed, so all lanes stay busy until the messages run out. Nothing is allocated.
///
/// ```
/// use mbt_crypto::{H256, keccak256, keccak256_many};
/// let nodes = [vec![1; 32], vec![2; 532], vec![]];
/// let mut hashes = [H256::zero(); 3];
/// keccak256_many(nodes.iter().map(Vec::as_slice), |index, hash| hashes[index] = hash);
/// assert_eq!(hashes, [keccak256(&nodes[0]), keccak256(&nodes[1]), keccak256(&nodes[2])]);
/// ```
pub fn keccak256_many<'a>(
    messages: impl IntoIterator<Item = &'a [u8]>,
    digest: impl FnMut(usize, H256),
) {
    KeccakEngine::best().hash_many(messages, digest);
}

/// Returns the hash of every message, in the messages' order: [`keccak256_many`] for those who
/// want a list.
#[must_use]
pub fn keccak256_all<'a>(messages: impl IntoIterator<Item = &'a [u8]>) -> Vec<H256> {
    let messages = messages.into_iter();
    let mut hashes = Vec::with_capacity(messages.size_hint().0);
    keccak256_many(messages, |index, hash| {
        if index >= hashes.len() {
            hashes.resize(index.saturating_add(1), H256::zero());
        }
        if let Some(slot) = hashes.get_mut(index) {
            *slot = hash;
        }
    });
    hashes
}

/// A way to hash many messages that this machine can take.
///
/// [`keccak256_many`] takes the best by itself. Naming one is for tests and measurements.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KeccakEngine(Kind);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    #[cfg(target_arch = "x86_64")]
    Avx512(x86::Avx512),
    #[cfg(target_arch = "x86_64")]
    Avx2(x86::Avx2),
    Scalar,
}

impl KeccakEngine {
    /// Returns the fastest engine of this machine.
    #[must_use]
    pub fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(kernel) = x86::Avx512::detect() {
            return Self(Kind::Avx512(kernel));
        } else if let Some(kernel) = x86::Avx2::detect() {
            return Self(Kind::Avx2(kernel));
        }
        Self(Kind::Scalar)
    }

    /// Returns every engine of this machine, the fastest first.
    pub fn available() -> impl Iterator<Item = Self> {
        #[cfg(target_arch = "x86_64")]
        let vectors =
            [x86::Avx512::detect().map(Kind::Avx512), x86::Avx2::detect().map(Kind::Avx2)];
        #[cfg(not(target_arch = "x86_64"))]
        let vectors = [None];
        vectors.into_iter().flatten().chain([Kind::Scalar]).map(Self)
    }

    /// Returns a short name: `avx512`, `avx2` or `scalar`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(_) => "avx512",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(_) => "avx2",
            Kind::Scalar => "scalar",
        }
    }

    /// Returns the hash of one message.
    #[must_use]
    pub fn hash(self, message: &[u8]) -> H256 {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(kernel) => lanes::hash_one::<4>(kernel, message),
            _ => H256(sha3::Keccak256::digest(message).into()),
        }
    }

    /// Does what [`keccak256_many`] does, on this engine.
    pub fn hash_many<'a>(
        self,
        messages: impl IntoIterator<Item = &'a [u8]>,
        mut digest: impl FnMut(usize, H256),
    ) {
        let mut messages = messages.into_iter().fuse().enumerate();
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(kernel) => {
                let mut wide = Lanes::<8>::new();
                wide.run(kernel, &mut messages, 4, &mut digest);
                wide.narrowed::<4>().run(kernel, &mut messages, 0, digest);
            }
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(kernel) => Lanes::<4>::new().run(kernel, &mut messages, 0, digest),
            Kind::Scalar => messages.for_each(|(index, message)| digest(index, self.hash(message))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keccak256;

    #[test]
    fn every_engine_hashes_like_the_single_hash() {
        let bytes: Vec<u8> = (0..=255).cycle().take(1200).collect();
        for engine in KeccakEngine::available() {
            let mut seen = 0;
            engine.hash_many((0..600).map(|n| &bytes[n..2 * n]), |index, hash| {
                assert_eq!(hash, keccak256(&bytes[index..2 * index]), "{} {index}", engine.name());
                seen += 1;
            });
            assert_eq!(seen, 600);
        }
    }

    #[test]
    fn the_list_keeps_the_messages_order() {
        let messages: [&[u8]; 3] = [&[1; 300], b"", &[2; 32]];
        assert_eq!(keccak256_all(messages), messages.map(keccak256));
        assert!(keccak256_all([]).is_empty());
    }
}
