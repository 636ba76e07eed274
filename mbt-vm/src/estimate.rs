//! The least gas with which a call succeeds, and the accesses it should declare.

use std::collections::{BTreeMap, BTreeSet};

use mbt_account::{AccessListItem, InvalidTransaction};
use mbt_consensus::BlockContext;
use mbt_crypto::{Address, H256};
use mbt_trie::StateView;

use crate::{
    AccessListOutcome, CallError, CallRequest, CallResult, Evm, Halt, StateOverrides,
    call::{ExecuteCallError, Scene},
    trace::Inspector,
    transaction::Outcome,
};

/// Gas of a transfer.
const TRANSFER_GAS: u64 = 21_000;
/// Gas that a call with value gives on top.
const STIPEND: u64 = 2_300;
/// The search ends when the answer is known up to this share of it, in thousandths, as in geth.
const ERROR_PER_MILLE: u128 = 15;
/// Rounds after which a list of accesses is taken as it is; each round can only add accesses.
const ACCESS_LIST_ROUNDS: usize = 16;

impl Evm {
    /// Returns the least gas limit with which a call succeeds, up to 1.5 percent, at most its own
    /// gas limit and what the caller can pay.
    ///
    /// # Errors
    /// [`CallError`]: with the output of the revert when it fails at any limit.
    pub fn estimate_gas(
        &self,
        block: &BlockContext<'_>,
        request: &CallRequest,
        state: &dyn StateView,
        overrides: &StateOverrides,
    ) -> Result<u64, CallError> {
        let scene = Scene::new(self, block, request, state, overrides)?;
        let allowance = allowance(&scene, request)?;
        if is_transfer(&scene, request)
            && allowance >= TRANSFER_GAS
            && let Some(Ok(_)) = attempt(&scene, TRANSFER_GAS)?
        {
            return Ok(TRANSFER_GAS);
        }
        let most = match attempt(&scene, allowance)? {
            Some(Ok(outcome)) => outcome,
            Some(Err(failed)) => return Err(unmendable(failed, allowance)),
            None => return Err(CallError::AllowanceTooLow { allowance }),
        };
        search(&scene, &most, allowance)
    }

    /// Returns the accounts and slots that a call touches beyond those that are warm anyway.
    ///
    /// # Errors
    /// [`CallError::Invalid`] and [`CallError::State`]; a failing call has a list all the same.
    pub fn create_access_list(
        &self,
        block: &BlockContext<'_>,
        request: &CallRequest,
        state: &dyn StateView,
        overrides: &StateOverrides,
    ) -> Result<AccessListOutcome, CallError> {
        let mut request = request.clone();
        let mut known = listed(&request.access_list);
        for round in 1.. {
            let (found, outcome) = accesses(self, block, &request, state, overrides)?;
            let before = known.clone();
            for (address, slots) in found {
                known.entry(address).or_default().extend(slots);
            }
            if known == before || round == ACCESS_LIST_ROUNDS {
                return Ok(AccessListOutcome {
                    access_list: request.access_list,
                    gas_used: outcome.gas_used,
                    error: error_text(&outcome),
                });
            }
            request.access_list = unlisted(&known);
        }
        Err(CallError::AllowanceTooLow { allowance: request.gas_limit })
    }
}

/// Returns the most gas that the caller may use and can pay.
fn allowance(scene: &Scene<'_>, request: &CallRequest) -> Result<u64, CallError> {
    let price = scene.price_cap();
    if price.is_zero() {
        return Ok(request.gas_limit);
    }
    let journal = scene.journal();
    let balance = journal.balance(request.from);
    journal.check()?;
    let left = balance
        .checked_sub(request.value)
        .ok_or(InvalidTransaction::InsufficientFunds { balance, cost: request.value })?;
    Ok(u64::try_from(left / price).unwrap_or(u64::MAX).min(request.gas_limit))
}

fn is_transfer(scene: &Scene<'_>, request: &CallRequest) -> bool {
    request.input.is_empty()
        && request.access_list.is_empty()
        && request.to.is_some_and(|to| !scene.journal().has_code(to))
}

