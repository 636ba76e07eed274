//! A call or a transaction that nobody signed yet.

use mbt_account::{AccessListItem, Kind};
use mbt_crypto::{Address, U256};
use serde_json::Value;

use super::param::{AccessList, Fields, Param, ParamError};

/// The transaction object of `eth_call`, `eth_estimateGas` and their kin.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct RpcCall {
    /// The caller; the zero address when absent.
    pub(crate) from: Option<Address>,
    /// The account called; none creates.
    pub(crate) to: Option<Address>,
    /// Most gas.
    pub(crate) gas: Option<u64>,
    /// Price of gas of a legacy transaction.
    pub(crate) gas_price: Option<U256>,
    /// EIP-1559.
    pub(crate) max_fee_per_gas: Option<U256>,
    /// EIP-1559.
    pub(crate) max_priority_fee_per_gas: Option<U256>,
    /// Coin moved.
    pub(crate) value: Option<U256>,
    /// The sender's nonce.
    pub(crate) nonce: Option<u64>,
    /// Call data or init code.
    pub(crate) input: Vec<u8>,
    /// Declared accesses.
    pub(crate) access_list: Option<Vec<AccessListItem>>,
    /// The chain it is meant for.
    pub(crate) chain_id: Option<u64>,
    /// The type asked for.
    pub(crate) tx_type: Option<u64>,
}

impl Param for RpcCall {
    fn read(value: &Value) -> Result<Self, ParamError> {
        let fields = Fields::of(value)?;
        let call = Self {
            from: fields.optional("from")?,
            to: fields.optional("to")?,
            gas: fields.optional::<U256>("gas")?.map(clamp),
            gas_price: fields.optional("gasPrice")?,
            max_fee_per_gas: fields.optional("maxFeePerGas")?,
            max_priority_fee_per_gas: fields.optional("maxPriorityFeePerGas")?,
            value: fields.optional("value")?,
            nonce: fields.optional("nonce")?,
            input: input(&fields)?,
            access_list: fields.optional::<AccessList>("accessList")?,
            chain_id: fields.optional("chainId")?,
            tx_type: fields.optional("type")?,
        };
        call.check()?;
        Ok(call)
    }
}

/// Clients ask for "all gas there is" by numbers above 2^64; every use is bounded later.
fn clamp(gas: U256) -> u64 {
    u64::try_from(gas).unwrap_or(u64::MAX)
}

fn input(fields: &Fields<'_>) -> Result<Vec<u8>, ParamError> {
    let data = fields.optional::<Vec<u8>>("data")?;
    let input = fields.optional::<Vec<u8>>("input")?;
    match (input, data) {
        (Some(input), Some(data)) if input != data => Err(ParamError::Contradiction(
            "both \"data\" and \"input\" are set and not equal. Please use \"input\" to pass \
             transaction call data",
        )),
        (Some(bytes), _) | (None, Some(bytes)) => Ok(bytes),
        (None, None) => Ok(Vec::new()),
    }
}

impl RpcCall {
    fn check(&self) -> Result<(), ParamError> {
        let dynamic = self.max_fee_per_gas.is_some() || self.max_priority_fee_per_gas.is_some();
        if self.gas_price.is_some() && dynamic {
            return Err(ParamError::Contradiction(
                "both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified",
            ));
        }
        if let (Some(cap), Some(tip)) = (self.max_fee_per_gas, self.max_priority_fee_per_gas)
            && tip > cap
        {
            return Err(ParamError::Contradiction(
                "maxFeePerGas is less than maxPriorityFeePerGas",
            ));
        }
        Ok(())
    }

    /// Returns the envelope for fees that were filled in.
    pub(crate) fn kind(&self, chain_id: u64, tip: U256, cap: U256) -> Kind {
        let access_list = self.access_list.clone().unwrap_or_default();
        match (self.gas_price, self.tx_type) {
            (Some(gas_price), _) if self.access_list.is_some() => {
                Kind::AccessList { chain_id, gas_price, access_list }
            }
            (Some(gas_price), Some(1)) => Kind::AccessList { chain_id, gas_price, access_list },
            (Some(gas_price), _) => Kind::Legacy { chain_id: Some(chain_id), gas_price },
            (None, Some(0)) => Kind::Legacy { chain_id: Some(chain_id), gas_price: cap },
            (None, Some(1)) => Kind::AccessList { chain_id, gas_price: cap, access_list },
            (None, _) => Kind::DynamicFee {
                chain_id,
                max_priority_fee_per_gas: tip,
                max_fee_per_gas: cap,
                access_list,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_that_contradict_each_other_are_refused() {
        for wrong in [
            json!({ "data": "0x01", "input": "0x02" }),
            json!({ "gasPrice": "0x1", "maxFeePerGas": "0x1" }),
            json!({ "maxFeePerGas": "0x1", "maxPriorityFeePerGas": "0x2" }),
        ] {
            assert!(matches!(RpcCall::read(&wrong), Err(ParamError::Contradiction(_))), "{wrong}");
        }
        let same = json!({ "data": "0x01", "input": "0x01" });
        assert_eq!(RpcCall::read(&same).unwrap().input, [1]);
    }
}
