//! What every command works with: the wallet's folder, the chain, and how results are shown.

use std::{
    env,
    io::{self, BufRead, IsTerminal, Write},
    path::{Path, PathBuf},
};

use mbt_crypto::{Address, Network, SecretKey};
use mbt_examples::exit::{Code, Failure, eprint_line, plain, print_line};
use serde_json::Value;

use super::{
    args::Options,
    chains::{Chain, Chains},
    home::Home,
    secret,
};

/// The wallet, as one command uses it.
pub(crate) struct Wallet {
    pub(crate) home: Home,
    options: Options,
}

impl Wallet {
    pub(crate) fn open(options: Options) -> Result<Self, Failure> {
        let folder = match &options.home {
            Some(folder) => folder.clone(),
            None => env::home_dir().map(|home| home.join(".mbt-wallet")).ok_or_else(|| {
                Failure::new(Code::Usage, "there is no home folder: give --home DIR")
            })?,
        };
        Ok(Self { home: Home::new(folder), options })
    }

    /// Returns the chain to act on.
    pub(crate) fn chain(&self) -> Result<Chain, Failure> {
        Chains::load(&self.home)?.chosen(self.options.chain.as_deref())
    }

    /// Returns the form in which addresses are written: the chosen chain's.
    pub(crate) fn network(&self) -> Result<Network, Failure> {
        Ok(self.chain()?.network())
    }

    pub(crate) fn password_file(&self) -> Option<&Path> {
        self.options.password_file.as_deref()
    }

    /// Opens an account's key with its password.
    pub(crate) fn unlock(&self, name: &str) -> Result<SecretKey, Failure> {
        let account = self.home.account(name)?;
        let password = secret::password(self.password_file(), name)?;
        let key = account.keystore.decrypt(password.as_bytes());
        key.map_err(|error| Failure::runtime(format!("account {name}: {error}")))
    }

    /// Reads an account's name, or an address in either form. An address of another network is
    /// refused: whoever wrote it meant another coin.
    pub(crate) fn address(&self, text: &str) -> Result<Address, Failure> {
        if let Some(account) = self.home.find(text)? {
            return Ok(account.address);
        }
        let failed =
            |error| Failure::new(Code::Usage, format!("\"{text}\" is no account: {error}"));
        if text.starts_with("0x") {
            return Address::from_hex(text).map_err(failed);
        }
        let (address, network) = Address::from_base58(text).map_err(failed)?;
        let chain = self.chain()?;
        if network != chain.network() {
            let (is, wants) = match network {
                Network::Main => ("the main network", "t"),
                _ => ("a test network", "M"),
            };
            return Err(Failure::new(
                Code::Usage,
                format!(
                    "address {text} is of {is}; on the chain {} addresses begin with {wants}",
                    chain.name
                ),
            ));
        }
        Ok(address)
    }

    /// Writes an address as people read it on the chosen chain.
    pub(crate) fn show(&self, address: Address) -> Result<String, Failure> {
        Ok(format!("{} ({})", address.to_base58(self.network()?), address.to_hex()))
    }

    /// Prints a result: `json` with `--json`, else the lines.
    pub(crate) fn print(&self, json: &Value, lines: &[String]) {
        if self.options.json {
            print_line(&json.to_string());
        } else {
            lines.iter().for_each(|line| print_line(&plain(line)));
        }
    }

    /// Says something beside the result.
    pub(crate) fn note(&self, line: &str) {
        if !self.options.json {
            eprint_line(line);
        }
    }

    /// Shows what is about to happen and asks for leave.
    pub(crate) fn confirm(&self, what: &[String]) -> Result<(), Failure> {
        if self.options.yes {
            return Ok(());
        }
        what.iter().for_each(|line| eprint_line(line));
        if !io::stdin().is_terminal() {
            return Err(Failure::runtime(
                "there is no terminal to ask for leave on: look at the above and give --yes",
            ));
        }
        let mut err = io::stderr();
        let mut answer = String::new();
        write!(err, "Go on? [y/N] ")
            .and_then(|()| err.flush())
            .and_then(|()| io::stdin().lock().read_line(&mut answer))
            .map_err(Failure::runtime)?;
        match answer.trim() {
            "y" | "Y" | "yes" => Ok(()),
            _ => Err(Failure::runtime("not confirmed, nothing was done")),
        }
    }
}

/// Names a file in an error.
pub(crate) fn file_failed(file: &Path) -> impl Fn(io::Error) -> Failure {
    let file: PathBuf = file.to_owned();
    move |error| Failure::runtime(format!("{}: {error}", file.display()))
}