/// Executes with a gas limit. None when it does not even pay for the message's own bytes.
fn attempt(
    scene: &Scene<'_>,
    gas_limit: u64,
) -> Result<Option<Result<Outcome, Outcome>>, CallError> {
    let mut journal = scene.journal();
    let message = scene.message(&journal, gas_limit)?;
    match scene.execute(&message, &mut journal) {
        Ok(outcome) if outcome.result.is_ok() => Ok(Some(Ok(outcome))),
        Ok(outcome) => Ok(Some(Err(outcome))),
        Err(ExecuteCallError::Invalid(InvalidTransaction::IntrinsicGas { .. })) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn unmendable(failed: Outcome, allowance: u64) -> CallError {
    match CallResult::of(&failed) {
        CallResult::Halted(Halt::OutOfGas) | CallResult::Success => {
            CallError::AllowanceTooLow { allowance }
        }
        CallResult::Halted(halt) => CallError::Halted(halt),
        CallResult::Reverted => CallError::Reverted { output: failed.output },
    }
}

/// Narrows the limit down between what cannot suffice and what is known to.
fn search(scene: &Scene<'_>, most: &Outcome, allowance: u64) -> Result<u64, CallError> {
    let suffices =
        |gas: u64| -> Result<bool, CallError> { Ok(matches!(attempt(scene, gas)?, Some(Ok(_)))) };
    let mut low = most.gas_used.saturating_sub(1);
    let mut high = allowance;
    // A call keeps back a 64th at most: this limit is nearly always enough, and nearly the least.
    let used = most.gas_used.saturating_add(most.gas_refunded).saturating_add(STIPEND);
    let likely = used.saturating_add(used / 63).saturating_add(1);
    if likely < high {
        if suffices(likely)? {
            high = likely;
        } else {
            low = likely;
        }
    }
    while low.saturating_add(1) < high {
        if u128::from(high - low) * 1000 < u128::from(high) * ERROR_PER_MILLE {
            break;
        }
        let middle = (low + (high - low) / 2).min(low.saturating_mul(2));
        if suffices(middle)? {
            high = middle;
        } else {
            low = middle;
        }
    }
    Ok(high)
}

type AccessSet = BTreeMap<Address, BTreeSet<H256>>;

/// Executes and returns what opcodes named, without accounts that are warm anyway.
fn accesses(
    evm: &Evm,
    block: &BlockContext<'_>,
    request: &CallRequest,
    state: &dyn StateView,
    overrides: &StateOverrides,
) -> Result<(AccessSet, Outcome), CallError> {
    let scene = Scene::new(evm, block, request, state, overrides)?;
    let mut journal = scene.journal();
    let message = scene.message(&journal, request.gas_limit)?;
    let target = message.to.unwrap_or_else(|| message.from.create(message.nonce));
    journal.inspector = Inspector::Accesses(Box::default());
    let outcome = scene.execute(&message, &mut journal)?;
    let Inspector::Accesses(accesses) = core::mem::take(&mut journal.inspector) else {
        return Ok((AccessSet::new(), outcome));
    };
    let mut found = accesses.accounts;
    found.retain(|address, slots| {
        let warm_anyway =
            *address == message.from || *address == target || journal.is_precompile(address);
        !warm_anyway || !slots.is_empty()
    });
    Ok((found, outcome))
}

fn listed(list: &[AccessListItem]) -> AccessSet {
    let mut set = AccessSet::new();
    for item in list {
        set.entry(item.address).or_default().extend(&item.storage_keys);
    }
    set
}

fn unlisted(set: &AccessSet) -> Vec<AccessListItem> {
    let item = |(address, slots): (&Address, &BTreeSet<H256>)| AccessListItem {
        address: *address,
        storage_keys: slots.iter().copied().collect(),
    };
    set.iter().map(item).collect()
}

fn error_text(outcome: &Outcome) -> Option<String> {
    match CallResult::of(outcome) {
        CallResult::Success => None,
        CallResult::Reverted => Some("execution reverted".to_owned()),
        CallResult::Halted(halt) => Some(halt.to_string()),
    }
}
