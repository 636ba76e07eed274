//! Ethereum's rule sets. The chains of this system run Cancun; the others serve conformance tests.

use evm::standard::Config;

/// A set of Ethereum's execution rules.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Fork {
    /// 2016-10.
    TangerineWhistle,
    /// 2016-11.
    SpuriousDragon,
    /// 2017-10.
    Byzantium,
    /// 2019-02.
    Petersburg,
    /// 2019-12.
    Istanbul,
    /// 2021-04.
    Berlin,
    /// 2021-08.
    London,
    /// 2022-09: London with PREVRANDAO in the place of DIFFICULTY.
    Paris,
    /// 2023-04.
    Shanghai,
    /// 2024-03.
    #[default]
    Cancun,
}

static TANGERINE_WHISTLE: Config = Config::tangerine_whistle();
static SPURIOUS_DRAGON: Config = Config::spurious_dragon();
static BYZANTIUM: Config = Config::byzantium();
static PETERSBURG: Config = Config::petersburg();
static ISTANBUL: Config = Config::istanbul();
static BERLIN: Config = Config::berlin();
static LONDON: Config = Config::london();
static SHANGHAI: Config = Config::shanghai();
static CANCUN: Config = Config::cancun();

impl Fork {
    /// All rule sets, oldest first.
    pub const ALL: [Self; 10] = [
        Self::TangerineWhistle,
        Self::SpuriousDragon,
        Self::Byzantium,
        Self::Petersburg,
        Self::Istanbul,
        Self::Berlin,
        Self::London,
        Self::Paris,
        Self::Shanghai,
        Self::Cancun,
    ];

    /// Returns the fork by the name that ethereum/tests uses.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fork| fork.name() == name || fork.alias() == Some(name))
    }

    /// Returns the name that ethereum/tests uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TangerineWhistle => "EIP150",
            Self::SpuriousDragon => "EIP158",
            Self::Byzantium => "Byzantium",
            Self::Petersburg => "ConstantinopleFix",
            Self::Istanbul => "Istanbul",
            Self::Berlin => "Berlin",
            Self::London => "London",
            Self::Paris => "Paris",
            Self::Shanghai => "Shanghai",
            Self::Cancun => "Cancun",
        }
    }

    const fn alias(self) -> Option<&'static str> {
        match self {
            Self::Paris => Some("Merge"),
            Self::Petersburg => Some("Petersburg"),
            _ => None,
        }
    }

    pub(crate) const fn config(self) -> &'static Config {
        match self {
            Self::TangerineWhistle => &TANGERINE_WHISTLE,
            Self::SpuriousDragon => &SPURIOUS_DRAGON,
            Self::Byzantium => &BYZANTIUM,
            Self::Petersburg => &PETERSBURG,
            Self::Istanbul => &ISTANBUL,
            Self::Berlin => &BERLIN,
            Self::London | Self::Paris => &LONDON,
            Self::Shanghai => &SHANGHAI,
            Self::Cancun => &CANCUN,
        }
    }

    /// Tells whether the opcode 0x44 gives PREVRANDAO.
    pub(crate) fn has_randomness(self) -> bool {
        self >= Self::Paris
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_back_to_their_fork() {
        for fork in Fork::ALL {
            assert_eq!(Fork::from_name(fork.name()), Some(fork));
        }
        assert_eq!(Fork::from_name("Merge"), Some(Fork::Paris));
        assert_eq!(Fork::from_name("Osaka"), None);
    }
}
