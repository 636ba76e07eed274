//! The wallet's folder: one file an account, the chains, and what was sent. Only its owner may read
//! any of it, and every file is replaced as a whole.

use std::{
    fs::{self, DirBuilder, File},
    io::Write,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use mbt_crypto::{
    Address, PublicKey, SecretKey, ecies,
    hd::{DerivationPath, Mnemonic},
    keystore::{Keystore, Profile},
};
use mbt_examples::exit::{Code, Failure};
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tempfile::NamedTempFile;

use super::output::file_failed;

/// What the words are sealed for, so that nothing else passes as words.
const WORDS_CONTEXT: &[u8] = b"mbt-wallet words 1";

/// Longest name of an account or a chain.
const NAME_BYTES_MAX: usize = 64;

/// The folder.
pub(crate) struct Home(PathBuf);

/// An account as it is kept: the key under its password, and where the key comes from.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) address: Address,
    pub(crate) public_key: PublicKey,
    pub(crate) path: Option<String>,
    /// Whether the words give this account with a passphrase only, which is not kept.
    pub(crate) passphrase: bool,
    pub(crate) keystore: Keystore,
    /// The words, sealed to the account's own key: its password opens them too.
    sealed_words: Option<Vec<u8>>,
}

/// An account's file.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct AccountFile {
    version: u8,
    public_key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    passphrase: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    words: Option<String>,
    keystore: Value,
}

impl Account {
    /// Puts a key under a password.
    pub(crate) fn new(
        name: &str,
        key: &SecretKey,
        path: Option<&DerivationPath>,
        password: &str,
        profile: Profile,
        rng: &mut impl CryptoRng,
    ) -> Self {
        Self {
            name: name.to_owned(),
            address: key.address(),
            public_key: key.public_key(),
            path: path.map(ToString::to_string),
            passphrase: false,
            keystore: Keystore::encrypt(key, password.as_bytes(), profile, rng),
            sealed_words: None,
        }
    }

    /// Keeps the words that the key comes from.
    pub(crate) fn keep_words(
        &mut self,
        words: &Mnemonic,
        rng: &mut impl CryptoRng,
    ) -> Result<(), Failure> {
        let phrase = words.expose_phrase();
        let sealed = ecies::seal(&self.public_key, WORDS_CONTEXT, phrase.as_bytes(), rng);
        self.sealed_words = Some(sealed.map_err(Failure::runtime)?);
        Ok(())
    }

    /// Puts the key, which is this account's, under another password.
    pub(crate) fn change_password(
        &mut self,
        key: &SecretKey,
        password: &str,
        profile: Profile,
        rng: &mut impl CryptoRng,
    ) {
        self.keystore = Keystore::encrypt(key, password.as_bytes(), profile, rng);
    }

    /// Returns the words, opened with the account's key.
    pub(crate) fn words(&self, key: &SecretKey) -> Result<Mnemonic, Failure> {
        let damaged = || Failure::runtime(format!("the words of {} are damaged", self.name));
        let sealed = self.sealed_words.as_ref().ok_or_else(|| {
            let name = &self.name;
            Failure::runtime(format!(
                "account {name} keeps no words: it came as a key, or from another account's words"
            ))
        })?;
        let phrase = ecies::open(key, WORDS_CONTEXT, sealed).map_err(|_| damaged())?;
        let phrase = zeroize::Zeroizing::new(phrase);
        let phrase = std::str::from_utf8(&phrase).map_err(|_| damaged())?;
        Mnemonic::parse(phrase).map_err(|_| damaged())
    }

    fn read(name: &str, text: &str) -> Result<Self, String> {
        let file: AccountFile = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if file.version != 1 {
            return Err(format!("version {}, expected 1", file.version));
        }
        let public_key = public_key(&file.public_key)?;
        let keystore: Keystore =
            file.keystore.to_string().parse().map_err(|error| format!("keystore: {error}"))?;
        let address = public_key.address();
        if keystore.address() != Some(address) {
            return Err("public_key and keystore are of different accounts".to_owned());
        }
        let words = file.words.map(hex::decode).transpose();
        let sealed_words = words.map_err(|error| format!("words: {error}"))?;
        let name = name.to_owned();
        let AccountFile { path, passphrase, .. } = file;
        Ok(Self { name, address, public_key, path, passphrase, keystore, sealed_words })
    }

    fn text(&self) -> Result<String, serde_json::Error> {
        let file = AccountFile {
            version: 1,
            public_key: hex::encode(self.public_key.to_compressed()),
            path: self.path.clone(),
            passphrase: self.passphrase,
            words: self.sealed_words.as_ref().map(hex::encode),
            keystore: serde_json::from_str(&self.keystore.to_json())?,
        };
        serde_json::to_string_pretty(&file)
    }
}

/// Reads a compressed public key in hexadecimal digits.
pub(crate) fn public_key(text: &str) -> Result<PublicKey, String> {
    let mut bytes = [0; 33];
    hex::decode_to_slice(text.strip_prefix("0x").unwrap_or(text), &mut bytes)
        .map_err(|_| "a public key is 66 hexadecimal digits".to_owned())?;
    PublicKey::from_sec1(&bytes).map_err(|error| format!("public key: {error}"))
}

impl Home {
    pub(crate) const fn new(folder: PathBuf) -> Self {
        Self(folder)
    }

