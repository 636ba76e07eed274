//! The chains a wallet knows, in `chains.toml`.

use std::{collections::BTreeMap, fs, io};

use mbt_account::{AssignedChain, PublicChain};
use mbt_crypto::Network;
use mbt_examples::exit::{Code, Failure};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    args::ChainsCommand,
    home::{Home, check_name, write_private},
    output::{Wallet, file_failed},
};

/// The chain that is there before any is added: a local network.
const FIRST: (&str, u64, &str) =
    ("local", mbt_account::DEVELOPMENT_CHAIN_ID, "http://127.0.0.1:8545");

/// A chain and how to reach it.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    pub(crate) name: String,
    pub(crate) chain_id: u64,
    pub(crate) rpc: String,
}

impl Chain {
    /// Returns how addresses are written here. The account is the same everywhere; the letter keeps
    /// people from sending coin of value to an address meant for trying things.
    pub(crate) fn network(&self) -> Network {
        match AssignedChain::from_id(self.chain_id).map(AssignedChain::public_chain) {
            Some(PublicChain::Main) => Network::Main,
            _ => Network::Test,
        }
    }

    fn kind(&self) -> String {
        match AssignedChain::from_id(self.chain_id) {
            Some(AssignedChain::Public(PublicChain::Main)) => "the public chain".to_owned(),
            Some(AssignedChain::Public(PublicChain::Test)) => "the public test network".to_owned(),
            Some(AssignedChain::Public(PublicChain::Development)) => {
                "a development network".to_owned()
            }
            Some(AssignedChain::League { number, .. }) => format!("league {number}"),
            None => "none of this network's".to_owned(),
        }
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    chain_id: u64,
    rpc: String,
}

/// The file.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Chains {
    current: String,
    chains: BTreeMap<String, Entry>,
}

impl Chains {
    pub(crate) fn load(home: &Home) -> Result<Self, Failure> {
        let file = home.chains_file();
        match fs::read_to_string(&file) {
            Ok(text) => toml::from_str(&text).map_err(|error| {
                Failure::new(Code::Config, format!("{}: {error}", file.display()))
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let (name, chain_id, rpc) = FIRST;
                let entry = Entry { chain_id, rpc: rpc.to_owned() };
                let chains = BTreeMap::from([(name.to_owned(), entry)]);
                Ok(Self { current: name.to_owned(), chains })
            }
            Err(error) => Err(file_failed(&file)(error)),
        }
    }

    fn save(&self, home: &Home) -> Result<(), Failure> {
        let text = toml::to_string(self).map_err(Failure::runtime)?;
        home.create()?;
        write_private(&home.chains_file(), text.as_bytes())
    }

    /// Returns the chain of a name, or the current one.
    pub(crate) fn chosen(&self, name: Option<&str>) -> Result<Chain, Failure> {
        let name = name.unwrap_or(&self.current);
        let entry = self.chains.get(name).ok_or_else(|| unknown(name))?;
        Ok(Chain { name: name.to_owned(), chain_id: entry.chain_id, rpc: entry.rpc.clone() })
    }
}

fn unknown(name: &str) -> Failure {
    let hint = "`mbt-wallet chains list` lists them, `chains add` adds one";
    Failure::new(Code::Usage, format!("there is no chain {name}: {hint}"))
}

pub(crate) fn run(wallet: &Wallet, command: ChainsCommand) -> Result<(), Failure> {
    let mut chains = Chains::load(&wallet.home)?;
    match command {
        ChainsCommand::List => list(wallet, &chains),
        ChainsCommand::Add { name, chain_id, rpc } => {
            check_name(&name)?;
            if !rpc.starts_with("http://") && !rpc.starts_with("https://") {
                let sentence = format!("rpc \"{rpc}\" is not an http:// or https:// URL");
                return Err(Failure::new(Code::Usage, sentence));
            }
            chains.chains.insert(name.clone(), Entry { chain_id, rpc });
            chains.save(&wallet.home)?;
            let chain = chains.chosen(Some(&name))?;
            let line = format!("chain {name}: id {chain_id}, {}", chain.kind());
            wallet.print(&json!({ "name": name, "chain_id": chain_id }), &[line]);
            Ok(())
        }
        ChainsCommand::Use { name } => {
            chains.current = chains.chosen(Some(&name))?.name;
            chains.save(&wallet.home)?;
            wallet.print(&json!({ "current": name }), &[format!("the current chain is {name}")]);
            Ok(())
        }
        ChainsCommand::Remove { name } => {
            if name == chains.current {
                let sentence = format!("{name} is the current chain: `chains use` another first");
                return Err(Failure::new(Code::Usage, sentence));
            }
            chains.chains.remove(&name).ok_or_else(|| unknown(&name))?;
            chains.save(&wallet.home)?;
            wallet.print(&json!({ "removed": name }), &[format!("chain {name} is removed")]);
            Ok(())
        }
    }
}

fn list(wallet: &Wallet, chains: &Chains) -> Result<(), Failure> {
    let mut json = Vec::new();
    let mut lines = Vec::new();
    for name in chains.chains.keys() {
        let chain = chains.chosen(Some(name))?;
        let current = *name == chains.current;
        let mark = if current { '*' } else { ' ' };
        let Chain { chain_id, rpc, .. } = &chain;
        lines.push(format!("{mark} {name:<16} {chain_id:<20} {rpc}  {}", chain.kind()));
        json.push(json!({ "name": name, "chain_id": chain_id, "rpc": rpc, "current": current }));
    }
    wallet.print(&json.into(), &lines);
    Ok(())
}
