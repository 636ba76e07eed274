//! Accounts and block values that a call sees instead of the chain's.

use std::collections::BTreeMap;

use mbt_crypto::{Address, H256, U256};
use serde_json::Value;

use super::param::{Fields, Param, ParamError, in_field};

/// Most accounts that a call may override.
const ACCOUNTS_MAX: usize = 1000;
/// Most slots of an account that a call may override.
const SLOTS_MAX: usize = 10_000;

/// What a call sees of one account.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct AccountOverride {
    /// Its nonce.
    pub(crate) nonce: Option<u64>,
    /// Its code.
    pub(crate) code: Option<Vec<u8>>,
    /// Its balance.
    pub(crate) balance: Option<U256>,
    /// All of its storage: slots not named are zero.
    pub(crate) state: Option<BTreeMap<H256, U256>>,
    /// Some of its storage.
    pub(crate) state_diff: Option<BTreeMap<H256, U256>>,
}

/// What a call sees of accounts.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct RpcStateOverrides(pub(crate) BTreeMap<Address, AccountOverride>);

/// What a call sees of its block.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct RpcBlockOverrides {
    /// NUMBER.
    pub(crate) number: Option<u64>,
    /// TIMESTAMP.
    pub(crate) timestamp: Option<u64>,
    /// GASLIMIT.
    pub(crate) gas_limit: Option<u64>,
    /// COINBASE.
    pub(crate) beneficiary: Option<Address>,
    /// PREVRANDAO.
    pub(crate) prev_randao: Option<H256>,
    /// BASEFEE.
    pub(crate) base_fee: Option<U256>,
}

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
            let value = H256::read(value).map_err(|reason| in_field(format!("{slot:#x}"), reason))?;
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
            code: fields.optional("code")?,
            balance: fields.optional("balance")?,
            state: fields.optional::<Slots>("state")?.map(|slots| slots.0),
            state_diff: fields.optional::<Slots>("stateDiff")?.map(|slots| slots.0),
        };
        if account.state.is_some() && account.state_diff.is_some() {
            return Err(ParamError::Contradiction("account has both 'state' and 'stateDiff'"));
        }
        Ok(account)
    }
}

impl Param for RpcStateOverrides {
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
        fields.0.iter().map(read).collect::<Result<_, _>>().map(Self)
    }
}

impl Param for RpcBlockOverrides {
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
        assert!(RpcStateOverrides::read(&overrides).is_err());
        let overrides = json!({ address.to_string(): { "balance": "0x5", "code": "0x6001" } });
        let read = RpcStateOverrides::read(&overrides).unwrap();
        assert_eq!(read.0[&address].balance, Some(5.into()));
    }
}
