//! Transactions, signed and not.

use alloc::{
    borrow::ToOwned,
    boxed::Box,
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};

use mbt_crypto::{H256, Signature};
use serde::{Deserialize, Serialize, de::IgnoredAny};

use super::{
    payload::{JoinForm, NotarizeForm, PayloadForm},
    text::{Account, Data, Fixed, Quantity, Small, hash},
    through_form,
};
use crate::{
    AccessListItem, Kind, SignedTransaction, Transaction,
    codec::DecodeError,
    system::{Payload, SystemType},
};

through_form! { Transaction => Form, SignedTransaction => SignedForm }

/// The fields that a sender signs.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Form {
    r#type: Small,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    chain_id: Option<Small>,
    nonce: Small,
    #[serde(alias = "gasLimit")]
    gas: Small,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gas_price: Option<Quantity>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_fee_per_gas: Option<Quantity>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_priority_fee_per_gas: Option<Quantity>,
    #[serde(default)]
    to: Option<Account>,
    value: Quantity,
    #[serde(default, alias = "data")]
    input: Option<Data>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    access_list: Option<Vec<AccessForm>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    league_join: Option<Box<JoinForm>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    notarize: Option<Box<NotarizeForm>>,
    /// What is not listed above.
    #[serde(flatten, skip_serializing)]
    others: BTreeMap<String, IgnoredAny>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AccessForm {
    address: Account,
    storage_keys: Vec<Fixed<32>>,
}

/// A signed transaction. What JSON-RPC says beside it (its sender and place) is passed over.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct SignedForm {
    #[serde(flatten)]
    fields: Form,
    #[serde(default)]
    hash: Option<Fixed<32>>,
    #[serde(default)]
    v: Option<Small>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    y_parity: Option<Small>,
    r: Quantity,
    s: Quantity,
}

impl From<&Transaction> for Form {
    fn from(transaction: &Transaction) -> Self {
        let dynamic = transaction.has_dynamic_fee();
        let cap = Quantity(transaction.max_fee_per_gas());
        let tip = Quantity(transaction.max_priority_fee_per_gas());
        let access_list = transaction.access_list().iter().map(AccessForm::from);
        let payload = transaction.payload().ok().flatten();
        let (league_join, notarize) = match payload.as_ref().map(PayloadForm::from) {
            Some(PayloadForm::LeagueJoin(join)) => (Some(join), None),
            Some(PayloadForm::Notarize(notarize)) => (None, Some(notarize)),
            None => (None, None),
        };
        Self {
            r#type: Small(transaction.tx_type().into()),
            chain_id: transaction.chain_id().map(Small),
            nonce: Small(transaction.nonce),
            gas: Small(transaction.gas_limit),
            gas_price: (!dynamic).then_some(cap),
            max_fee_per_gas: dynamic.then_some(cap),
            max_priority_fee_per_gas: dynamic.then_some(tip),
            to: transaction.to.map(Account),
            value: Quantity(transaction.value),
            input: Some(Data(transaction.input.clone())),
            access_list: (transaction.tx_type() != 0).then(|| access_list.collect()),
            league_join,
            notarize,
            others: BTreeMap::new(),
        }
    }
}

impl From<&AccessListItem> for AccessForm {
    fn from(item: &AccessListItem) -> Self {
        let storage_keys = item.storage_keys.iter().copied().map(hash).collect();
        Self { address: Account(item.address), storage_keys }
    }
}

impl From<AccessForm> for AccessListItem {
    fn from(form: AccessForm) -> Self {
        let storage_keys = form.storage_keys.into_iter().map(|key| H256(key.0)).collect();
        Self { address: form.address.0, storage_keys }
    }
}

impl TryFrom<Form> for Transaction {
    type Error = String;

