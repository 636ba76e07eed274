//! Account records, with the names that `mbt_getAccount` gives their fields.

use mbt_crypto::H256;
use serde::{Deserialize, Serialize};

use super::{
    text::{Fixed, Quantity, Small, hash},
    through_form,
};
use crate::{LeagueAccount, LeagueFields, PublicAccount};

through_form! { PublicAccount => PublicForm, LeagueAccount => LeagueForm }

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PublicForm {
    nonce: Small,
    balance: Quantity,
    storage_root: Fixed<32>,
    code_hash: Fixed<32>,
    #[serde(default)]
    league_micro_protocol: Option<Fixed<32>>,
    #[serde(default)]
    league_genesis_root: Option<Fixed<32>>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct LeagueForm {
    nonce: Small,
    storage_root: Fixed<32>,
    code_hash: Fixed<32>,
}

impl From<&PublicAccount> for PublicForm {
    fn from(account: &PublicAccount) -> Self {
        Self {
            nonce: Small(account.nonce),
            balance: Quantity(account.balance),
            storage_root: hash(account.storage_root),
            code_hash: hash(account.code_hash),
            league_micro_protocol: account.league.map(|league| hash(league.micro_protocol)),
            league_genesis_root: account.league.map(|league| hash(league.genesis_root)),
        }
    }
}

impl TryFrom<PublicForm> for PublicAccount {
    type Error = &'static str;

    fn try_from(form: PublicForm) -> Result<Self, &'static str> {
        let league = match (form.league_micro_protocol, form.league_genesis_root) {
            (Some(Fixed(micro_protocol)), Some(Fixed(genesis_root))) => Some(LeagueFields {
                micro_protocol: H256(micro_protocol),
                genesis_root: H256(genesis_root),
            }),
            (None, None) => None,
            _ => return Err("leagueMicroProtocol and leagueGenesisRoot are both set or neither"),
        };
        Ok(Self {
            nonce: form.nonce.0,
            balance: form.balance.0,
            storage_root: H256(form.storage_root.0),
            code_hash: H256(form.code_hash.0),
            league,
        })
    }
}

impl From<&LeagueAccount> for LeagueForm {
    fn from(account: &LeagueAccount) -> Self {
        Self {
            nonce: Small(account.nonce),
            storage_root: hash(account.storage_root),
            code_hash: hash(account.code_hash),
        }
    }
}

impl From<LeagueForm> for LeagueAccount {
    fn from(form: LeagueForm) -> Self {
        Self {
            nonce: form.nonce.0,
            storage_root: H256(form.storage_root.0),
            code_hash: H256(form.code_hash.0),
        }
    }
}
