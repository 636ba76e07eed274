//! `keys`: making, bringing in, showing and removing keys.

use std::path::Path;

use getrandom::SysRng;
use mbt_crypto::{
    SecretKey,
    hd::{DerivationPath, Mnemonic},
    keystore::{self, Keystore},
};
use mbt_examples::exit::{Code, Failure};
use rand_core::{Rng, UnwrapErr};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{
    args::{KeysCommand, Profile, Secret},
    home::{Account, write_private},
    output::Wallet,
    secret,
};

/// The system's source of randomness. It does not fail on a system that has started.
pub(crate) const fn rng() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

pub(crate) fn run(wallet: &Wallet, command: KeysCommand) -> Result<(), Failure> {
    match command {
        KeysCommand::New { name, words, language, derivation, cost } => {
            // Three words hold 32 bits of entropy and one of checksum.
            let count: usize = words.parse().map_err(Failure::runtime)?;
            let mut entropy = Zeroizing::new(vec![0; count / 3 * 4]);
            rng().fill_bytes(&mut entropy);
            let words =
                Mnemonic::from_entropy(&entropy, language.into()).map_err(Failure::runtime)?;
            let path = derivation.path();
            let origin = Origin { words: Some(&words), path: Some(&path) };
            let account = add(wallet, &name, &derive(&words, &path)?, origin, cost.kdf)?;
            show_new(wallet, &account, Some(&words))
        }
        KeysCommand::Import { name, kind, file, derivation, cost } => {
            wallet.home.check_new(&name)?;
            let text = secret::secret(file.as_deref(), asked(kind))?;
            let path = derivation.path();
            let account = match kind {
                Secret::Mnemonic => {
                    let words = Mnemonic::parse(&text).map_err(Failure::runtime)?;
                    let origin = Origin { words: Some(&words), path: Some(&path) };
                    add(wallet, &name, &derive(&words, &path)?, origin, cost.kdf)?
                }
                Secret::Key => {
                    let key: SecretKey = text.trim().parse().map_err(Failure::runtime)?;
                    add(wallet, &name, &key, Origin::default(), cost.kdf)?
                }
                Secret::Keystore => {
                    let keystore: Keystore = text.parse().map_err(Failure::runtime)?;
                    let password = secret::password(wallet.password_file(), "the keystore")?;
                    let key = keystore.decrypt(password.as_bytes()).map_err(Failure::runtime)?;
                    add(wallet, &name, &key, Origin::default(), cost.kdf)?
                }
            };
            show_new(wallet, &account, None)
        }
        KeysCommand::Derive { from, name, derivation, cost } => {
            wallet.home.check_new(&name)?;
            let words = wallet.home.account(&from)?.words(&wallet.unlock(&from)?)?;
            let path = derivation.path();
            let origin = Origin { words: None, path: Some(&path) };
            let account = add(wallet, &name, &derive(&words, &path)?, origin, cost.kdf)?;
            show_new(wallet, &account, None)
        }
        KeysCommand::List => list(wallet),
        KeysCommand::Export { name, kind, file } => export(wallet, &name, kind, &file),
        KeysCommand::Remove { name } => {
            let account = wallet.home.account(&name)?;
            wallet.confirm(&[
                format!("Remove account {name}, {}.", wallet.show(account.address)?),
                "Without a copy of its words or key nobody can spend its coin any more.".to_owned(),
            ])?;
            wallet.home.remove(&name)?;
            wallet.print(&json!({ "removed": name }), &[format!("account {name} is removed")]);
            Ok(())
        }
    }
}

const fn asked(kind: Secret) -> &'static str {
    match kind {
        Secret::Mnemonic => "Words",
        Secret::Key => "Key",
        Secret::Keystore => "Keystore's JSON in one line",
    }
}

fn derive(words: &Mnemonic, path: &DerivationPath) -> Result<SecretKey, Failure> {
    let master = words.master_key("").map_err(Failure::runtime)?;
    Ok(master.derive(path).map_err(Failure::runtime)?.secret_key())
}

/// Where a key comes from.
#[derive(Clone, Copy, Default)]
struct Origin<'a> {
    words: Option<&'a Mnemonic>,
    path: Option<&'a DerivationPath>,
}

fn add(
    wallet: &Wallet,
    name: &str,
    key: &SecretKey,
    origin: Origin<'_>,
    profile: Profile,
) -> Result<Account, Failure> {
    wallet.home.check_new(name)?;
    let password = secret::new_password(wallet.password_file(), name)?;
    let profile = match profile {
        Profile::Standard => keystore::Profile::Standard,
        Profile::Light => keystore::Profile::Light,
        Profile::Minimal => keystore::Profile::Minimal,
    };
    let mut rng = rng();
    let mut account = Account::new(name, key, origin.path, &password, profile, &mut rng);
    if let Some(words) = origin.words {
        account.keep_words(words, &mut rng)?;
    }
    wallet.home.add(&account)?;
    Ok(account)
}

fn describe(wallet: &Wallet, account: &Account) -> Result<(Value, String), Failure> {
    let Account { name, address, public_key, path, .. } = account;
    let base58 = address.to_base58(wallet.network()?);
    let hex = address.to_hex();
    let public_key = format!("0x{}", hex::encode(public_key.to_compressed()));
    let line = format!("{name:<16} {base58}  {hex}  {}", path.as_deref().unwrap_or("-"));
    let json = json!({
        "name": name, "address": base58, "hex": hex, "public_key": public_key, "path": path,
    });
    Ok((json, line))
}

fn show_new(wallet: &Wallet, account: &Account, words: Option<&Mnemonic>) -> Result<(), Failure> {
    let (mut json, line) = describe(wallet, account)?;
    let mut lines = vec![line];
    if let Some(words) = words {
        let phrase = words.expose_phrase();
        json["mnemonic"] = json!(*phrase);
        lines.extend([
            String::new(),
            "Write these words down: they are shown once, and whoever has them has the coin."
                .to_owned(),
            (*phrase).clone(),
        ]);
    }
    wallet.print(&json, &lines);
    Ok(())
}

fn list(wallet: &Wallet) -> Result<(), Failure> {
    let accounts = wallet.home.accounts()?;
    let described: Result<Vec<_>, _> =
        accounts.iter().map(|account| describe(wallet, account)).collect();
    let (json, mut lines): (Vec<_>, Vec<_>) = described?.into_iter().unzip();
    if lines.is_empty() {
        lines.push("there are no accounts: `mbt-wallet keys new NAME` makes one".to_owned());
    }
    wallet.print(&json.into(), &lines);
    Ok(())
}

fn export(wallet: &Wallet, name: &str, kind: Secret, file: &Path) -> Result<(), Failure> {
    let account = wallet.home.account(name)?;
    if file.exists() {
        let sentence = format!("{} is there already: choose another file", file.display());
        return Err(Failure::new(Code::Usage, sentence));
    }
    let key = wallet.unlock(name)?;
    let text = Zeroizing::new(match kind {
        Secret::Keystore => account.keystore.to_json(),
        Secret::Key => format!("0x{}\n", hex::encode(key.expose_bytes())),
        Secret::Mnemonic => format!("{}\n", *account.words(&key)?.expose_phrase()),
    });
    write_private(file, text.as_bytes())?;
    let line = format!("{} written, readable by you alone", file.display());
    wallet.print(&json!({ "name": name, "file": file }), &[line]);
    Ok(())
}