    /// Makes the folder, before anything is written into it.
    pub(crate) fn create(&self) -> Result<(), Failure> {
        let accounts = self.0.join("accounts");
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&accounts);
        made.map_err(file_failed(&accounts))
    }

    pub(crate) fn chains_file(&self) -> PathBuf {
        self.0.join("chains.toml")
    }

    pub(crate) fn history_file(&self) -> PathBuf {
        self.0.join("history.jsonl")
    }

    fn account_file(&self, name: &str) -> PathBuf {
        self.0.join("accounts").join(format!("{name}.json"))
    }

    /// Returns an account.
    pub(crate) fn account(&self, name: &str) -> Result<Account, Failure> {
        self.find(name)?.ok_or_else(|| {
            let sentence = format!("there is no account {name}: `mbt-wallet keys list` lists them");
            Failure::new(Code::Usage, sentence)
        })
    }

    /// Returns an account if there is one of this name.
    pub(crate) fn find(&self, name: &str) -> Result<Option<Account>, Failure> {
        if check_name(name).is_err() {
            return Ok(None);
        }
        let file = self.account_file(name);
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(file_failed(&file)(error)),
        };
        let account = Account::read(name, &text);
        account
            .map(Some)
            .map_err(|reason| Failure::runtime(format!("{}: {reason}", file.display())))
    }

    /// Returns all accounts by name.
    pub(crate) fn accounts(&self) -> Result<Vec<Account>, Failure> {
        let folder = self.0.join("accounts");
        let mut accounts = Vec::new();
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(accounts),
            Err(error) => return Err(file_failed(&folder)(error)),
        };
        for entry in entries {
            let file = entry.map_err(file_failed(&folder))?.path();
            if file.extension().is_some_and(|extension| extension == "json")
                && let Some(name) = file.file_stem().and_then(|stem| stem.to_str())
            {
                accounts.extend(self.find(name)?);
            }
        }
        accounts.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(accounts)
    }

    /// Refuses a name for a new account that is none, or is taken.
    pub(crate) fn check_new(&self, name: &str) -> Result<(), Failure> {
        check_name(name)?;
        if self.account_file(name).exists() {
            let sentence = format!("there is an account {name} already: choose another name");
            return Err(Failure::new(Code::Usage, sentence));
        }
        Ok(())
    }

    /// Keeps a new account.
    pub(crate) fn add(&self, account: &Account) -> Result<(), Failure> {
        let text = account.text().map_err(Failure::runtime)?;
        self.create()?;
        create_private(&self.account_file(&account.name), text.as_bytes())
    }

    /// Keeps an account anew that is there.
    pub(crate) fn replace(&self, account: &Account) -> Result<(), Failure> {
        let text = account.text().map_err(Failure::runtime)?;
        write_private(&self.account_file(&account.name), text.as_bytes())
    }

    pub(crate) fn remove(&self, name: &str) -> Result<(), Failure> {
        let file = self.account_file(&self.account(name)?.name);
        fs::remove_file(&file).map_err(file_failed(&file))
    }
}

/// Names are file names too: letters, digits, `-` and `_`. An address is not one.
pub(crate) fn check_name(name: &str) -> Result<(), Failure> {
    let refused = |reason: &str| {
        let sentence = format!("\"{name}\" cannot be a name: {reason}");
        Err(Failure::new(Code::Usage, sentence))
    };
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return refused("it must have 1 to 64 letters");
    }
    if name.parse::<Address>().is_ok() {
        return refused("it is an address");
    }
    match name.chars().find(|c| !c.is_ascii_alphanumeric() && *c != '-' && *c != '_') {
        Some(other) => refused(&format!("'{other}' is none of a-z, A-Z, 0-9, - and _")),
        None => Ok(()),
    }
}

/// Writes a whole file that only its owner may read: after a crash it is the old one or the new.
pub(crate) fn write_private(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed = file_failed(file);
    let mut temporary = beside(file)?;
    let written = temporary
        .write_all(bytes)
        .and_then(|()| temporary.as_file().sync_all())
        .and_then(|()| temporary.persist(file).map_err(Into::into))
        .and_then(|_| sync_folder(file));
    written.map_err(failed)
}

/// Like [`write_private`], for a file that must not be there yet, not even since a moment ago.
pub(crate) fn create_private(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut temporary = beside(file)?;
    temporary.write_all(bytes).map_err(file_failed(file))?;
    keep_new(temporary, file)
}

/// Makes an empty file in the folder of `file` that only its owner may read. It vanishes with the
/// value.
pub(crate) fn beside(file: &Path) -> Result<NamedTempFile, Failure> {
    NamedTempFile::new_in(folder(file)).map_err(file_failed(file))
}

/// Gives a finished temporary file its name, unless something has it.
pub(crate) fn keep_new(temporary: NamedTempFile, file: &Path) -> Result<(), Failure> {
    temporary.as_file().sync_all().map_err(file_failed(file))?;
    match temporary.persist_noclobber(file) {
        Ok(_) => sync_folder(file).map_err(file_failed(file)),
        Err(error) if error.error.kind() == std::io::ErrorKind::AlreadyExists => Err(taken(file)),
        Err(error) => Err(file_failed(file)(error.error)),
    }
}

/// Refuses early, before anything is asked or computed, a file that is there.
pub(crate) fn check_free(file: &Path) -> Result<(), Failure> {
    if fs::symlink_metadata(file).is_ok() { Err(taken(file)) } else { Ok(()) }
}

fn taken(file: &Path) -> Failure {
    let sentence = format!("{} is there already: choose another file", file.display());
    Failure::new(Code::Usage, sentence)
}

fn folder(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn sync_folder(file: &Path) -> std::io::Result<()> {
    File::open(folder(file))?.sync_all()
}
