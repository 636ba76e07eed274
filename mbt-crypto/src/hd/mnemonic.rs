//! Words that stand for a seed (BIP-39).

use alloc::{borrow::Cow, string::String};
use core::{fmt, str::FromStr};

use zeroize::{Zeroize, Zeroizing};

use super::{DerivationError, ExtendedKey};

/// Longest text that is looked at when words are read: 24 words with generous space between them.
const TEXT_BYTES_MAX: usize = 1024;

/// The list that words are taken from.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Chinese in simplified characters.
    SimplifiedChinese,
    /// Chinese in traditional characters.
    TraditionalChinese,
}

impl Language {
    /// Every language, in the order in which [`Mnemonic::parse`] tries them.
    pub const ALL: [Self; 3] = [Self::English, Self::SimplifiedChinese, Self::TraditionalChinese];

    /// Returns the list's 2,048 words in their order.
    #[must_use]
    pub fn words(self) -> &'static [&'static str; 2048] {
        self.list().word_list()
    }

    const fn list(self) -> bip39::Language {
        match self {
            Self::English => bip39::Language::English,
            Self::SimplifiedChinese => bip39::Language::SimplifiedChinese,
            Self::TraditionalChinese => bip39::Language::TraditionalChinese,
        }
    }
}

/// Why words are not a mnemonic. Names places, never words: most of them may be right.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MnemonicError {
    /// The text is longer than any mnemonic.
    #[error("text of {length} bytes is longer than any mnemonic")]
    TooLong {
        /// Bytes of the text.
        length: usize,
    },
    /// Not 12, 15, 18, 21 or 24 words.
    #[error("{count} words, expected 12, 15, 18, 21 or 24")]
    WordCount {
        /// Words in the text.
        count: usize,
    },
    /// A word that is not in the list.
    #[error("word {position} is not in the word list")]
    UnknownWord {
        /// Place of the word, the first is 1.
        position: usize,
    },
    /// All words are in the list, but the last one does not fit the others: one of them is another
    /// word of the list, or their order is wrong.
    #[error("the words do not fit together: one is wrong, or their order is")]
    WrongChecksum,
    /// Entropy of a length that no mnemonic has.
    #[error("{length} bytes of entropy, expected 16, 20, 24, 28 or 32")]
    EntropyLength {
        /// Bytes given.
        length: usize,
    },
}

/// 12 to 24 words that stand for a seed. Wiped when dropped, never shown.
#[derive(Clone)]
pub struct Mnemonic {
    inner: bip39::Mnemonic,
    language: Language,
}

impl Mnemonic {
    /// Returns the words for 16, 20, 24, 28 or 32 bytes of entropy.
    ///
    /// The caller draws them from a cryptographic source; whoever guesses them has every key.
    ///
    /// # Errors
    /// [`MnemonicError::EntropyLength`] for any other number of bytes.
    pub fn from_entropy(entropy: &[u8], language: Language) -> Result<Self, MnemonicError> {
        bip39::Mnemonic::from_entropy_in(language.list(), entropy)
            .map(|inner| Self { inner, language })
            .map_err(|_| MnemonicError::EntropyLength { length: entropy.len() })
    }

    /// Reads words in whichever language has them, separated by any white space.
    ///
    /// ASCII letters may be of either case. The Chinese lists share words; where all words are in
    /// both and both checksums fit, the seed is the same and the language is simplified Chinese.
    ///
    /// # Errors
    /// See [`MnemonicError`]; a wrong word is named by its place in the language that knows most of
    /// the words.
    pub fn parse(text: &str) -> Result<Self, MnemonicError> {
        let text = normalize(text)?;
        let mut nearest = (0, MnemonicError::UnknownWord { position: 1 });
        for language in Language::ALL {
            let error = match Self::parse_normalized(&text, language) {
                Ok(mnemonic) => return Ok(mnemonic),
                Err(error @ MnemonicError::WordCount { .. }) => return Err(error),
                Err(error) => error,
            };
            let list = language.list();
            let known = text.split(' ').filter(|word| list.find_word(word).is_some()).count();
            if known > nearest.0 {
                nearest = (known, error);
            }
        }
        Err(nearest.1)
    }

    /// Reads words of one language.
    ///
    /// # Errors
    /// See [`MnemonicError`].
    pub fn parse_in(text: &str, language: Language) -> Result<Self, MnemonicError> {
        Self::parse_normalized(&normalize(text)?, language)
    }

    fn parse_normalized(text: &str, language: Language) -> Result<Self, MnemonicError> {
        bip39::Mnemonic::parse_in_normalized(language.list(), text)
            .map(|inner| Self { inner, language })
            .map_err(|error| match error {
                bip39::Error::BadWordCount(count) => MnemonicError::WordCount { count },
                bip39::Error::UnknownWord(index) => {
                    MnemonicError::UnknownWord { position: index.saturating_add(1) }
                }
                _ => MnemonicError::WrongChecksum,
            })
    }

