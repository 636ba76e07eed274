//! One message from its checks to its effects: what the machine leaves to its user.

mod check;

use evm::{
    interpreter::{ExitError, ExitSucceed},
    standard::GasometerState,
};
use mbt_account::{AccessListItem, InvalidTransaction, RecoveredTransaction};
use mbt_crypto::{Address, H256, U256};

pub(crate) use self::check::check_init_code;
use self::check::{check_balance, check_chain, check_fees, check_gas, check_sender, check_type};
use crate::{
    FeePolicy, Fork,
    journal::{
        Journal,
        convert::{to_address, to_hash},
    },
    machine::{self, Ended, Start},
};

/// What a transaction or a call asks the machine for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'m> {
    pub(crate) from: Address,
    pub(crate) to: Option<Address>,
    pub(crate) nonce: u64,
    pub(crate) gas_limit: u64,
    /// What is paid for a unit of gas.
    pub(crate) gas_price: U256,
    /// The part of it above the base fee.
    pub(crate) tip: U256,
    pub(crate) value: U256,
    pub(crate) input: &'m [u8],
    pub(crate) access_list: &'m [AccessListItem],
}

/// What a message did. Its changes are in the journal.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) result: Result<ExitSucceed, ExitError>,
    pub(crate) gas_used: u64,
    pub(crate) output: Vec<u8>,
    pub(crate) created: Option<Address>,
    /// Gas that was used at first and given back (EIP-3529).
    pub(crate) gas_refunded: u64,
}

impl<'m> Message<'m> {
    /// Checks a transaction against block and state, in geth's order, and returns its message.
    /// `gas_left` is what earlier transactions left of the block's gas.
    pub(crate) fn of(
        transaction: &'m RecoveredTransaction,
        journal: &Journal<'_>,
        gas_left: u64,
    ) -> Result<Self, InvalidTransaction> {
        let from = transaction.sender();
        check_type(transaction)?;
        check_chain(transaction, journal.chain_id)?;
        check_sender(transaction, from, journal)?;
        let (price, tip) = check_fees(transaction, journal)?;
        check_balance(transaction, from, journal)?;
        check_gas(transaction, journal, gas_left)?;
        Ok(Self {
            from,
            to: transaction.to,
            nonce: transaction.nonce,
            gas_limit: transaction.gas_limit,
            gas_price: price,
            tip,
            value: transaction.value,
            input: &transaction.input,
            access_list: transaction.access_list(),
        })
    }
}

/// Returns what a message's own bytes cost.
pub(crate) fn intrinsic_gas(
    creates: bool,
    input: &[u8],
    access_list: &[AccessListItem],
    fork: Fork,
) -> u64 {
    gasometer(u64::MAX, creates, input, access_list, fork)
        .map_or(u64::MAX, |gasometer| gasometer.total_used_gas())
}

fn gasometer(
    gas_limit: u64,
    creates: bool,
    input: &[u8],
    access_list: &[AccessListItem],
    fork: Fork,
) -> Option<GasometerState> {
    let list: Vec<_> = access_list
        .iter()
        .map(|item| {
            let keys = item.storage_keys.iter().map(|key| to_hash(*key)).collect();
            (to_address(item.address), keys)
        })
        .collect();
    let config = fork.config();
    if creates {
        GasometerState::new_transact_create(gas_limit.into(), input, &list, config).ok()
    } else {
        GasometerState::new_transact_call(gas_limit.into(), input, &list, config).ok()
    }
}

