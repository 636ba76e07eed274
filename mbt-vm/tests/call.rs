//! Calls, estimates, access lists and traces.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod common;

use std::{cell::Cell, collections::BTreeMap};

use common::{CHAIN, GWEI, MINER, MapState, account, block, send, token_transfer, with_token};
use mbt_crypto::{Address, H256, U256};
use mbt_vm::{
    AccountOverride, BlockOverrides, CallError, CallRequest, CallResult, Evm, FeePolicy,
    StateOverrides, TracerConfig,
};
use serde_json::{Value, json};

fn evm() -> Evm {
    Evm::new(CHAIN, FeePolicy::Mbt)
}

fn request(to: Address, input: Vec<u8>) -> CallRequest {
    CallRequest {
        from: account(0),
        to: Some(to),
        gas_limit: 10_000_000,
        input,
        ..CallRequest::default()
    }
}

fn programmed(code: &[u8]) -> (MapState, Address) {
    let mut state = MapState::development();
    let address = Address([0xaa; 20]);
    state.put_code(address, code);
    (state, address)
}

/// REVERT with "no" as Solidity's Error(string).
const REVERTS: [u8; 43] = [
    0x63, 0x08, 0xc3, 0x79, 0xa0, 0x60, 0xe0, 0x1b, 0x5f, 0x52, // selector
    0x60, 0x20, 0x60, 0x04, 0x52, // offset
    0x60, 0x02, 0x60, 0x24, 0x52, // length
    0x61, 0x6e, 0x6f, 0x60, 0xf0, 0x1b, 0x60, 0x44, 0x52, // "no"
    0x60, 0x64, 0x5f, 0xfd, // REVERT(0, 100)
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
];

fn calls(state: &MapState, request: &CallRequest) -> mbt_vm::CallOutcome {
    evm().call(&block(2), request, state, &StateOverrides::new()).unwrap()
}

#[test]
fn a_call_answers_and_changes_nothing() {
    let (state, token) = with_token(&evm());
    let outcome = calls(&state, &request(token, token_transfer(account(1), 5)));
    assert_eq!(outcome.result, CallResult::Success);
    assert_eq!(U256::from_big_endian(&outcome.output), 1.into());
    assert_eq!(outcome.logs.len(), 1);
    assert_eq!(calls(&state, &request(token, token_transfer(account(1), 5))), outcome);
}

#[test]
fn a_revert_is_an_outcome_with_its_reason() {
    let (state, address) = programmed(&REVERTS);
    let outcome = calls(&state, &request(address, vec![]));
    assert_eq!(outcome.result, CallResult::Reverted);
    assert_eq!(outcome.output.len(), 100);
}

#[test]
fn without_a_price_the_base_fee_is_zero() {
    // BASEFEE, returned.
    let (state, address) = programmed(&[0x48, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3]);
    let free = calls(&state, &request(address, vec![]));
    assert_eq!(U256::from_big_endian(&free.output), U256::zero());
    let paid = CallRequest { gas_price: Some(GWEI.into()), ..request(address, vec![]) };
    assert_eq!(U256::from_big_endian(&calls(&state, &paid).output), GWEI.into());
    let poor = CallRequest { gas_price: Some((GWEI - 1).into()), ..request(address, vec![]) };
    assert!(evm().call(&block(2), &poor, &state, &StateOverrides::new()).is_err());
}

#[test]
fn overrides_are_seen_by_the_call_alone() {
    let caller = Address([0xcc; 20]);
    // SLOAD(1) + SELFBALANCE + NUMBER
    let code = [0x60, 1, 0x54, 0x47, 0x01, 0x43, 0x01, 0x5f, 0x52, 0x60, 0x20, 0x5f, 0xf3];
    let state = MapState::development();
    let one = H256::from_low_u64_be(1);
    let account = AccountOverride {
        code: Some(code.as_slice().into()),
        balance: Some(100.into()),
        state: Some(BTreeMap::from([(one, 20.into())])),
        ..AccountOverride::default()
    };
    let overrides = StateOverrides::from([(caller, account)]);
    let context = BlockOverrides { number: Some(3_000), ..BlockOverrides::default() };
    let outcome = evm()
        .call(&context.apply(&block(2)), &request(caller, vec![]), &state, &overrides)
        .unwrap();
    assert_eq!(U256::from_big_endian(&outcome.output), 3_120.into());
}

