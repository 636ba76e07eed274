//! What a transaction must satisfy before it is executed.

use mbt_account::{InvalidTransaction, Transaction};
use mbt_crypto::{Address, U256};

use super::intrinsic_gas;
use crate::{Fork, journal::Journal};

/// Nothing gives the system's own types a meaning here: a block with one is invalid.
pub(super) fn check_type(transaction: &Transaction) -> Result<(), InvalidTransaction> {
    match transaction.system_type() {
        Some(system) => Err(InvalidTransaction::TypeNotSupported(system.tx_type())),
        None => Ok(()),
    }
}

pub(super) fn check_chain(
    transaction: &Transaction,
    chain_id: u64,
) -> Result<(), InvalidTransaction> {
    match transaction.chain_id() {
        Some(have) if have != chain_id => {
            Err(InvalidTransaction::WrongChain { have, want: chain_id })
        }
        _ => Ok(()),
    }
}

pub(super) fn check_sender(
    transaction: &Transaction,
    from: Address,
    journal: &Journal<'_>,
) -> Result<(), InvalidTransaction> {
    let next = journal.nonce(from);
    let nonce = transaction.nonce;
    if nonce < next {
        return Err(InvalidTransaction::NonceTooLow { next, nonce });
    }
    if nonce > next {
        return Err(InvalidTransaction::NonceTooHigh { next, nonce });
    }
    if nonce == u64::MAX {
        return Err(InvalidTransaction::NonceMax);
    }
    if journal.has_code(from) {
        return Err(InvalidTransaction::SenderNotEoa(from));
    }
    Ok(())
}

pub(super) fn check_fees(
    transaction: &Transaction,
    journal: &Journal<'_>,
) -> Result<(U256, U256), InvalidTransaction> {
    let (cap, tip) = (transaction.max_fee_per_gas(), transaction.max_priority_fee_per_gas());
    if journal.fork < Fork::London {
        return Ok((cap, cap));
    }
    let base_fee = journal.block.base_fee;
    if tip > cap {
        return Err(InvalidTransaction::TipAboveFeeCap { tip, cap });
    }
    let tip = transaction
        .effective_tip(base_fee)
        .ok_or(InvalidTransaction::FeeCapTooLow { cap, base_fee })?;
    Ok((base_fee.saturating_add(tip), tip))
}

pub(super) fn check_balance(
    transaction: &Transaction,
    from: Address,
    journal: &Journal<'_>,
) -> Result<(), InvalidTransaction> {
    let balance = journal.balance(from);
    match transaction.max_cost() {
        Some(cost) if cost <= balance => Ok(()),
        cost => {
            let cost = cost.unwrap_or(U256::MAX);
            Err(InvalidTransaction::InsufficientFunds { balance, cost })
        }
    }
}

pub(super) fn check_gas(
    transaction: &Transaction,
    journal: &Journal<'_>,
    gas_left: u64,
) -> Result<(), InvalidTransaction> {
    let gas_limit = transaction.gas_limit;
    if gas_limit > journal.block.gas_limit {
        return Err(InvalidTransaction::ExceedsBlockGasLimit);
    }
    if gas_limit > gas_left {
        return Err(InvalidTransaction::BlockFull);
    }
    let needed = intrinsic_gas(
        transaction.to.is_none(),
        &transaction.input,
        transaction.access_list(),
        journal.fork,
    );
    if gas_limit < needed {
        return Err(InvalidTransaction::IntrinsicGas { gas_limit, needed });
    }
    check_init_code(transaction.to.is_none(), transaction.input.len(), journal.fork)
}

pub(crate) fn check_init_code(
    creates: bool,
    size: usize,
    fork: Fork,
) -> Result<(), InvalidTransaction> {
    match fork.config().max_initcode_size() {
        Some(max) if creates && size > max => {
            Err(InvalidTransaction::InitCodeTooLong { size, max })
        }
        _ => Ok(()),
    }
}
