//! Which key below a master key (BIP-32's notation, BIP-44's layout).

use alloc::vec::Vec;
use core::{fmt, str::FromStr};

/// Most steps of a path: BIP-32 keeps the depth in one byte.
const DEPTH_MAX: usize = 255;

/// Longest text that is looked at when a path is read: 255 steps of 12 characters after the `m`.
const TEXT_BYTES_MAX: usize = 1 + DEPTH_MAX * 12;

/// One step down: the index of a child, and whether it is hardened.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ChildNumber(u32);

impl ChildNumber {
    const HARDENED: u32 = 1 << 31;

    /// Returns the child that an extended public key can derive too; `None` from 2^31 on.
    #[must_use]
    pub const fn normal(index: u32) -> Option<Self> {
        if index < Self::HARDENED { Some(Self(index)) } else { None }
    }

    /// Returns the child that takes the secret key to derive; `None` from 2^31 on.
    #[must_use]
    pub const fn hardened(index: u32) -> Option<Self> {
        if index < Self::HARDENED { Some(Self(index | Self::HARDENED)) } else { None }
    }

    /// Returns the index without the mark of hardening, below 2^31.
    #[must_use]
    pub const fn index(self) -> u32 {
        self.0 & !Self::HARDENED
    }

    /// Tells whether the secret key is needed.
    #[must_use]
    pub const fn is_hardened(self) -> bool {
        self.0 & Self::HARDENED != 0
    }

    pub(super) const fn from_raw(raw: u32) -> Self {
        Self(raw)
    }

    pub(super) const fn to_raw(self) -> u32 {
        self.0
    }
}

impl fmt::Display for ChildNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.index(), if self.is_hardened() { "'" } else { "" })
    }
}

/// Why a text is not a derivation path.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// The text is longer than any path.
    #[error("text of {length} bytes is longer than any derivation path")]
    TooLong {
        /// Bytes of the text.
        length: usize,
    },
    /// The path does not start at the master key.
    #[error("a derivation path starts with m")]
    MissingRoot,
    /// More than 255 steps.
    #[error("{depth} steps, at most 255 are possible")]
    TooDeep {
        /// Steps in the text.
        depth: usize,
    },
    /// A step that is not a number below 2^31, with `'`, `h` or `H` behind it if hardened.
    #[error("step {position} is not a number below 2147483648, with ' behind it if hardened")]
    InvalidStep {
        /// Place of the step, the first behind `m` is 1.
        position: usize,
    },
}

/// The way from a master key down to a key, such as `m/44'/60'/0'/0/0`.
#[derive(Clone, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct DerivationPath(Vec<ChildNumber>);

impl DerivationPath {
    /// The coin type that BIP-44 wallets use for this system's accounts: Ethereum's, so that one
    /// list of words gives the same accounts everywhere.
    pub const COIN_TYPE: u32 = 60;

    /// Returns the path of the account with this number, `m/44'/60'/0'/0/number`.
    ///
    /// Numbers from 2^31 on mean the number without its highest bit: no wallet shows so many.
    #[must_use]
    pub fn account(number: u32) -> Self {
        let hardened = |index| ChildNumber(index | ChildNumber::HARDENED);
        Self(Vec::from([
            hardened(44),
            hardened(Self::COIN_TYPE),
            hardened(0),
            ChildNumber(0),
            ChildNumber(number & !ChildNumber::HARDENED),
        ]))
    }

    /// Returns the steps from the master key down.
    #[must_use]
    pub fn steps(&self) -> &[ChildNumber] {
        &self.0
    }
}

impl FromStr for DerivationPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(PathError::TooLong { length: text.len() });
        }
        let mut parts = text.split('/');
        if parts.next() != Some("m") {
            return Err(PathError::MissingRoot);
        }
        let depth = parts.clone().count();
        if depth > DEPTH_MAX {
            return Err(PathError::TooDeep { depth });
        }
        parts
            .zip(1..)
            .map(|(step, position)| parse_step(step).ok_or(PathError::InvalidStep { position }))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// Reads a step; a sign, a space or nothing before the mark of hardening is refused.
fn parse_step(step: &str) -> Option<ChildNumber> {
    let digits = step.trim_end_matches(['\'', 'h', 'H']);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let index = digits.parse().ok()?;
    match step.len().checked_sub(digits.len())? {
        0 => ChildNumber::normal(index),
        1 => ChildNumber::hardened(index),
        _ => None,
    }
}

impl fmt::Display for DerivationPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("m")?;
        self.0.iter().try_for_each(|step| write!(f, "/{step}"))
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn paths_survive_their_text() {
        for text in ["m", "m/0", "m/44'/60'/0'/0/5", "m/2147483647'/2147483647"] {
            assert_eq!(text.parse::<DerivationPath>().unwrap().to_string(), text);
        }
        assert_eq!("m/44h/60H/0'/0/7".parse(), Ok(DerivationPath::account(7)));
    }

    #[test]
    fn a_wrong_step_is_named_by_its_place() {
        for step in ["", "'", "-1", "+1", " 1", "1 ", "1''", "1'h", "2147483648", "0x1", "\u{661}"]
        {
            for (path, position) in
                [(alloc::format!("m/{step}/2"), 1), (alloc::format!("m/1'/{step}"), 2)]
            {
                assert_eq!(
                    path.parse::<DerivationPath>(),
                    Err(PathError::InvalidStep { position }),
                    "{path}"
                );
            }
        }
    }

    #[test]
    fn depth_and_length_are_bounded() {
        let path = |depth| alloc::format!("m{}", "/0".repeat(depth)).parse::<DerivationPath>();
        assert_eq!(path(255).unwrap().steps().len(), 255);
        assert_eq!(path(256), Err(PathError::TooDeep { depth: 256 }));
        assert_eq!(path(4000), Err(PathError::TooLong { length: 8001 }));
        for text in ["", "44'/60'", "/44", "M/0", "n/0", " m"] {
            assert_eq!(text.parse::<DerivationPath>(), Err(PathError::MissingRoot), "{text}");
        }
    }
}