#[test]
fn value_that_the_caller_lacks_is_refused() {
    let state = MapState::development();
    let call = CallRequest { value: U256::MAX, ..request(account(1), vec![]) };
    let error = evm().call(&block(2), &call, &state, &StateOverrides::new()).unwrap_err();
    assert!(error.to_string().starts_with("insufficient funds for gas * price + value"), "{error}");
}

#[test]
fn a_loop_of_reads_ends_with_the_first_that_fails() {
    // JUMPDEST, read what the counter on top of the stack names, POP, PUSH1 1, ADD, PUSH1 2, JUMP.
    let endless =
        |read: &[u8]| [&[0x5f, 0x5f, 0x5b], read, &[0x50, 0x60, 1, 0x01, 0x60, 2, 0x56]].concat();
    let sload = endless(&[0x80, 0x54]);
    let balance = endless(&[0x80, 0x31]);
    // CALL with 1,000 gas: the callee has no code.
    let call = endless(&[0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x85, 0x61, 0x03, 0xe8, 0xf1]);
    // CALL of the contract of SLOADs, with all gas.
    let nested = endless(&[0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x60, 0xbb, 0x5a, 0xf1]);
    for code in [sload.clone(), balance, call, nested] {
        let (mut state, address) = programmed(&code);
        state.put_code(Address::from_low_u64(0xbb), &sload);
        state.reads_left = Some(Cell::new(30));
        let answer =
            evm().call(&block(2), &request(address, vec![]), &state, &StateOverrides::new());
        assert!(matches!(answer, Err(CallError::State(_))), "{answer:?}");
        assert!(state.refused.get() < 4, "{} reads after the failure", state.refused.get());
    }
}

fn estimate(state: &MapState, request: &CallRequest) -> Result<u64, CallError> {
    evm().estimate_gas(&block(2), request, state, &StateOverrides::new())
}

#[test]
fn an_estimate_suffices_and_is_close() {
    let (state, token) = with_token(&evm());
    let call = request(token, token_transfer(account(1), 5));
    let gas = estimate(&state, &call).unwrap();
    let exact = calls(&state, &call).gas_used;
    assert!(gas >= exact && gas < exact + exact / 20, "{gas} for {exact}");
    let outcome = calls(&state, &CallRequest { gas_limit: gas, ..call });
    assert_eq!(outcome.result, CallResult::Success);
    assert_eq!(estimate(&state, &request(account(1), vec![])).unwrap(), 21_000);
}

#[test]
fn an_estimate_tells_why_there_is_none() {
    let (state, address) = programmed(&REVERTS);
    assert!(matches!(
        estimate(&state, &request(address, vec![])),
        Err(CallError::Reverted { output }) if output.len() == 100
    ));
    let (state, address) = programmed(&[0xfe]);
    let error = estimate(&state, &request(address, vec![])).unwrap_err();
    assert_eq!(error.to_string(), "invalid opcode: 0xfe");
    // An endless loop.
    let (state, address) = programmed(&[0x5b, 0x5f, 0x56]);
    let error = estimate(&state, &request(address, vec![])).unwrap_err();
    assert_eq!(error.to_string(), "gas required exceeds allowance (10000000)");
    let little = CallRequest { gas_limit: 100, ..request(account(1), vec![]) };
    let error = estimate(&state, &little).unwrap_err();
    assert_eq!(error.to_string(), "gas required exceeds allowance (100)");
}

#[test]
fn an_access_list_names_what_was_not_warm() {
    let (state, token) = with_token(&evm());
    let call = request(token, token_transfer(account(1), 5));
    let listed =
        evm().create_access_list(&block(2), &call, &state, &StateOverrides::new()).unwrap();
    assert_eq!(listed.error, None);
    let [item] = listed.access_list.as_slice() else { panic!("{listed:?}") };
    assert_eq!((item.address, item.storage_keys.len()), (token, 2));
    let with = CallRequest { access_list: listed.access_list.clone(), ..call };
    assert_eq!(calls(&state, &with).gas_used, listed.gas_used);
}

fn traced(tracer: &Value, state: &MapState, to: Address, input: Vec<u8>) -> Value {
    let tracer = TracerConfig::from_json(tracer).unwrap();
    let transaction = send(1, 0, Some(to), 0, input);
    evm().trace_transaction(&block(2), &[], &transaction, state, &tracer).unwrap()
}

