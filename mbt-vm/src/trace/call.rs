//! The tree of calls of an execution (geth's `callTracer`).

use evm::interpreter::ExitError;
use mbt_account::Log;
use mbt_crypto::{Address, U256};
use serde_json::{Map, Value, json};

use super::{
    inspector::{CallKind, Entered, failure_text},
    options::CallTracerOptions,
};

/// A call and the calls inside.
#[derive(Debug)]
struct CallFrame {
    entered: Entered,
    gas_used: u64,
    output: Vec<u8>,
    error: Option<String>,
    reverted: bool,
    calls: Vec<Self>,
    logs: Vec<(usize, Log)>,
}

/// The frames that run, outermost first, each with those inside that ended.
#[derive(Debug)]
pub(crate) struct CallTree {
    options: CallTracerOptions,
    open: Vec<CallFrame>,
    root: Option<CallFrame>,
    selfdestruct: Option<Entered>,
}

impl CallTree {
    pub(crate) fn new(options: CallTracerOptions) -> Self {
        Self { options, open: Vec::new(), root: None, selfdestruct: None }
    }

    pub(crate) fn enter(&mut self, entered: Entered) {
        self.open.push(CallFrame::new(entered));
    }

    pub(crate) fn leave(&mut self, output: Vec<u8>, gas_used: u64, error: Option<&ExitError>) {
        let Some(mut frame) = self.open.pop() else { return };
        frame.end(output, gas_used, error);
        match self.open.last_mut() {
            None => self.root = Some(frame),
            Some(_) if self.options.only_top_call => {}
            Some(parent) => parent.calls.push(frame),
        }
    }

    pub(crate) fn log(&mut self, logs: Vec<Log>) {
        let only_top = self.options.only_top_call && self.open.len() > 1;
        if !self.options.with_log || only_top {
            return;
        }
        if let Some(frame) = self.open.last_mut() {
            let position = frame.calls.len();
            frame.logs.extend(logs.into_iter().map(|log| (position, log)));
        }
    }

    pub(crate) fn before_selfdestruct(
        &mut self,
        from: Address,
        to: Option<Address>,
        balance: U256,
    ) {
        self.selfdestruct = to.map(|to| Entered {
            kind: CallKind::SelfDestruct,
            from,
            to,
            value: Some(balance),
            input: Vec::new(),
            gas: 0,
        });
    }

    pub(crate) fn selfdestructed(&mut self) {
        if let (Some(entered), Some(frame)) = (self.selfdestruct.take(), self.open.last_mut())
            && !self.options.only_top_call
        {
            frame.calls.push(CallFrame::new(entered));
        }
    }

    /// Returns the tree. The outermost call counts the whole transaction's gas.
    pub(crate) fn into_json(self, gas_limit: u64, gas_used: u64) -> Value {
        let Some(mut root) = self.root else { return Value::Null };
        root.entered.gas = gas_limit;
        root.gas_used = gas_used;
        let mut index = 0;
        root.into_json(false, &mut index)
    }
}

impl CallFrame {
    fn new(entered: Entered) -> Self {
        Self {
            entered,
            gas_used: 0,
            output: Vec::new(),
            error: None,
            reverted: false,
            calls: Vec::new(),
            logs: Vec::new(),
        }
    }

    fn end(&mut self, output: Vec<u8>, gas_used: u64, error: Option<&ExitError>) {
        self.gas_used = gas_used;
        self.error = error.map(failure_text);
        self.reverted = matches!(error, Some(ExitError::Reverted));
        if self.error.is_none() || self.reverted {
            self.output = output;
        }
    }

    /// Logs of frames that failed, or stand inside one, never happened.
    fn into_json(self, failed: bool, log_index: &mut u64) -> Value {
        let failed = failed || self.error.is_some();
        let Entered { kind, from, to, value, input, gas } = self.entered;
        let mut shown = Map::new();
        let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
        put("from", lower(from).into());
        put("gas", format!("{gas:#x}").into());
        put("gasUsed", format!("{:#x}", self.gas_used).into());
        if !(kind.creates() && self.error.is_some()) {
            put("to", lower(to).into());
        }
        put("input", data(&input).into());
        if !self.output.is_empty() {
            put("output", data(&self.output).into());
        }
        if let Some(error) = self.error {
            put("error", error.into());
        }
        if self.reverted
            && let Some(reason) = revert_reason(&self.output)
        {
            put("revertReason", reason.into());
        }
        // In the order in which they happened, for the running index of the logs.
        let mut logs = self.logs.into_iter().peekable();
        let (mut calls, mut shown_logs) = (Vec::new(), Vec::new());
        for (position, call) in self.calls.into_iter().enumerate() {
            while let Some((at, log)) = logs.next_if(|(at, _)| *at <= position) {
                shown_logs.extend(log_json(failed, at, &log, log_index));
            }
            calls.push(call.into_json(failed, log_index));
        }
        for (at, log) in logs {
            shown_logs.extend(log_json(failed, at, &log, log_index));
        }
        if !calls.is_empty() {
            put("calls", calls.into());
        }
        if !shown_logs.is_empty() {
            put("logs", shown_logs.into());
        }
        if let Some(value) = value {
            put("value", format!("{value:#x}").into());
        }
        put("type", kind.name().into());
        shown.into()
    }
}

fn log_json(failed: bool, position: usize, log: &Log, index: &mut u64) -> Option<Value> {
    if failed {
        return None;
    }
    let topics: Vec<_> = log.topics.iter().map(|topic| format!("{topic:#x}")).collect();
    let shown = json!({
        "address": lower(log.address),
        "topics": topics,
        "data": data(&log.data),
        "position": format!("{position:#x}"),
        "index": format!("{index:#x}"),
    });
    *index += 1;
    Some(shown)
}

pub(super) fn lower(address: Address) -> String {
    data(&address.0)
}

pub(super) fn data(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}

/// Reads Solidity's `Error(string)`.
pub(crate) fn revert_reason(output: &[u8]) -> Option<String> {
    let body = output.strip_prefix(&[0x08, 0xc3, 0x79, 0xa0])?;
    let number = |at: usize| -> Option<usize> {
        let word = body.get(at..at.checked_add(32)?)?;
        usize::try_from(U256::from_big_endian(word)).ok()
    };
    let start = number(0)?;
    let length = number(start)?;
    let text = start.checked_add(32)?;
    let bytes = body.get(text..text.checked_add(length)?)?;
    Some(String::from_utf8_lossy(bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn solidity_reasons_are_read() {
        let mut output = vec![0x08, 0xc3, 0x79, 0xa0];
        output.extend(U256::from(32).to_big_endian());
        output.extend(U256::from(2).to_big_endian());
        output.extend(b"no");
        assert_eq!(revert_reason(&output), Some("no".to_owned()));
        assert_eq!(revert_reason(&output[..output.len() - 1]), None);
    }

    proptest! {
        #[test]
        fn strange_reasons_do_no_harm(mut output in proptest::collection::vec(any::<u8>(), 0..200)) {
            output.splice(0..0, [0x08, 0xc3, 0x79, 0xa0]);
            let _ = revert_reason(&output);
        }
    }
}
