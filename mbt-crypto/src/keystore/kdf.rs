//! Keys from passwords, within bounds.

use alloc::vec::Vec;

use sha2::Sha256;
use zeroize::Zeroizing;

use super::json::KeystoreError;

/// Most memory that a file may ask of scrypt, `128 * n * r`: twice that of [`Profile::Standard`].
const MEMORY_BYTES_MAX: u64 = 512 << 20;

/// Most work that a file may ask of scrypt, `n * r * p`: eight times that of [`Profile::Standard`].
const WORK_MAX: u64 = 8 * (8 << 18);

/// Largest block size r; everybody writes 8 or 1.
const R_MAX: u64 = 64;

/// Largest parallelism p; everybody writes 8 or less.
const P_MAX: u64 = 256;

/// Most rounds that a file may ask of PBKDF2.
const ROUNDS_MAX: u64 = 10_000_000;

/// Longest salt in bytes; everybody writes 16 or 32.
const SALT_BYTES_MAX: usize = 64;

/// How much memory and time a guess at the password costs.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum Profile {
    /// scrypt with n = 2^18, r = 8, p = 1: 256 MiB, about a second. geth's default.
    #[default]
    Standard,
    /// scrypt with n = 2^15, r = 8, p = 1: 32 MiB, about a tenth of a second. For small machines.
    Light,
    /// scrypt with n = 2^12, r = 8, p = 6: 4 MiB. geth's `--lightkdf`; for development keys, and
    /// where a password has the strength of a key.
    Minimal,
}

/// A key derivation function with its parameters, all within their bounds.
#[derive(Clone, Eq, PartialEq)]
pub(super) enum Kdf {
    Scrypt { log_n: u8, r: u32, p: u32, salt: Vec<u8> },
    Pbkdf2 { rounds: u32, salt: Vec<u8> },
}

impl Kdf {
    pub(super) fn scrypt(profile: Profile, salt: &[u8]) -> Self {
        let (log_n, p) = match profile {
            Profile::Standard => (18, 1),
            Profile::Light => (15, 1),
            Profile::Minimal => (12, 6),
        };
        Self::Scrypt { log_n, r: 8, p, salt: salt.to_vec() }
    }

    /// Takes parameters from a file: each one's bound follows from those before it.
    pub(super) fn bounded_scrypt(
        n: u64,
        r: u64,
        p: u64,
        salt: Vec<u8>,
    ) -> Result<Self, KeystoreError> {
        if n < 2 || !n.is_power_of_two() {
            return Err(KeystoreError::WrongField { field: "crypto.kdfparams.n" });
        }
        bound("crypto.kdfparams.n", n, MEMORY_BYTES_MAX / 128)?;
        let r = bound("crypto.kdfparams.r", r, R_MAX.min(MEMORY_BYTES_MAX / 128 / n))?;
        let p = bound("crypto.kdfparams.p", p, P_MAX.min(WORK_MAX / n / u64::from(r)))?;
        let log_n = u8::try_from(n.trailing_zeros())
            .map_err(|_| KeystoreError::WrongField { field: "crypto.kdfparams.n" })?;
        Ok(Self::Scrypt { log_n, r, p, salt: check_salt(salt)? })
    }

    /// Takes parameters from a file.
    pub(super) fn bounded_pbkdf2(rounds: u64, salt: Vec<u8>) -> Result<Self, KeystoreError> {
        let rounds = bound("crypto.kdfparams.c", rounds, ROUNDS_MAX)?;
        Ok(Self::Pbkdf2 { rounds, salt: check_salt(salt)? })
    }

    pub(super) fn derive(&self, password: &[u8]) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        match self {
            Self::Scrypt { log_n, r, p, salt } => {
                #[allow(clippy::expect_used, reason = "a profile's parameters, or bounded ones")]
                let params = scrypt::Params::new(*log_n, *r, *p).expect("within scrypt's bounds");
                #[allow(clippy::expect_used, reason = "32 bytes are no wrong length")]
                scrypt::scrypt(password, salt, &params, &mut *key).expect("32 bytes");
            }
            Self::Pbkdf2 { rounds, salt } => {
                pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, *rounds, &mut *key);
            }
        }
        key
    }
}

/// Returns a parameter between 1 and `max`.
fn bound(field: &'static str, value: u64, max: u64) -> Result<u32, KeystoreError> {
    match u32::try_from(value) {
        Ok(0) => Err(KeystoreError::WrongField { field }),
        Ok(small) if value <= max => Ok(small),
        _ => Err(KeystoreError::TooLarge { field, value, max }),
    }
}

fn check_salt(salt: Vec<u8>) -> Result<Vec<u8>, KeystoreError> {
    if (1..=SALT_BYTES_MAX).contains(&salt.len()) {
        Ok(salt)
    } else {
        Err(KeystoreError::WrongField { field: "crypto.kdfparams.salt" })
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn scrypt(n: u64, r: u64, p: u64) -> Option<KeystoreError> {
        Kdf::bounded_scrypt(n, r, p, vec![1; 32]).err()
    }

    #[test]
    fn what_wallets_write_is_within_the_bounds() {
        // geth's default and light form, ethers, eth-account, MyCrypto, and the standard's example.
        for (n, r, p) in
            [(1 << 18, 8, 1), (1 << 12, 8, 6), (1 << 17, 8, 1), (8192, 8, 1), (1 << 18, 1, 8)]
        {
            assert_eq!(scrypt(n, r, p), None);
        }
        assert!(Kdf::bounded_pbkdf2(1_000_000, vec![1; 16]).is_ok());
    }

    #[test]
    fn each_parameter_has_a_bound_of_its_own() {
        let wrong = |field| Some(KeystoreError::WrongField { field });
        let large = |field, value, max| Some(KeystoreError::TooLarge { field, value, max });
        for n in [0, 1, 3, (1 << 18) - 1, u64::MAX] {
            assert_eq!(scrypt(n, 8, 1), wrong("crypto.kdfparams.n"));
        }
        assert_eq!(scrypt(1 << 23, 1, 1), large("crypto.kdfparams.n", 1 << 23, 1 << 22));
        assert_eq!(scrypt(1 << 63, 8, 1), large("crypto.kdfparams.n", 1 << 63, 1 << 22));
        assert_eq!(scrypt(1 << 19, 8, 1), None);
        assert_eq!(scrypt(1 << 20, 8, 1), large("crypto.kdfparams.r", 8, 4));
        assert_eq!(scrypt(2, u64::MAX, 1), large("crypto.kdfparams.r", u64::MAX, 64));
        assert_eq!(scrypt(2, 0, 1), wrong("crypto.kdfparams.r"));
        assert_eq!(scrypt(2, 1, 0), wrong("crypto.kdfparams.p"));
        assert_eq!(scrypt(1 << 18, 8, 8), None);
        assert_eq!(scrypt(1 << 18, 8, 9), large("crypto.kdfparams.p", 9, 8));
        assert_eq!(scrypt(2, 1, 257), large("crypto.kdfparams.p", 257, 256));
        let rounds = |rounds| Kdf::bounded_pbkdf2(rounds, vec![1; 32]).err();
        assert_eq!(rounds(0), wrong("crypto.kdfparams.c"));
        assert_eq!(rounds(10_000_001), large("crypto.kdfparams.c", 10_000_001, 10_000_000));
        for salt in [0, 65] {
            assert_eq!(Kdf::bounded_pbkdf2(1, vec![1; salt]).err(), wrong("crypto.kdfparams.salt"));
        }
    }
}
