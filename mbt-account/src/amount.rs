//! Amounts of coin as people write them, exactly: no floats, no rounding.

use alloc::{
    format,
    string::{String, ToString},
};

use mbt_crypto::U256;

/// Digits after the point of one MBTC.
const COIN_DECIMALS: usize = 18;

/// Digits after the point of one gwei, the unit of gas prices.
const GWEI_DECIMALS: usize = 9;

/// Longest text that is read: 78 digits, a point and a unit.
const TEXT_BYTES_MAX: usize = 100;

/// Why a text is not an amount.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AmountError {
    /// The text is longer than any amount.
    #[error("amount of {length} bytes is too long")]
    TooLong {
        /// Bytes of the text.
        length: usize,
    },
    /// Not digits with at most one point.
    #[error("amount \"{text}\" is not a decimal number such as 1.5")]
    NotANumber {
        /// What was read.
        text: String,
    },
    /// A unit that is none.
    #[error("unit \"{unit}\" is unknown, expected MBTC, gwei or wei")]
    UnknownUnit {
        /// What was read.
        unit: String,
    },
    /// More digits after the point than the unit has.
    #[error("{digits} digits after the point, {unit} has {max}")]
    TooPrecise {
        /// Digits read.
        digits: usize,
        /// The unit.
        unit: &'static str,
        /// Digits the unit has.
        max: usize,
    },
    /// The amount does not fit in 256 bits.
    #[error("amount is greater than any balance")]
    TooGreat,
}

/// Reads "1.5 MBTC", "20 gwei", "7 wei"; a number alone is MBTC. Returns the amount in the smallest
/// unit.
///
/// ```
/// use mbt_account::parse_amount;
///
/// assert_eq!(parse_amount("1.5 MBTC")?, 1_500_000_000_000_000_000_u64.into());
/// assert_eq!(parse_amount("20gwei")?, 20_000_000_000_u64.into());
/// assert!(parse_amount("0.1 wei").is_err());
/// # Ok::<(), mbt_account::AmountError>(())
/// ```
///
/// # Errors
/// [`AmountError`].
pub fn parse_amount(text: &str) -> Result<U256, AmountError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(AmountError::TooLong { length: text.len() });
    }
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let (unit, decimals) = match unit.trim_start() {
        "" | "MBTC" | "mbtc" => ("MBTC", COIN_DECIMALS),
        "gwei" => ("gwei", GWEI_DECIMALS),
        "wei" => ("wei", 0),
        unit => return Err(AmountError::UnknownUnit { unit: unit.into() }),
    };
    let (whole, fraction) = match number.split_once('.') {
        None => (number, ""),
        // "1." and ".5" are slips of the hand rather than amounts.
        Some((whole, fraction)) if !whole.is_empty() && !fraction.is_empty() => (whole, fraction),
        Some(_) => return Err(AmountError::NotANumber { text: number.into() }),
    };
    if whole.is_empty() || fraction.contains('.') {
        return Err(AmountError::NotANumber { text: text.into() });
    }
    if fraction.len() > decimals {
        return Err(AmountError::TooPrecise { digits: fraction.len(), unit, max: decimals });
    }
    let digits = format!("{whole}{fraction:0<decimals$}");
    U256::from_dec_str(&digits).map_err(|_| AmountError::TooGreat)
}

/// Writes an amount, given in the smallest unit, in MBTC with all its digits: "1.5".
#[must_use]
pub fn format_amount(amount: U256) -> String {
    // U256 takes no width.
    let digits = format!("{:0>width$}", amount.to_string(), width = COIN_DECIMALS + 1);
    let (whole, fraction) = digits.split_at(digits.len() - COIN_DECIMALS);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() { whole.into() } else { format!("{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in ["", " ", ".", "1.", ".5", "-1", "+1", "1,5", "1e18", "0x10", "1.2.3", "MBTC"] {
            assert!(parse_amount(text).is_err(), "{text:?}");
        }
        assert_eq!(parse_amount("1 ether"), Err(AmountError::UnknownUnit { unit: "ether".into() }));
        assert!(matches!(
            parse_amount("0.0000000000000000001"),
            Err(AmountError::TooPrecise { digits: 19, max: 18, .. })
        ));
        assert_eq!(parse_amount(&"9".repeat(70)), Err(AmountError::TooGreat));
        assert_eq!(parse_amount(&"9".repeat(101)), Err(AmountError::TooLong { length: 101 }));
    }

    proptest! {
        #[test]
        fn every_amount_survives_a_round_trip(words in any::<[u64; 4]>(), shift in 0usize..256) {
            let amount = U256(words) >> shift;
            prop_assume!(amount <= U256::MAX / 10);
            prop_assert_eq!(parse_amount(&format_amount(amount)), Ok(amount));
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = parse_amount(&text);
        }
    }
}