/// Executes a message that was checked: takes the price of its gas, raises the nonce, runs it,
/// gives back what it did not use. Fees stay taken; paying them out is the block's matter.
///
/// # Errors
/// When the sender cannot pay or the gas is below the intrinsic gas; nothing changed then.
pub(crate) fn execute(
    message: &Message<'_>,
    journal: &mut Journal<'_>,
) -> Result<Outcome, InvalidTransaction> {
    let creates = message.to.is_none();
    let Message { from, gas_limit, gas_price, .. } = *message;
    let intrinsic = || intrinsic_gas(creates, message.input, message.access_list, journal.fork);
    let Some(gasometer) =
        gasometer(gas_limit, creates, message.input, message.access_list, journal.fork)
    else {
        return Err(InvalidTransaction::IntrinsicGas { gas_limit, needed: intrinsic() });
    };
    let fee = gas_price.checked_mul(gas_limit.into()).unwrap_or(U256::MAX);
    let cost = fee.checked_add(message.value).unwrap_or(U256::MAX);
    let balance = journal.balance(from);
    if balance < cost {
        return Err(InvalidTransaction::InsufficientFunds { balance, cost });
    }
    let next = message.nonce.checked_add(1).ok_or(InvalidTransaction::NonceMax)?;
    journal.debit(from, fee)?;
    if creates {
        // The nonce that the new address comes from is the one before it is raised.
        warm_accesses(message, message.from.create(message.nonce), journal);
    }
    journal.set_nonce(from, next);
    let target = message.to.unwrap_or_else(|| from.create(message.nonce));
    if !creates {
        warm_accesses(message, target, journal);
    }
    let ended = match transfer_only(message, &gasometer, journal) {
        Some(ended) => ended,
        None => machine::run(
            Start {
                caller: from,
                target,
                creates,
                value: message.value,
                input: message.input.to_vec(),
                gas_price,
                gasometer,
            },
            journal,
        ),
    };
    let gas_used = gas_limit.saturating_sub(ended.gas_left);
    journal.credit(from, gas_price.saturating_mul(ended.gas_left.into()));
    Ok(Outcome {
        result: ended.result,
        gas_used,
        output: ended.output,
        created: ended.created,
        gas_refunded: ended.gas_refunded,
    })
}

/// EIP-2929, EIP-2930, EIP-3651: what is warm from the start.
fn warm_accesses(message: &Message<'_>, target: Address, journal: &mut Journal<'_>) {
    journal.warm(message.from);
    journal.warm(target);
    if journal.config().runtime.eip3651_warm_coinbase_address {
        journal.warm(journal.block.beneficiary);
    }
    for item in message.access_list {
        journal.warm(item.address);
        for key in &item.storage_keys {
            journal.warm_slot(item.address, *key);
        }
    }
}

/// Does without the machine what needs none: moving coin to an account without code.
fn transfer_only(
    message: &Message<'_>,
    gasometer: &GasometerState,
    journal: &mut Journal<'_>,
) -> Option<Ended> {
    let to = message.to?;
    if journal.inspector.is_active() || journal.has_code(to) || journal.is_precompile(&to) {
        return None;
    }
    journal.touch(to);
    journal.debit(message.from, message.value).ok()?;
    journal.credit(to, message.value);
    Some(Ended {
        result: Ok(ExitSucceed::Stopped),
        gas_left: gasometer.gas64(),
        gas_refunded: 0,
        output: Vec::new(),
        created: None,
    })
}

/// The fees that a block's transactions paid.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fees {
    pub(crate) tips: U256,
    pub(crate) base: U256,
}

impl Fees {
    /// Notes what a message paid; under Ethereum's policy the miner gets the tip at once.
    pub(crate) fn collect(
        &mut self,
        message: &Message<'_>,
        gas_used: u64,
        policy: FeePolicy,
        journal: &mut Journal<'_>,
    ) {
        let tips = message.tip.saturating_mul(gas_used.into());
        let paid = message.gas_price.saturating_mul(gas_used.into());
        match policy {
            FeePolicy::Mbt => {
                self.tips = self.tips.saturating_add(tips);
                self.base = self.base.saturating_add(paid.saturating_sub(tips));
            }
            FeePolicy::Ethereum => {
                let miner = journal.block.beneficiary;
                journal.touch(miner);
                journal.credit(miner, tips);
            }
        }
    }
}

/// Where CommunityPool counts burned coin.
pub(crate) const TOTAL_BURNED_SLOT: H256 = H256([0; 32]);

#[cfg(test)]
mod tests {
    use mbt_account::{Kind, Transaction};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The pool asks `mbt-account`, the machine asks the `evm` crate: they must agree.
        #[test]
        fn pool_and_machine_agree_on_intrinsic_gas(
            input in proptest::collection::vec(prop_oneof![Just(0), any::<u8>()], 0..300),
            creates in any::<bool>(),
            keys in proptest::collection::vec(0_usize..4, 0..4),
        ) {
            let access_list: Vec<_> = keys
                .into_iter()
                .map(|keys| AccessListItem {
                    address: Address::ZERO,
                    storage_keys: vec![H256::zero(); keys],
                })
                .collect();
            let ours = intrinsic_gas(creates, &input, &access_list, Fork::Cancun);
            let kind =
                Kind::AccessList { chain_id: 1, gas_price: U256::zero(), access_list };
            let to = (!creates).then_some(Address::ZERO);
            let transaction =
                Transaction { kind, nonce: 0, gas_limit: 0, to, value: U256::zero(), input };
            prop_assert_eq!(ours, mbt_account::intrinsic_gas(&transaction));
        }
    }
}