    /// Takes no field that would not be signed: it may be a misspelt one.
    fn try_from(form: Form) -> Result<Self, String> {
        if let Some(name) = form.others.keys().next() {
            return Err(format!("unknown field {name:?}"));
        }
        if form.r#type.0 > 1 && form.gas_price.is_some() {
            return Err(misplaced("gasPrice", form.r#type));
        }
        form.build()
    }
}

fn misplaced(field: &str, tx_type: Small) -> String {
    format!("field {field:?} is not one of transactions of type {:#x}", tx_type.0)
}

fn missing(field: &str) -> String {
    format!("missing field {field:?}")
}

impl Form {
    fn build(mut self) -> Result<Transaction, String> {
        let tx_type = self.r#type;
        let refuse = |field: &str, present: bool| match present {
            true => Err(misplaced(field, tx_type)),
            false => Ok(()),
        };
        let system = u8::try_from(tx_type.0).ok().and_then(SystemType::from_tx_type);
        refuse("leagueJoin", self.league_join.is_some() && system != Some(SystemType::LeagueJoin))?;
        refuse("notarize", self.notarize.is_some() && system != Some(SystemType::Notarize))?;
        if tx_type.0 < 2 {
            refuse("maxFeePerGas", self.max_fee_per_gas.is_some())?;
            refuse("maxPriorityFeePerGas", self.max_priority_fee_per_gas.is_some())?;
        }
        refuse("accessList", tx_type.0 == 0 && self.access_list.is_some())?;
        let access_list = self.access_list.take().unwrap_or_default();
        let access_list = access_list.into_iter().map(AccessListItem::from).collect();
        let chain_id = self.chain_id.map(|id| id.0);
        let price = self.gas_price.map(|price| price.0);
        let cap = self.max_fee_per_gas.map(|cap| cap.0).ok_or_else(|| missing("maxFeePerGas"));
        let tip = self.max_priority_fee_per_gas.map(|tip| tip.0);
        let tip = tip.ok_or_else(|| missing("maxPriorityFeePerGas"));
        let kind = match (tx_type.0, system) {
            (0, _) => {
                Kind::Legacy { chain_id, gas_price: price.ok_or_else(|| missing("gasPrice"))? }
            }
            (1, _) => Kind::AccessList {
                chain_id: chain_id.ok_or_else(|| missing("chainId"))?,
                gas_price: price.ok_or_else(|| missing("gasPrice"))?,
                access_list,
            },
            (2, _) => Kind::DynamicFee {
                chain_id: chain_id.ok_or_else(|| missing("chainId"))?,
                max_priority_fee_per_gas: tip?,
                max_fee_per_gas: cap?,
                access_list,
            },
            (_, Some(system)) => Kind::System {
                system,
                chain_id: chain_id.ok_or_else(|| missing("chainId"))?,
                max_priority_fee_per_gas: tip?,
                max_fee_per_gas: cap?,
                access_list,
            },
            (0x19, None) => return Err(DecodeError::ReservedTransactionType.to_string()),
            (other, None) => return Err(format!("transaction type {other:#x} not supported")),
        };
        let transaction = Transaction {
            kind,
            nonce: self.nonce.0,
            gas_limit: self.gas.0,
            to: self.to.map(|to| to.0),
            value: self.value.0,
            input: Vec::new(),
        };
        match system {
            None => Ok(Transaction {
                input: self.input.map(|input| input.0).unwrap_or_default(),
                ..transaction
            }),
            Some(system) => self.with_payload(system, transaction),
        }
    }

    /// Takes the input of a transaction of an own type from its payload, from its bytes, or from
    /// both when they agree. The account called may be left out.
    fn with_payload(self, system: SystemType, bare: Transaction) -> Result<Transaction, String> {
        let form = self.league_join.map(PayloadForm::LeagueJoin);
        let form = form.or(self.notarize.map(PayloadForm::Notarize));
        let written = form.map(Payload::try_from).transpose().map_err(|error| error.to_string())?;
        let written = written.map(|payload| payload.encode());
        let input = match (written, self.input.map(|input| input.0)) {
            (Some(written), Some(input)) if written != input => {
                return Err("field \"input\" is not the payload's encoding".to_owned());
            }
            (Some(input), _) | (None, Some(input)) => input,
            (None, None) => return Err(missing("input")),
        };
        let to = bare.to.or(Some(system.contract()));
        let transaction = Transaction { to, input, ..bare };
        transaction.payload().map_err(|error| error.to_string())?;
        Ok(transaction)
    }
}

impl From<&SignedTransaction> for SignedForm {
    fn from(signed: &SignedTransaction) -> Self {
        let Signature { r, s, y_parity } = *signed.signature();
        Self {
            fields: Form::from(&**signed),
            hash: Some(hash(signed.hash().0)),
            v: Some(Small(signed.v())),
            y_parity: (signed.tx_type() != 0).then_some(Small(y_parity.into())),
            r: Quantity(mbt_crypto::U256::from_big_endian(&r)),
            s: Quantity(mbt_crypto::U256::from_big_endian(&s)),
        }
    }
}

impl TryFrom<SignedForm> for SignedTransaction {
    type Error = String;

    fn try_from(form: SignedForm) -> Result<Self, String> {
        let SignedForm { fields, hash, v, y_parity, r, s } = form;
        let mut transaction = fields.build()?;
        let (v, y_parity) = (v.map(|v| v.0), y_parity.map(|parity| parity.0));
        let y_parity = match &mut transaction.kind {
            Kind::Legacy { chain_id, .. } => {
                legacy_parity(v.ok_or_else(|| missing("v"))?, chain_id)?
            }
            _ => match (y_parity, v) {
                (Some(parity), Some(v)) if parity != v => {
                    return Err("fields \"v\" and \"yParity\" differ".to_owned());
                }
                (Some(parity @ (0 | 1)), _) | (None, Some(parity @ (0 | 1))) => parity == 1,
                (Some(other), _) | (None, Some(other)) => {
                    return Err(format!("field \"yParity\" is {other}, neither 0 nor 1"));
                }
                (None, None) => return Err(missing("yParity")),
            },
        };
        let (r, s) = (r.0.to_big_endian(), s.0.to_big_endian());
        let signed = Self::new(transaction, Signature { r, s, y_parity });
        match hash {
            Some(Fixed(named)) if named != signed.hash().0.0 => {
                Err(format!("field \"hash\" is not that of the transaction, {}", signed.hash()))
            }
            _ => Ok(signed),
        }
    }
}

/// Returns the parity that v says, and lets v say the chain.
fn legacy_parity(v: u64, chain_id: &mut Option<u64>) -> Result<bool, String> {
    let (parity, signed_for) = match v {
        27 | 28 => (v == 28, None),
        35.. => {
            let v = v.saturating_sub(35);
            (v % 2 == 1, Some(v / 2))
        }
        _ => return Err(format!("field \"v\" is {v}, no value of a legacy transaction")),
    };
    if chain_id.is_some() && *chain_id != signed_for {
        return Err("fields \"v\" and \"chainId\" differ".to_owned());
    }
    *chain_id = signed_for;
    Ok(parity)
}
