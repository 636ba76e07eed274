//! Every step of an execution (geth's struct logger).

use std::collections::BTreeMap;

use evm::interpreter::ExitError;
use mbt_crypto::{Address, H256, U256};
use serde_json::{Map, Value, json};

use super::{
    inspector::{Step, failure_text},
    opcode,
    options::{STEPS_MAX, StructLogOptions},
};
use crate::journal::convert::number;

/// The steps seen so far.
#[derive(Debug)]
pub(crate) struct StepLog {
    options: StructLogOptions,
    steps: Vec<Map<String, Value>>,
    gas_costs: Vec<u64>,
    /// Steps of the running frames whose cost is not settled, innermost last.
    open: Vec<Option<usize>>,
    storage: BTreeMap<Address, BTreeMap<H256, U256>>,
}

impl StepLog {
    pub(crate) fn new(options: StructLogOptions) -> Self {
        Self {
            options,
            steps: Vec::new(),
            gas_costs: Vec::new(),
            open: Vec::new(),
            storage: BTreeMap::new(),
        }
    }

    pub(crate) fn enter(&mut self) {
        self.open.push(None);
    }

    pub(crate) fn leave(&mut self) {
        self.open.pop();
    }

    pub(crate) fn before(&mut self, step: &Step<'_>, slot: Option<(H256, U256)>) {
        let limit = if self.options.limit == 0 { STEPS_MAX } else { self.options.limit };
        let index = (self.steps.len() < limit).then_some(self.steps.len());
        if let Some(open) = self.open.last_mut() {
            *open = index;
        }
        if index.is_none() {
            return;
        }
        let shown = json!({
            "pc": step.position,
            "op": opcode::name(step.opcode),
            "gas": step.gas,
            "gasCost": 0,
            "depth": step.depth,
        });
        let Value::Object(mut shown) = shown else { return };
        if !self.options.disable_stack {
            let stack: Vec<_> =
                step.stack.iter().map(|word| format!("{:#x}", number(*word))).collect();
            shown.insert("stack".to_owned(), stack.into());
        }
        if self.options.enable_memory {
            shown.insert("memory".to_owned(), words(step).into());
        }
        if self.options.enable_return_data && !step.returned.is_empty() {
            let returned = format!("0x{}", hex::encode(step.returned));
            shown.insert("returnData".to_owned(), returned.into());
        }
        if let Some((slot, value)) = slot
            && !self.options.disable_storage
        {
            let storage = self.storage.entry(step.address).or_default();
            storage.insert(slot, value);
            let storage: Map<_, _> = storage
                .iter()
                .map(|(slot, value)| (hex::encode(slot), hex::encode(value.to_big_endian()).into()))
                .collect();
            shown.insert("storage".to_owned(), storage.into());
        }
        self.steps.push(shown);
        self.gas_costs.push(0);
    }

    /// Settles the cost of the last step.
    pub(crate) fn after(&mut self, cost: u64, error: Option<&ExitError>) {
        let Some(Some(index)) = self.open.last().copied() else { return };
        if let Some(total) = self.gas_costs.get_mut(index) {
            *total = cost;
        }
        if let (Some(step), Some(error)) = (self.steps.get_mut(index), error)
            && *error != ExitError::Reverted
        {
            step.insert("error".to_owned(), failure_text(error).into());
        }
    }

    /// Adds what a call handed to its callee to the cost of the step that called.
    pub(crate) fn pay(&mut self, gas: u64) {
        if let Some(Some(index)) = self.open.last().copied()
            && let Some(total) = self.gas_costs.get_mut(index)
        {
            *total = total.saturating_add(gas);
        }
    }

    pub(crate) fn into_json(self, gas_used: u64, failed: bool, output: &[u8]) -> Value {
        let steps: Vec<_> = self
            .steps
            .into_iter()
            .zip(self.gas_costs)
            .map(|(mut step, cost)| {
                step.insert("gasCost".to_owned(), cost.into());
                Value::Object(step)
            })
            .collect();
        json!({
            "gas": gas_used,
            "failed": failed,
            "returnValue": hex::encode(output),
            "structLogs": steps,
        })
    }
}

/// Memory in words; the machine keeps what was written, the rest up to its length is zero.
fn words(step: &Step<'_>) -> Vec<String> {
    let length = step.memory.effective_len().low_u64();
    let mut bytes = step.memory.data().clone();
    bytes.resize(usize::try_from(length).unwrap_or_default().max(bytes.len()), 0);
    bytes.chunks_exact(32).map(hex::encode).collect()
}
