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

/// Refund for a slot that becomes zero (EIP-3529).
const CLEARED: i64 = 4_800;
/// Refund for a slot that becomes what it was before the transaction: zero, or not (EIP-2929).
const RESTORED: [i64; 2] = [20_000 - 100, 5_000 - 2_100 - 100];

/// The steps seen so far.
#[derive(Debug)]
pub(crate) struct StepLog {
    options: StructLogOptions,
    steps: Vec<Map<String, Value>>,
    gas_costs: Vec<u64>,
    /// The running frames, innermost last.
    open: Vec<OpenFrame>,
    storage: BTreeMap<Address, BTreeMap<H256, U256>>,
    /// Gas to be refunded, before its bound.
    refund: i64,
}

/// A frame that runs.
#[derive(Debug)]
struct OpenFrame {
    /// Its step whose cost is not settled.
    step: Option<usize>,
    /// What was to be refunded when it began.
    refund: i64,
}

/// A slot that a step reads or writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SlotSeen {
    pub(crate) slot: H256,
    /// Its value after the step.
    pub(crate) value: U256,
    /// What the step adds to the refund.
    pub(crate) refund: i64,
}

/// Returns what writing a slot adds to the refund (EIP-2200 with EIP-3529's figures).
pub(crate) fn refund_of(original: U256, current: U256, new: U256) -> i64 {
    if new == current {
        return 0;
    }
    let mut refund = 0;
    if !original.is_zero() && current.is_zero() {
        refund -= CLEARED;
    }
    if !original.is_zero() && new.is_zero() {
        refund += CLEARED;
    }
    if original != current && original == new {
        refund += RESTORED[usize::from(!original.is_zero())];
    }
    refund
}

impl StepLog {
    pub(crate) fn new(options: StructLogOptions) -> Self {
        Self {
            options,
            steps: Vec::new(),
            gas_costs: Vec::new(),
            open: Vec::new(),
            storage: BTreeMap::new(),
            refund: 0,
        }
    }

    pub(crate) fn enter(&mut self) {
        self.open.push(OpenFrame { step: None, refund: self.refund });
    }

    /// Ends a frame; one that failed is refunded nothing.
    pub(crate) fn leave(&mut self, failed: bool) {
        if let Some(frame) = self.open.pop()
            && failed
        {
            self.refund = frame.refund;
        }
    }

    pub(crate) fn before(&mut self, step: &Step<'_>, slot: Option<SlotSeen>) {
        let limit = if self.options.limit == 0 { STEPS_MAX } else { self.options.limit };
        let index = (self.steps.len() < limit).then_some(self.steps.len());
        if let Some(open) = self.open.last_mut() {
            open.step = index;
        }
        self.refund += slot.map_or(0, |slot| slot.refund);
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
        if self.refund > 0 {
            shown.insert("refund".to_owned(), self.refund.into());
        }
        if let Some(SlotSeen { slot, value, .. }) = slot
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
        let Some(index) = self.open.last().and_then(|frame| frame.step) else { return };
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
        if let Some(index) = self.open.last().and_then(|frame| frame.step)
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