#[test]
fn struct_logs_show_every_step() {
    // SSTORE(1, 5); MSTORE(0, 7); STOP
    let (state, address) = programmed(&[0x60, 5, 0x60, 1, 0x55, 0x60, 7, 0x5f, 0x52, 0x00]);
    let trace = traced(&json!({ "enableMemory": true }), &state, address, vec![]);
    let steps = trace["structLogs"].as_array().unwrap();
    let ops: Vec<_> = steps.iter().map(|step| step["op"].as_str().unwrap()).collect();
    assert_eq!(ops, ["PUSH1", "PUSH1", "SSTORE", "PUSH1", "PUSH0", "MSTORE", "STOP"]);
    assert_eq!(steps[2]["stack"], json!(["0x5", "0x1"]));
    assert_eq!(steps[2]["gasCost"], 22_100);
    assert_eq!(steps[2]["depth"], 1);
    let slot = format!("{:064x}", 1);
    assert_eq!(steps[2]["storage"][&slot], format!("{:064x}", 5));
    assert_eq!(steps[6]["memory"], json!([format!("{:064x}", 7)]));
    let used: u64 = steps.iter().map(|step| step["gasCost"].as_u64().unwrap()).sum();
    assert_eq!(trace["gas"], 21_000 + used);
    assert_eq!(trace["failed"], false);
    let short = traced(&json!({ "limit": 2, "disableStack": true }), &state, address, vec![]);
    assert_eq!(short["structLogs"].as_array().unwrap().len(), 2);
    assert!(short["structLogs"][0].get("stack").is_none());
}

/// CALL(gas, 0xbb.., 0, 0, 0, 0, 0); LOG0; STOP.
fn calling(target: Address) -> Vec<u8> {
    let mut code = vec![0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x73];
    code.extend(target.0);
    code.extend([0x5a, 0xf1, 0x50, 0x5f, 0x5f, 0xa0, 0x00]);
    code
}

#[test]
fn struct_logs_show_what_is_to_be_refunded() {
    // SSTORE(1, 0); SSTORE(1, 4); STOP, where slot 1 holds 4.
    let (mut state, address) = programmed(&[0x5f, 0x60, 1, 0x55, 0x60, 4, 0x60, 1, 0x55, 0x00]);
    state.storage.insert((address, H256::from_low_u64_be(1)), 4.into());
    let trace = traced(&json!({}), &state, address, vec![]);
    let steps = trace["structLogs"].as_array().unwrap();
    let refunds: Vec<_> = steps.iter().map(|step| step["refund"].as_u64()).collect();
    let cleared = Some(4_800);
    assert_eq!(refunds, [None, None, cleared, cleared, cleared, Some(2_800), Some(2_800)]);
    let used: u64 = steps.iter().map(|step| step["gasCost"].as_u64().unwrap()).sum();
    assert_eq!(trace["gas"], 21_000 + used - 2_800, "the machine refunds the same");

    let mut reverts = vec![0x5f, 0x60, 1, 0x55, 0x5f, 0x5f, 0xfd];
    let inner = Address([0xbb; 20]);
    for (last, kept) in [(0xfd, None), (0xf3, cleared)] {
        *reverts.last_mut().unwrap() = last;
        let (mut state, outer) = programmed(&calling(inner));
        state.put_code(inner, &reverts);
        state.storage.insert((inner, H256::from_low_u64_be(1)), 4.into());
        let trace = traced(&json!({}), &state, outer, vec![]);
        let steps = trace["structLogs"].as_array().unwrap();
        let inside = steps.iter().rfind(|step| step["depth"] == 2).unwrap();
        assert_eq!(inside["refund"].as_u64(), cleared);
        assert_eq!(steps.last().unwrap()["refund"].as_u64(), kept, "the caller goes on");
    }
}

#[test]
fn the_call_tracer_shows_calls_inside() {
    let inner = Address([0xbb; 20]);
    let (mut state, outer) = programmed(&calling(inner));
    state.put_code(inner, &REVERTS);
    let tracer = json!({ "tracer": "callTracer", "tracerConfig": { "withLog": true } });
    let trace = traced(&tracer, &state, outer, vec![1]);
    assert_eq!(trace["type"], "CALL");
    assert_eq!(trace["from"], account(1).to_hex().to_lowercase());
    assert_eq!(trace["gas"], "0xf4240");
    assert_eq!(trace["input"], "0x01");
    assert_eq!(trace["logs"][0]["position"], "0x1");
    let call = &trace["calls"][0];
    assert_eq!(call["to"], inner.to_hex().to_lowercase());
    assert_eq!(call["error"], "execution reverted");
    assert_eq!(call["revertReason"], "no");
    assert!(trace.get("error").is_none());
    let top = json!({ "tracer": "callTracer", "tracerConfig": { "onlyTopCall": true } });
    assert!(traced(&top, &state, outer, vec![]).get("calls").is_none());
}

