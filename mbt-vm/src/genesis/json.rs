//! Allocation files.

use std::collections::BTreeMap;

use mbt_crypto::{Address, H256, U256};
use serde_json::Value;

use super::{GenesisAccount, GenesisConfig, GenesisError};

/// Most bytes of `extraData`.
const EXTRA_DATA_BYTES_MAX: usize = 32;

impl GenesisConfig {
    /// Reads an allocation file. Quantities are 0x-hex or decimal, as strings or numbers.
    ///
    /// ```
    /// let genesis = mbt_vm::GenesisConfig::from_json(
    ///     r#"{ "chainId": 31337, "alloc": {
    ///          "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266": { "balance": "1000" } } }"#,
    /// );
    /// assert_eq!(genesis.unwrap().supply().unwrap(), 1000.into());
    /// ```
    ///
    /// # Errors
    /// [`GenesisError`], with the path of the field at fault.
    pub fn from_json(text: &str) -> Result<Self, GenesisError> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| GenesisError::Syntax(error.to_string()))?;
        let fields = Fields::of("", &value)?;
        fields.only(&[
            "chainId",
            "timestamp",
            "gasLimit",
            "baseFeePerGas",
            "target",
            "extraData",
            "alloc",
        ])?;
        let default = Self::default();
        let config = Self {
            chain_id: fields
                .number("chainId")?
                .ok_or(GenesisError::Missing { field: "chainId".to_owned() })?,
            timestamp: fields.number("timestamp")?.unwrap_or(default.timestamp),
            gas_limit: fields.number("gasLimit")?.unwrap_or(default.gas_limit),
            base_fee: fields.quantity("baseFeePerGas")?.unwrap_or(default.base_fee),
            target: fields.quantity("target")?.unwrap_or(default.target),
            extra_data: fields.bytes("extraData", EXTRA_DATA_BYTES_MAX)?,
            alloc: alloc(&fields)?,
        };
        config.supply()?;
        Ok(config)
    }
}

fn alloc(fields: &Fields<'_>) -> Result<BTreeMap<Address, GenesisAccount>, GenesisError> {
    let mut accounts = BTreeMap::new();
    let Some(entries) = fields.object("alloc")? else { return Ok(accounts) };
    for (text, _) in entries.entries() {
        let field = entries.path(text);
        let address: Address = text
            .parse()
            .map_err(|reason| GenesisError::Address { field: field.clone(), reason })?;
        let Some(account) = entries.object(text)? else { continue };
        account.only(&["balance", "nonce", "code", "storage"])?;
        let account = GenesisAccount {
            balance: account.quantity("balance")?.unwrap_or_default(),
            nonce: account.number("nonce")?.unwrap_or_default(),
            code: account.bytes("code", usize::MAX)?,
            storage: storage(&account)?,
        };
        if accounts.insert(address, account).is_some() {
            return Err(GenesisError::Twice { field });
        }
    }
    Ok(accounts)
}

fn storage(account: &Fields<'_>) -> Result<BTreeMap<H256, U256>, GenesisError> {
    let mut storage = BTreeMap::new();
    let Some(slots) = account.object("storage")? else { return Ok(storage) };
    for (text, _) in slots.entries() {
        let field = slots.path(text);
        let slot = parse(text).ok_or_else(|| GenesisError::Wrong {
            field: field.clone(),
            expected: "a slot",
            found: text.clone(),
        })?;
        let value = slots.quantity(text)?.unwrap_or_default();
        if storage.insert(H256(slot.to_big_endian()), value).is_some() {
            return Err(GenesisError::Twice { field });
        }
    }
    Ok(storage)
}

/// Reads 0x-hex or decimal.
fn parse(text: &str) -> Option<U256> {
    match text.strip_prefix("0x") {
        Some(digits) if !digits.is_empty() => U256::from_str_radix(digits, 16).ok(),
        Some(_) => None,
        None if text.is_empty() => None,
        None => U256::from_dec_str(text).ok(),
    }
}

/// An object of the file and where it stands, for errors.
struct Fields<'a> {
    path: String,
    object: &'a serde_json::Map<String, Value>,
}

impl<'a> Fields<'a> {
    fn of(path: &str, value: &'a Value) -> Result<Self, GenesisError> {
        let object = value.as_object().ok_or_else(|| wrong(path, "an object", value))?;
        Ok(Self { path: path.to_owned(), object })
    }

    fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    fn entries(&self) -> impl Iterator<Item = (&'a String, &'a Value)> + use<'a> {
        self.object.iter()
    }

    fn only(&self, known: &[&str]) -> Result<(), GenesisError> {
        match self.object.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some(name) => Err(GenesisError::Unknown { field: self.path(name) }),
        }
    }

    fn object(&self, name: &str) -> Result<Option<Self>, GenesisError> {
        self.object.get(name).map(|value| Self::of(&self.path(name), value)).transpose()
    }

    fn quantity(&self, name: &str) -> Result<Option<U256>, GenesisError> {
        let Some(value) = self.object.get(name) else { return Ok(None) };
        let quantity = match value {
            Value::String(text) => parse(text),
            Value::Number(number) => number.as_u64().map(U256::from),
            _ => None,
        };
        quantity.map(Some).ok_or_else(|| wrong(&self.path(name), "a quantity", value))
    }

    fn number(&self, name: &str) -> Result<Option<u64>, GenesisError> {
        let Some(quantity) = self.quantity(name)? else { return Ok(None) };
        u64::try_from(quantity).map(Some).map_err(|_| GenesisError::Wrong {
            field: self.path(name),
            expected: "below 2^64",
            found: quantity.to_string(),
        })
    }

    fn bytes(&self, name: &str, length_max: usize) -> Result<Vec<u8>, GenesisError> {
        let Some(value) = self.object.get(name) else { return Ok(Vec::new()) };
        let bytes = value
            .as_str()
            .and_then(|text| text.strip_prefix("0x"))
            .and_then(|digits| hex::decode(digits).ok())
            .ok_or_else(|| wrong(&self.path(name), "0x-hex bytes", value))?;
        if bytes.len() > length_max {
            return Err(wrong(&self.path(name), "short enough", value));
        }
        Ok(bytes)
    }
}

fn wrong(field: &str, expected: &'static str, found: &Value) -> GenesisError {
    let field = if field.is_empty() { "the file" } else { field }.to_owned();
    GenesisError::Wrong { field, expected, found: found.to_string() }
}
