//! `keys`: making, bringing in, showing and removing keys.

use std::path::Path;

use getrandom::SysRng;
use mbt_crypto::{
    SecretKey,
    hd::{DerivationPath, ExtendedKey, Mnemonic, PathError},
    keystore::{self, Keystore},
};
use mbt_examples::exit::{Code, Failure};
use rand_core::{Rng, UnwrapErr};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{
    args::{Derivation, Import, KeysCommand, Passphrase, Profile, Secret},
    home::{Account, check_free, create_private},
    output::Wallet,
    secret,
};

/// The system's source of randomness. It does not fail on a system that has started.
pub(crate) const fn rng() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

pub(crate) fn run(wallet: &Wallet, command: KeysCommand) -> Result<(), Failure> {
    match command {
        KeysCommand::New { name, words, language, derivation, passphrase, cost } => {
            wallet.home.check_new(&name)?;
            // Three words hold 32 bits of entropy and one of checksum.
            let count: usize = words.parse().map_err(Failure::runtime)?;
            let mut entropy = Zeroizing::new(vec![0; count / 3 * 4]);
            rng().fill_bytes(&mut entropy);
            let words =
                Mnemonic::from_entropy(&entropy, language.into()).map_err(Failure::runtime)?;
            let account = from_words(wallet, &name, &words, &derivation, &passphrase, cost.kdf)?;
            show_new(wallet, &account, Some(&words))
        }
        KeysCommand::Import { name, kind, file, derivation, passphrase, cost } => {
            wallet.home.check_new(&name)?;
            if passphrase.passphrase && kind != Import::Mnemonic {
                return Err(Failure::new(Code::Usage, "only words have a passphrase"));
            }
            let text = secret::secret(file.as_deref(), asked(kind))?;
            let account = match kind {
                Import::Mnemonic => {
                    let words = Mnemonic::parse(&text).map_err(Failure::runtime)?;
                    from_words(wallet, &name, &words, &derivation, &passphrase, cost.kdf)?
                }
                Import::Xprv => {
                    let parent: ExtendedKey = text.trim().parse().map_err(Failure::runtime)?;
                    let path = derivation.path_below(&parent)?;
                    let key = parent.derive(&path).map_err(Failure::runtime)?.secret_key();
                    // Below another key than a master key a path says too little to be kept.
                    let path = (parent.depth() == 0).then_some(&path);
                    add(wallet, &name, &key, Origin { path, ..Origin::default() }, cost.kdf)?
                }
                Import::Key => {
                    let key: SecretKey = text.trim().parse().map_err(Failure::runtime)?;
                    add(wallet, &name, &key, Origin::default(), cost.kdf)?
                }
                Import::Keystore => {
                    let keystore: Keystore = text.parse().map_err(Failure::runtime)?;
                    let password = secret::password(wallet.password_file(), "the keystore")?;
                    let key = keystore.decrypt(password.as_bytes()).map_err(Failure::runtime)?;
                    add(wallet, &name, &key, Origin::default(), cost.kdf)?
                }
            };
            show_new(wallet, &account, None)
        }
        KeysCommand::Derive { from, name, derivation, passphrase_file, cost } => {
            wallet.home.check_new(&name)?;
            let source = wallet.home.account(&from)?;
            let words = source.words(&wallet.unlock(&from)?)?;
            let passphrase = source
                .passphrase
                .then(|| secret::passphrase(passphrase_file.as_deref(), false))
                .transpose()?;
            let own: DerivationPath =
                source.path.unwrap_or_default().parse().map_err(|error: PathError| {
                    Failure::runtime(format!("the path of account {from} is damaged: {error}"))
                })?;
            if derive(&words, passphrase.as_deref(), &own)?.address() != source.address {
                return Err(Failure::runtime(format!(
                    "this is not the passphrase that account {from} was made with"
                )));
            }
            let path = derivation.path();
            let key = derive(&words, passphrase.as_deref(), &path)?;
            let origin = Origin { path: Some(&path), ..Origin::default() };
            show_new(wallet, &add(wallet, &name, &key, origin, cost.kdf)?, None)
        }
        KeysCommand::Password { name, new_password_file, cost } => {
            let mut account = wallet.home.account(&name)?;
            let key = wallet.unlock(&name)?;
            let password = secret::next_password(new_password_file.as_deref(), &name)?;
            account.change_password(&key, &password, profile(cost.kdf), &mut rng());
            wallet.home.replace(&account)?;
            let line = format!("account {name} has a new password");
            wallet.print(&json!({ "name": name }), &[line]);
            Ok(())
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

const fn asked(kind: Import) -> &'static str {
    match kind {
        Import::Mnemonic => "Words",
        Import::Xprv => "Extended key",
        Import::Key => "Key",
        Import::Keystore => "Keystore's JSON in one line",
    }
}

fn from_words(
    wallet: &Wallet,
    name: &str,
    words: &Mnemonic,
    derivation: &Derivation,
    given: &Passphrase,
    profile: Profile,
) -> Result<Account, Failure> {
    let passphrase = given
        .passphrase
        .then(|| secret::passphrase(given.passphrase_file.as_deref(), true))
        .transpose()?;
    let path = derivation.path();
    let key = derive(words, passphrase.as_deref(), &path)?;
    let origin = Origin { words: Some(words), path: Some(&path), passphrase: passphrase.is_some() };
    add(wallet, name, &key, origin, profile)
}

fn derive(
    words: &Mnemonic,
    passphrase: Option<&String>,
    path: &DerivationPath,
) -> Result<SecretKey, Failure> {
    let passphrase = passphrase.map_or("", String::as_str);
    let master = words.master_key(passphrase).map_err(Failure::runtime)?;
    Ok(master.derive(path).map_err(Failure::runtime)?.secret_key())
}

/// Where a key comes from.
#[derive(Clone, Copy, Default)]
struct Origin<'a> {
    words: Option<&'a Mnemonic>,
    path: Option<&'a DerivationPath>,
    passphrase: bool,
}

const fn profile(profile: Profile) -> keystore::Profile {
    match profile {
        Profile::Standard => keystore::Profile::Standard,
        Profile::Light => keystore::Profile::Light,
        Profile::Minimal => keystore::Profile::Minimal,
    }
}

fn add(
    wallet: &Wallet,
    name: &str,
    key: &SecretKey,
    origin: Origin<'_>,
    cost: Profile,
) -> Result<Account, Failure> {
    let password = secret::new_password(wallet.password_file(), name)?;
    let mut rng = rng();
    let mut account = Account::new(name, key, origin.path, &password, profile(cost), &mut rng);
    account.passphrase = origin.passphrase;
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
        "passphrase": account.passphrase,
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
        if account.passphrase {
            lines
                .push("The passphrase is kept nowhere; without it the words are of no use.".into());
        }
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
    check_free(file)?;
    let key = wallet.unlock(name)?;
    let text = Zeroizing::new(match kind {
        Secret::Keystore => account.keystore.to_json(),
        Secret::Key => format!("0x{}\n", hex::encode(key.expose_bytes())),
        Secret::Mnemonic => format!("{}\n", *account.words(&key)?.expose_phrase()),
    });
    create_private(file, text.as_bytes())?;
    let mut lines = vec![format!("{} written, readable by you alone", file.display())];
    if kind == Secret::Mnemonic && account.passphrase {
        lines.push("without their passphrase the words give another account".to_owned());
    }
    wallet.print(&json!({ "name": name, "file": file }), &lines);
    Ok(())
}