    /// Returns the words.
    pub fn words(&self) -> impl Iterator<Item = &'static str> {
        self.inner.words()
    }

    /// Returns the list the words are from.
    #[must_use]
    pub const fn language(&self) -> Language {
        self.language
    }

    /// Shows the words, one space between two, to whoever writes them down.
    #[must_use]
    pub fn expose_phrase(&self) -> Zeroizing<String> {
        // 24 words of at most 8 letters and a space: no reallocation leaves a copy behind.
        let mut phrase = Zeroizing::new(String::with_capacity(24 * 9));
        for word in self.words() {
            if !phrase.is_empty() {
                phrase.push(' ');
            }
            phrase.push_str(word);
        }
        phrase
    }

    /// Returns the seed: PBKDF2-HMAC-SHA-512 of the words, 2,048 rounds, salted with the
    /// passphrase in Unicode's NFKD form. Any passphrase gives a valid seed; no passphrase is `""`.
    #[must_use]
    pub fn seed(&self, passphrase: &str) -> Zeroizing<[u8; 64]> {
        let mut passphrase = Cow::Borrowed(passphrase);
        bip39::Mnemonic::normalize_utf8_cow(&mut passphrase);
        let seed = Zeroizing::new(self.inner.to_seed_normalized(&passphrase));
        wipe(passphrase);
        seed
    }

    /// Returns the master key of [`Mnemonic::seed`].
    ///
    /// # Errors
    /// [`DerivationError::InvalidChild`] for a seed without a master key, one in 2^127.
    pub fn master_key(&self, passphrase: &str) -> Result<ExtendedKey, DerivationError> {
        ExtendedKey::from_seed(&self.seed(passphrase)[..])
    }
}

impl FromStr for Mnemonic {
    type Err = MnemonicError;

    fn from_str(text: &str) -> Result<Self, MnemonicError> {
        Self::parse(text)
    }
}

impl fmt::Debug for Mnemonic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mnemonic(..)")
    }
}

/// Returns the words in NFKD form and lower case, one space between two.
fn normalize(text: &str) -> Result<Zeroizing<String>, MnemonicError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(MnemonicError::TooLong { length: text.len() });
    }
    let mut decomposed = Cow::Borrowed(text);
    bip39::Mnemonic::normalize_utf8_cow(&mut decomposed);
    let mut normal = Zeroizing::new(String::with_capacity(decomposed.len()));
    for word in decomposed.split_whitespace() {
        if !normal.is_empty() {
            normal.push(' ');
        }
        normal.extend(word.chars().map(|letter| letter.to_ascii_lowercase()));
    }
    wipe(decomposed);
    Ok(normal)
}

fn wipe(text: Cow<'_, str>) {
    if let Cow::Owned(mut text) = text {
        text.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, vec::Vec};

    use super::*;

    const PHRASE: &str = "legal winner thank year wave sausage worth useful legal winner thank \
                          yellow";

    #[test]
    fn a_wrong_word_is_named_by_its_place() {
        for position in 1..=12 {
            let mut words: Vec<&str> = PHRASE.split(' ').collect();
            words[position - 1] = "legall";
            assert_eq!(
                Mnemonic::parse(&words.join(" ")).unwrap_err(),
                MnemonicError::UnknownWord { position }
            );
        }
    }

    #[test]
    fn wrong_order_and_wrong_count_are_told() {
        let swapped = PHRASE.replacen("legal winner", "winner legal", 1);
        assert_eq!(Mnemonic::parse(&swapped).unwrap_err(), MnemonicError::WrongChecksum);
        for (text, count) in [("", 0), ("legal", 1), (&PHRASE[..PHRASE.len() - 7], 11)] {
            assert_eq!(Mnemonic::parse(text).unwrap_err(), MnemonicError::WordCount { count });
        }
        let long = "legal ".repeat(200);
        assert_eq!(Mnemonic::parse(&long).unwrap_err(), MnemonicError::TooLong { length: 1200 });
        for length in [0, 15, 17, 33, 64] {
            assert_eq!(
                Mnemonic::from_entropy(&alloc::vec![7; length], Language::English).unwrap_err(),
                MnemonicError::EntropyLength { length }
            );
        }
    }

    #[test]
    fn space_and_case_do_not_matter() {
        let spaced = format!("\n {}\u{3000}\t", PHRASE.to_uppercase().replace(' ', " \r\n"));
        let mnemonic = Mnemonic::parse(&spaced).unwrap();
        assert_eq!(*mnemonic.expose_phrase(), PHRASE);
        assert_eq!(mnemonic.language(), Language::English);
    }

    #[test]
    fn debug_and_errors_do_not_show_words() {
        assert_eq!(format!("{:?}", Mnemonic::parse(PHRASE).unwrap()), "Mnemonic(..)");
        let error = Mnemonic::parse(&PHRASE.replace("sausage", "sausages")).unwrap_err();
        assert_eq!(format!("{error}"), "word 6 is not in the word list");
    }
}
