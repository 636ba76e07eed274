//! Accounts and block values that a call sees instead of the chain's.

use std::collections::BTreeMap;

use mbt_crypto::{Address, H256, U256};
use mbt_vm::{AccountOverride, BlockOverrides, StateOverrides};
use serde_json::Value;

use super::param::{Fields, Param, ParamError, in_field};

/// Most accounts that a call may override.
const ACCOUNTS_MAX: usize = 1000;
/// Most slots of an account that a call may override.
const SLOTS_MAX: usize = 10_000;

/// The slots of an override.
struct Slots(BTreeMap<H256, U256>);

impl Param for Slots {
    fn read(value: &Value) -> Result<Self, ParamError> {
        let fields = Fields::of(value)?;
        if fields.0.len() > SLOTS_MAX {
            let found = fields.0.len();
            return Err(ParamError::TooMany { what: "storage override", found, max: SLOTS_MAX });
        }
        let read = |(slot, value): (&String, &Value)| {
            let slot = H256::read(&Value::String(slot.clone()))?;
            let value =
                H256::read(value).map_err(|reason| in_field(format!("{slot:#x}"), reason))?;
            Ok((slot, U256::from_big_endian(&value.0)))
        };
        fields.0.iter().map(read).collect::<Result<_, _>>().map(Self)
    }
}

impl Param for AccountOverride {
    fn read(value: &Value) -> Result<Self, ParamError> {
        let fields = Fields::of(value)?;
        let account = Self {
            nonce: fields.optional("nonce")?,
            balance: fields.optional("balance")?,
            code: fields.optional::<Vec<u8>>("code")?.map(Into::into),
            state: fields.optional::<Slots>("state")?.map(|slots| slots.0),
            state_diff: fields.optional::<Slots>("stateDiff")?.map(|slots| slots.0),
        };
        if account.state.is_some() && account.state_diff.is_some() {
            return Err(ParamError::Contradiction("account has both 'state' and 'stateDiff'"));
        }
        Ok(account)
    }
}

impl Param for StateOverrides {
    fn read(value: &Value) -> Result<Self, ParamError> {
        let fields = Fields::of(value)?;
        if fields.0.len() > ACCOUNTS_MAX {
            let found = fields.0.len();
            return Err(ParamError::TooMany { what: "state override", found, max: ACCOUNTS_MAX });
        }
        let read = |(address, value): (&String, &Value)| {
            let key = Address::read(&Value::String(address.clone()))?;
            let account =
                AccountOverride::read(value).map_err(|reason| in_field(address.clone(), reason))?;
            Ok((key, account))
        };
        fields.0.iter().map(read).collect()
    }
}

impl Param for BlockOverrides {
    /// Reads the object; both geth's older and newer names are known.
    fn read(value: &Value) -> Result<Self, ParamError> {
        let fields = Fields::of(value)?;
        Ok(Self {
            number: fields.optional("number")?,
            timestamp: fields.optional("time")?.or(fields.optional("timestamp")?),
            gas_limit: fields.optional("gasLimit")?,
            beneficiary: fields.optional("feeRecipient")?.or(fields.optional("coinbase")?),
            prev_randao: fields.optional("prevRandao")?.or(fields.optional("random")?),
            base_fee: fields.optional("baseFeePerGas")?.or(fields.optional("baseFee")?),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn state_and_state_diff_exclude_each_other() {
        let address = Address([1; 20]);
        let overrides = json!({ address.to_hex(): { "state": {}, "stateDiff": {} } });
        assert!(StateOverrides::read(&overrides).is_err());
        let overrides = json!({ address.to_string(): { "balance": "0x5", "code": "0x6001" } });
        let read = StateOverrides::read(&overrides).unwrap();
        assert_eq!(read[&address].balance, Some(5.into()));
    }
}
