//! What a transaction's own bytes cost (Yellow Paper 6.2, EIP-2028, EIP-2930, EIP-3860).

use crate::{InvalidTransaction, Transaction};

/// Most bytes of init code (EIP-3860).
pub const INIT_CODE_BYTES_MAX: usize = 2 * 24_576;

const TRANSACTION: u64 = 21_000;
const CREATION: u64 = 32_000;
const INIT_CODE_WORD: u64 = 2;
const ZERO_BYTE: u64 = 4;
const OTHER_BYTE: u64 = 16;
const LISTED_ADDRESS: u64 = 2_400;
const LISTED_SLOT: u64 = 1_900;

/// Returns the gas that is used before the first instruction, by the rules of Cancun.
#[must_use]
pub fn intrinsic_gas(transaction: &Transaction) -> u64 {
    let input = &transaction.input;
    let zeros = input.iter().filter(|byte| **byte == 0).count();
    let mut gas = TRANSACTION
        .saturating_add(times(ZERO_BYTE, zeros))
        .saturating_add(times(OTHER_BYTE, input.len().saturating_sub(zeros)));
    if transaction.to.is_none() {
        let words = times(INIT_CODE_WORD, input.len().div_ceil(32));
        gas = gas.saturating_add(CREATION).saturating_add(words);
    }
    for item in transaction.access_list() {
        let slots = times(LISTED_SLOT, item.storage_keys.len());
        gas = gas.saturating_add(LISTED_ADDRESS).saturating_add(slots);
    }
    gas
}

const fn times(gas: u64, count: usize) -> u64 {
    gas.saturating_mul(count as u64)
}

impl Transaction {
    /// Checks all that needs neither state nor block: nonce, fees, init code, intrinsic gas, and
    /// the payload of an own type.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn check(&self) -> Result<(), InvalidTransaction> {
        if self.nonce == u64::MAX {
            return Err(InvalidTransaction::NonceMax);
        }
        let (tip, cap) = (self.max_priority_fee_per_gas(), self.max_fee_per_gas());
        if tip > cap {
            return Err(InvalidTransaction::TipAboveFeeCap { tip, cap });
        }
        if cap.checked_mul(self.gas_limit.into()).is_none() {
            return Err(InvalidTransaction::CostOverflow);
        }
        if self.to.is_none() && self.input.len() > INIT_CODE_BYTES_MAX {
            let (size, max) = (self.input.len(), INIT_CODE_BYTES_MAX);
            return Err(InvalidTransaction::InitCodeTooLong { size, max });
        }
        let needed = intrinsic_gas(self);
        if self.gas_limit < needed {
            return Err(InvalidTransaction::IntrinsicGas { gas_limit: self.gas_limit, needed });
        }
        self.check_payload().map_err(InvalidTransaction::Payload)
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use mbt_crypto::{Address, H256};

    use super::*;
    use crate::{AccessListItem, Kind};

    #[test]
    fn every_part_of_a_transaction_is_paid_for() {
        let item = AccessListItem { address: Address::ZERO, storage_keys: vec![H256::zero(); 2] };
        let mut transaction = Transaction {
            kind: Kind::AccessList { chain_id: 1, gas_price: 1.into(), access_list: vec![item] },
            nonce: 0,
            gas_limit: 100_000,
            to: Some(Address::ZERO),
            value: 0.into(),
            input: vec![0, 1],
        };
        assert_eq!(intrinsic_gas(&transaction), 21_000 + 4 + 16 + 2_400 + 2 * 1_900);
        transaction.to = None;
        transaction.input = vec![1; 33];
        assert_eq!(intrinsic_gas(&transaction), 53_000 + 33 * 16 + 2 * 2 + 2_400 + 2 * 1_900);
        transaction.gas_limit = 53_000;
        assert!(matches!(transaction.check(), Err(InvalidTransaction::IntrinsicGas { .. })));
    }
}
