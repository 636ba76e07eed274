//! The state that an execution found, or what it changed (geth's `prestateTracer`).

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use mbt_account::PublicAccount;
use mbt_crypto::{Address, H256, U256};
use serde_json::{Map, Value, json};

use super::{
    access::Accesses,
    call::{data, lower},
    options::PrestateTracerOptions,
};
use crate::journal::{Code, Journal};

/// Accounts before the transaction.
#[derive(Debug)]
pub(crate) struct Prestate {
    options: PrestateTracerOptions,
    accounts: BTreeMap<Address, Before>,
}

#[derive(Debug)]
struct Before {
    account: PublicAccount,
    code: Rc<Code>,
    existed: bool,
    storage: BTreeMap<H256, U256>,
}

impl Prestate {
    /// Looks up what the running transaction found. `always` are looked up even when no opcode
    /// named them.
    pub(crate) fn of(
        options: PrestateTracerOptions,
        accesses: Accesses,
        always: &[Address],
        journal: &Journal<'_>,
    ) -> Self {
        let mut looked_up = accesses.accounts;
        for address in always.iter().chain(&accesses.created) {
            looked_up.entry(*address).or_default();
        }
        let before = |(address, slots): (Address, BTreeSet<H256>)| {
            let found = journal.before(address);
            let existed = found.is_some();
            let (account, code) = found.unwrap_or_default();
            let storage = slots
                .into_iter()
                .map(|slot| (slot, journal.storage_before(address, slot)))
                .collect();
            (address, Before { account, code, existed, storage })
        };
        Self { options, accounts: looked_up.into_iter().map(before).collect() }
    }

    /// Shows it, after the transaction ended.
    pub(crate) fn into_json(self, journal: &Journal<'_>) -> Value {
        if !self.options.diff_mode {
            let shown: Map<_, _> = self
                .accounts
                .iter()
                .filter(|(_, before)| before.existed)
                .map(|(address, before)| (lower(*address), before.json(self.options, |_| true)))
                .collect();
            return shown.into();
        }
        let (mut pre, mut post) = (Map::new(), Map::new());
        for (address, before) in &self.accounts {
            let after = journal.now(*address);
            let changed =
                |slot: &H256| before.storage.get(slot) != Some(&journal.storage(*address, *slot));
            let shown = match &after {
                Some((account, code)) => before
                    .changes(self.options, account, code, |slot| journal.storage(*address, *slot)),
                None => None,
            };
            let gone = after.is_none() && before.existed;
            if (shown.is_some() || gone) && before.existed {
                pre.insert(lower(*address), before.json(self.options, changed));
            }
            if let Some(shown) = shown {
                post.insert(lower(*address), shown);
            }
        }
        json!({ "pre": pre, "post": post })
    }
}

impl Before {
    fn json(&self, options: PrestateTracerOptions, shows: impl Fn(&H256) -> bool) -> Value {
        let mut shown = Map::new();
        shown.insert("balance".to_owned(), format!("{:#x}", self.account.balance).into());
        if self.account.nonce > 0 {
            shown.insert("nonce".to_owned(), self.account.nonce.into());
        }
        if !options.disable_code && !self.code.bytes.is_empty() {
            shown.insert("code".to_owned(), data(&self.code.bytes).into());
        }
        let hides_zero = options.diff_mode;
        let slots = self
            .storage
            .iter()
            .filter(|(slot, value)| shows(slot) && !(hides_zero && value.is_zero()));
        insert_storage(&mut shown, options, slots.map(|(slot, value)| (*slot, *value)));
        shown.into()
    }

    /// Returns the fields that are different now; none when all are as they were.
    fn changes(
        &self,
        options: PrestateTracerOptions,
        account: &PublicAccount,
        code: &Code,
        value_of: impl Fn(&H256) -> U256,
    ) -> Option<Value> {
        let mut shown = Map::new();
        if account.balance != self.account.balance {
            shown.insert("balance".to_owned(), format!("{:#x}", account.balance).into());
        }
        if account.nonce != self.account.nonce {
            shown.insert("nonce".to_owned(), account.nonce.into());
        }
        let code_changed = account.code_hash != self.account.code_hash;
        if code_changed && !options.disable_code {
            shown.insert("code".to_owned(), data(&code.bytes).into());
        }
        let changed: Vec<_> = self
            .storage
            .iter()
            .map(|(slot, before)| (*slot, *before, value_of(slot)))
            .filter(|(_, before, after)| before != after)
            .collect();
        let modified = !shown.is_empty() || code_changed || !changed.is_empty();
        let slots = changed.iter().filter(|(_, _, after)| !after.is_zero());
        insert_storage(&mut shown, options, slots.map(|(slot, _, after)| (*slot, *after)));
        modified.then(|| shown.into())
    }
}

fn insert_storage(
    shown: &mut Map<String, Value>,
    options: PrestateTracerOptions,
    slots: impl Iterator<Item = (H256, U256)>,
) {
    let slots: Map<_, _> =
        slots.map(|(slot, value)| (data(&slot.0), data(&value.to_big_endian()).into())).collect();
    if !options.disable_storage && !slots.is_empty() {
        shown.insert("storage".to_owned(), slots.into());
    }
}