#[test]
fn gas_of_traced_calls_adds_up() {
    let inner = Address([0xbb; 20]);
    let (mut state, outer) = programmed(&calling(inner));
    state.put_code(inner, &[0x60, 1, 0x60, 1, 0x01, 0x00]);
    let tracer = json!({ "tracer": "callTracer" });
    let trace = traced(&tracer, &state, outer, vec![]);
    assert_eq!(trace["calls"][0]["gasUsed"], "0x9");
    let plain = send(1, 0, Some(outer), 0, vec![]);
    let execution = mbt_consensus::Execute::execute(&evm(), &block(2), &[plain], &state).unwrap();
    assert_eq!(trace["gasUsed"], format!("{:#x}", execution.gas_used));
    let steps = traced(&json!({}), &state, outer, vec![]);
    let call = &steps["structLogs"].as_array().unwrap()[7];
    assert_eq!(call["op"], "CALL");
    let next = &steps["structLogs"].as_array().unwrap()[8];
    assert_eq!(next["depth"], 2);
    let handed = next["gas"].as_u64().unwrap();
    assert_eq!(call["gasCost"].as_u64().unwrap(), handed + 2_600);
}

#[test]
fn the_prestate_is_what_was_there() {
    let (mut state, address) = programmed(&[0x60, 5, 0x60, 1, 0x55, 0x00]);
    state.storage.insert((address, H256::from_low_u64_be(1)), 4.into());
    let trace = traced(&json!({ "tracer": "prestateTracer" }), &state, address, vec![]);
    let shown = &trace[address.to_hex().to_lowercase()];
    assert_eq!(shown["code"], "0x600560015500");
    let slot = format!("{:#066x}", 1);
    assert_eq!(shown["storage"][&slot], format!("{:#066x}", 4));
    let sender = &trace[account(1).to_hex().to_lowercase()];
    assert_eq!(sender["balance"], format!("{:#x}", state.balance(account(1))));
    assert!(trace.get(MINER.to_hex().to_lowercase()).is_none(), "it was not there");
}

#[test]
fn the_diff_shows_what_changed() {
    let (mut state, address) = programmed(&[0x60, 5, 0x60, 1, 0x55, 0x00]);
    state.storage.insert((address, H256::from_low_u64_be(1)), 4.into());
    let tracer = json!({ "tracer": "prestateTracer", "tracerConfig": { "diffMode": true } });
    let trace = traced(&tracer, &state, address, vec![]);
    let (name, slot) = (address.to_hex().to_lowercase(), format!("{:#066x}", 1));
    assert_eq!(trace["pre"][&name]["storage"][&slot], format!("{:#066x}", 4));
    assert_eq!(trace["post"][&name], json!({ "storage": { slot: format!("{:#066x}", 5) } }));
    let sender = account(1).to_hex().to_lowercase();
    assert_eq!(trace["post"][&sender]["nonce"], 1);
}

#[test]
fn blocks_and_calls_are_traced_like_transactions() {
    let (state, token) = with_token(&evm());
    let tracer = TracerConfig::from_json(&json!({ "tracer": "callTracer" })).unwrap();
    let first = send(0, 2, Some(token), 0, token_transfer(account(1), 5));
    let second = send(1, 0, Some(token), 0, token_transfer(account(2), 5));
    let both = [first.clone(), second.clone()];
    let traces = evm().trace_block(&block(2), &both, &state, &tracer).unwrap();
    let alone = evm().trace_transaction(&block(2), &[first], &second, &state, &tracer).unwrap();
    assert_eq!(traces[1], alone);
    assert!(alone.get("error").is_none());
    let call = CallRequest::from_transaction(account(0), &both[0]);
    let called =
        evm().trace_call(&block(2), &call, &state, &StateOverrides::new(), &tracer).unwrap();
    assert_eq!(called, traces[0]);
}
