//! Blocks: what their transactions may do, what they pay, and what is left in the end.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod common;

use std::sync::Arc;

use common::{
    CHAIN, GWEI, MINER, MapState, account, block, deploying, key, run, send, token_init_code,
    token_mint, token_transfer, unsigned, with_token,
};
use mbt_account::{
    AccessListItem, InvalidTransaction, Kind, RecoveredTransaction, Transaction, system::SystemType,
};
use mbt_consensus::{Candidates, Execute, ExecuteError};
use mbt_crypto::{Address, H256, U256};
use mbt_vm::{Evm, FeePolicy, Fork, Halt, Precompile, PrecompileCall, PrecompileResult, system};

fn evm() -> Evm {
    Evm::new(CHAIN, FeePolicy::Mbt)
}

const SLOT_ZERO: H256 = H256([0; 32]);

#[test]
fn a_transfer_costs_21000_and_its_fee_is_divided() {
    let mut state = MapState::development();
    let supply = state.total();
    let execution = run(&evm(), &mut state, 1, &[send(0, 0, Some(account(1)), 5, vec![])]).unwrap();
    assert_eq!(execution.gas_used, 21_000);
    assert!(execution.receipts[0].succeeded);
    let gwei = |amount: u64| U256::from(amount) * GWEI;
    let (tips, base) = (gwei(42_000), gwei(21_000));
    let burned = (tips + base) * 15 / 100;
    let miner = tips - tips * 15 / 100;
    assert_eq!(state.balance(MINER), miner);
    assert_eq!(state.balance(system::COMMUNITY_POOL), tips + base - burned - miner);
    assert_eq!(state.slot(system::COMMUNITY_POOL, 0), burned);
    assert_eq!(state.total() + burned, supply);
    assert_eq!(state.accounts[&account(0)].nonce, 1);
}

#[test]
fn ethereums_policy_pays_tips_at_once_and_burns_the_rest() {
    let mut state = MapState::development();
    let evm = Evm::new(CHAIN, FeePolicy::Ethereum);
    run(&evm, &mut state, 1, &[send(0, 0, Some(account(1)), 5, vec![])]).unwrap();
    assert_eq!(state.balance(MINER), U256::from(42_000) * GWEI);
    assert_eq!(state.balance(system::COMMUNITY_POOL), U256::zero());
}

#[test]
fn the_parents_id_enters_the_history() {
    let mut state = MapState::development();
    run(&evm(), &mut state, 8_193, &[]).unwrap();
    assert_eq!(state.slot(system::HISTORY_STORAGE, 1), 8_192.into());
    // The contract gives it to whoever asks with the number.
    let asked =
        send(0, 0, Some(system::HISTORY_STORAGE), 0, U256::from(8_192).to_big_endian().to_vec());
    let execution = run(&evm(), &mut state, 8_194, &[asked]).unwrap();
    assert!(execution.receipts[0].succeeded);
}

#[test]
fn an_empty_block_without_history_changes_nothing() {
    let mut state = MapState::development();
    state.accounts.remove(&system::HISTORY_STORAGE);
    assert_eq!(run(&evm(), &mut state, 1, &[]).unwrap(), mbt_consensus::Execution::default());
}

#[test]
fn a_revert_keeps_its_gas_and_undoes_its_changes() {
    let mut state = MapState::development();
    // SSTORE(0, 1); REVERT
    let reverting = Address([0xaa; 20]);
    state.put_code(reverting, &[0x60, 1, 0x5f, 0x55, 0x5f, 0x5f, 0xfd]);
    let execution = run(&evm(), &mut state, 1, &[send(0, 0, Some(reverting), 9, vec![])]).unwrap();
    assert!(!execution.receipts[0].succeeded);
    assert_eq!(execution.gas_used, 21_000 + 3 + 2 + 22_100 + 2 + 2);
    assert_eq!(state.slot(reverting, 0), U256::zero());
    assert_eq!(state.balance(reverting), U256::zero());
}

#[test]
fn an_exception_takes_all_gas() {
    let mut state = MapState::development();
    let failing = Address([0xaa; 20]);
    state.put_code(failing, &[0xfe]);
    let execution = run(&evm(), &mut state, 1, &[send(0, 0, Some(failing), 0, vec![])]).unwrap();
    assert_eq!((execution.gas_used, execution.receipts[0].succeeded), (1_000_000, false));
}

#[test]
fn a_token_is_deployed_and_moved() {
    let (mut state, token) = with_token(&evm());
    let moves: Vec<_> = (1..10)
        .zip(2..)
        .map(|(to, nonce)| send(0, nonce, Some(token), 0, token_transfer(account(to), 7)))
        .collect();
    let execution = run(&evm(), &mut state, 2, &moves).unwrap();
    assert!(execution.receipts.iter().all(|receipt| receipt.succeeded && receipt.logs.len() == 1));
    assert_eq!(execution.receipts[0].logs[0].address, token);
    assert!(execution.receipts[0].logs_bloom.may_contain(&token.0));
}

#[test]
fn blocks_give_the_same_state_as_their_transactions_in_many_blocks() {
    let (mut one, mut many) = (MapState::development(), MapState::development());
    let token = account(0).create(0);
    let mint = send(0, 1, Some(token), 0, token_mint(account(0), 1_000));
    let mut transactions = vec![send(0, 0, None, 0, token_init_code()), mint];
    for nonce in 2..7 {
        transactions.push(send(0, nonce, Some(token), 0, token_transfer(account(1), nonce)));
        transactions.push(send(1, nonce - 2, Some(token), 0, token_transfer(account(2), 1)));
    }
    let evm = Evm::new(CHAIN, FeePolicy::Ethereum);
    run(&evm, &mut one, 1, &transactions).unwrap();
    for transaction in transactions {
        run(&evm, &mut many, 1, &[transaction]).unwrap();
    }
    assert_eq!((one.accounts, one.storage, one.codes), (many.accounts, many.storage, many.codes));
}

/// A creation that fails after it wrote storage leaves nothing in the way of the next one.
#[test]
fn a_failed_creation_can_be_repeated() {
    let mut state = MapState::development();
    // Init code: SSTORE(0, 1); REVERT when called without value.
    let init = vec![0x60, 1, 0x5f, 0x55, 0x34, 0x60, 11, 0x57, 0x5f, 0x5f, 0xfd, 0x5b, 0x00];
    let salted = [vec![0; 32], init].concat();
    let fails = send(0, 0, Some(system::DEPLOYMENT_PROXY), 0, salted.clone());
    let works = send(0, 1, Some(system::DEPLOYMENT_PROXY), 1, salted);
    let execution = run(&evm(), &mut state, 1, &[fails, works]).unwrap();
    assert!(!execution.receipts[0].succeeded);
    assert!(execution.receipts[1].succeeded);
    assert_eq!(state.storage.values().filter(|value| **value == 1.into()).count(), 1);
}

#[test]
fn storage_of_a_contract_that_died_young_is_gone() {
    let mut state = MapState::development();
    let supply = state.total();
    // Init code: SSTORE(0, 1); SELFDESTRUCT(self): created and gone in one transaction (EIP-6780).
    let init = vec![0x60, 1, 0x5f, 0x55, 0x30, 0xff];
    let born = account(0).create(0);
    let execution = run(&evm(), &mut state, 1, &[send(0, 0, None, 77, init)]).unwrap();
    assert!(execution.receipts[0].succeeded);
    assert!(!state.accounts.contains_key(&born));
    assert!(state.storage.keys().all(|(owner, _)| *owner != born));
    // Its coin was destroyed, and is counted.
    assert_eq!(state.total() + state.slot(system::COMMUNITY_POOL, 0), supply);
}

#[test]
fn an_old_contract_survives_selfdestruct_and_loses_its_coin() {
    let mut state = MapState::development();
    let supply = state.total();
    let old = Address([0xaa; 20]);
    state.put_code(old, &[0x60, 0x05, 0xff]);
    let execution = run(&evm(), &mut state, 1, &[send(0, 0, Some(old), 50, vec![])]).unwrap();
    assert!(execution.receipts[0].succeeded);
    assert!(state.accounts.contains_key(&old));
    let mut heir = Address::ZERO;
    heir.0[19] = 5;
    assert_eq!(state.balance(heir), 50.into());
    assert_eq!(state.total() + state.slot(system::COMMUNITY_POOL, 0), supply);
}

#[test]
fn the_machine_sees_the_block_as_specified() {
    let mut state = MapState::development();
    let looking = Address([0xaa; 20]);
    let mut code = Vec::new();
    // PREVRANDAO, BLOBBASEFEE, BLOBHASH(0), BLOCKHASH(8), COINBASE, NUMBER, BASEFEE, CHAINID
    let reads: [&[u8]; 8] =
        [&[0x44], &[0x4a], &[0x5f, 0x49], &[0x60, 8, 0x40], &[0x41], &[0x43], &[0x48], &[0x46]];
    for (slot, read) in (0..).zip(reads) {
        code.extend(read);
        code.extend([0x60, slot, 0x55]);
    }
    state.put_code(looking, &code);
    run(&evm(), &mut state, 9, &[send(0, 0, Some(looking), 0, vec![])]).unwrap();
    let seen: Vec<_> = (0..8).map(|slot| state.slot(looking, slot)).collect();
    let expected = [
        U256::from_big_endian(&[7; 32]),
        1.into(),
        0.into(),
        8.into(),
        U256::from_big_endian(&MINER.0),
        9.into(),
        GWEI.into(),
        CHAIN.into(),
    ];
    assert_eq!(seen, expected);
}

/// Moves coin through a contract's code of one STOP, which is as much as no code at all.
#[test]
fn transfers_without_the_machine_are_like_those_with_it() {
    for policy in [FeePolicy::Mbt, FeePolicy::Ethereum] {
        for (value, input) in [(0, vec![]), (7, vec![]), (7, vec![0, 1, 2])] {
            let evm = Evm::new(CHAIN, policy);
            let (mut fast, mut slow) = (MapState::development(), MapState::development());
            let to = Address([0xaa; 20]);
            slow.put_code(to, &[0x00]);
            let transaction = send(0, 0, Some(to), value, input);
            let ours = run(&evm, &mut fast, 1, std::slice::from_ref(&transaction)).unwrap();
            let machines = run(&evm, &mut slow, 1, &[transaction]).unwrap();
            assert_eq!(ours.receipts, machines.receipts);
            assert_eq!(fast.balance(to), slow.balance(to));
            assert_eq!(fast.balance(account(0)), slow.balance(account(0)));
            assert_eq!(fast.accounts.contains_key(&to), value > 0, "nothing moved, nothing there");
        }
    }
}

fn refusal(transaction: RecoveredTransaction, state: &MapState) -> InvalidTransaction {
    match evm().execute(&block(1), &[transaction], state) {
        Err(ExecuteError::InvalidTransaction { index: 0, reason }) => reason,
        other => panic!("{other:?}"),
    }
}

fn changed(change: impl FnOnce(&mut Transaction)) -> RecoveredTransaction {
    let mut transaction = Transaction {
        kind: Kind::Legacy { chain_id: Some(CHAIN), gas_price: (5 * GWEI).into() },
        nonce: 0,
        gas_limit: 21_000,
        to: Some(account(1)),
        value: 1.into(),
        input: vec![],
    };
    change(&mut transaction);
    unsigned(transaction, account(0))
}

#[test]
fn what_may_not_stand_in_a_block_is_told_apart() {
    use InvalidTransaction as Invalid;
    let state = MapState::development();
    let legacy = |chain_id, price: u64| Kind::Legacy { chain_id, gas_price: price.into() };
    let fees = |cap: u64, tip: u64| Kind::DynamicFee {
        chain_id: CHAIN,
        max_priority_fee_per_gas: tip.into(),
        max_fee_per_gas: cap.into(),
        access_list: vec![AccessListItem::default()],
    };
    let why = |change: fn(&mut Transaction)| refusal(changed(change), &state);
    assert!(matches!(
        refusal(changed(|tx| tx.kind = legacy(Some(1), GWEI)), &state),
        Invalid::WrongChain { have: 1, want: CHAIN }
    ));
    assert!(matches!(why(|tx| tx.nonce = 1), Invalid::NonceTooHigh { next: 0, nonce: 1 }));
    assert!(matches!(
        why(|tx| tx.gas_limit = 20_999),
        Invalid::IntrinsicGas { needed: 21_000, .. }
    ));
    assert!(matches!(why(|tx| tx.gas_limit = 30_000_001), Invalid::ExceedsBlockGasLimit));
    assert!(matches!(why(|tx| tx.value = U256::MAX), Invalid::InsufficientFunds { .. }));
    assert!(matches!(
        refusal(changed(|tx| tx.kind = legacy(None, GWEI - 1)), &state),
        Invalid::FeeCapTooLow { .. }
    ));
    assert!(matches!(
        refusal(changed(|tx| tx.kind = fees(5 * GWEI, 6 * GWEI)), &state),
        Invalid::TipAboveFeeCap { .. }
    ));
    assert!(matches!(
        refusal(changed(|tx| tx.kind = fees(5 * GWEI, 1)), &state),
        Invalid::IntrinsicGas { needed: 23_400, .. }
    ));
    for (system, tx_type) in [(SystemType::LeagueJoin, 0x4a), (SystemType::Notarize, 0x4e)] {
        let own = changed(|tx| {
            tx.to = Some(system.contract());
            tx.kind = Kind::System {
                system,
                chain_id: CHAIN,
                max_priority_fee_per_gas: 1.into(),
                max_fee_per_gas: (5 * GWEI).into(),
                access_list: vec![],
            };
        });
        let reason = refusal(own, &state);
        assert!(matches!(reason, Invalid::TypeNotSupported(found) if found == tx_type));
        assert!(reason.to_string().starts_with("transaction type not supported: 0x4"));
    }
    let too_long = changed(|tx| {
        tx.to = None;
        tx.gas_limit = 5_000_000;
        tx.input = vec![0; 0xc001];
    });
    assert!(matches!(refusal(too_long, &state), Invalid::InitCodeTooLong { max: 0xc000, .. }));
    let mut programmed = state.clone();
    programmed.put_code(account(0), &[0]);
    assert!(matches!(refusal(changed(|tx| tx.nonce = 1), &programmed), Invalid::SenderNotEoa(_)));
    let mut used = state.clone();
    used.accounts.get_mut(&account(0)).unwrap().nonce = 3;
    assert!(matches!(refusal(changed(|_| {}), &used), Invalid::NonceTooLow { next: 3, nonce: 0 }));
    used.accounts.get_mut(&account(0)).unwrap().nonce = u64::MAX;
    assert!(matches!(refusal(changed(|tx| tx.nonce = u64::MAX), &used), Invalid::NonceMax));
}

#[test]
fn a_signed_transaction_is_executed_as_it_is() {
    let mut state = MapState::development();
    let kind = Kind::Legacy { chain_id: Some(CHAIN), gas_price: (5 * GWEI).into() };
    let transaction = Transaction {
        kind,
        nonce: 0,
        gas_limit: 21_000,
        to: Some(account(1)),
        value: 1.into(),
        input: vec![],
    };
    let signed = transaction.sign(&key(0)).recover().unwrap();
    assert!(run(&evm(), &mut state, 1, &[signed]).unwrap().receipts[0].succeeded);
}

struct Queue {
    waiting: Vec<RecoveredTransaction>,
    rejected: Vec<InvalidTransaction>,
}

impl Candidates for Queue {
    fn next(&mut self) -> Option<RecoveredTransaction> {
        (!self.waiting.is_empty()).then(|| self.waiting.remove(0))
    }

    fn reject(&mut self, _: &RecoveredTransaction, reason: InvalidTransaction) {
        self.rejected.push(reason);
    }
}

#[test]
fn a_block_is_filled_with_what_fits_and_executes_to_the_same() {
    let state = MapState::development();
    let mut waiting = vec![
        send(0, 0, Some(account(1)), 5, vec![]),
        send(0, 7, Some(account(1)), 5, vec![]),
        changed(|tx| tx.value = U256::MAX),
    ];
    waiting.extend((0..40).map(|nonce| send(1, nonce, Some(account(2)), 1, vec![])));
    let mut queue = Queue { waiting, rejected: Vec::new() };
    let context = mbt_consensus::BlockContext { gas_limit: 1_100_000, ..block(1) };
    let filled = evm().fill(&context, &mut queue, &state).unwrap();
    // A limit of a million each fits while a million is left: six, and the first.
    assert_eq!(filled.transactions.len(), 5);
    assert!(queue.rejected.contains(&InvalidTransaction::BlockFull));
    assert!(matches!(queue.rejected[0], InvalidTransaction::NonceTooHigh { .. }));
    let again = evm().execute(&context, &filled.transactions, &state).unwrap();
    assert_eq!(again, filled.execution);
}

#[test]
fn a_state_that_cannot_be_read_is_this_nodes_fault() {
    let (mut state, token) = with_token(&evm());
    let transfer = send(0, 2, Some(token), 0, token_transfer(account(1), 7));
    for reads in 0.. {
        state.reads_left = Some(std::cell::Cell::new(reads));
        match evm().execute(&block(2), std::slice::from_ref(&transfer), &state) {
            Err(ExecuteError::State(_)) => {}
            Ok(execution) => {
                assert!(execution.receipts[0].succeeded && reads > 5);
                break;
            }
            Err(other) => panic!("{other} after {reads} reads"),
        }
    }
}

#[derive(Debug)]
struct Doubling;

impl Precompile for Doubling {
    fn execute(&self, call: PrecompileCall<'_>) -> PrecompileResult {
        let output = match call.input {
            [] => Err(Halt::Precompile),
            input => Ok([input, input].concat()),
        };
        PrecompileResult { gas_used: 100, output }
    }
}

#[test]
fn own_precompiles_stand_in_their_range() {
    let evm = evm().with_precompile(3, Arc::new(Doubling));
    let mut state = MapState::development();
    let at = Some(system::precompile(3));
    let transactions = [
        send(0, 0, at, 0, vec![1]),
        send(0, 1, at, 0, vec![]),
        send(0, 2, Some(system::precompile(4)), 0, vec![]),
    ];
    let execution = run(&evm, &mut state, 1, &transactions).unwrap();
    let succeeded: Vec<_> = execution.receipts.iter().map(|receipt| receipt.succeeded).collect();
    assert_eq!(succeeded, [true, false, true]);
    assert_eq!(execution.receipts[0].cumulative_gas_used, 21_000 + 16 + 100);
}

#[test]
fn older_rules_do_not_know_newer_opcodes() {
    let mut state = MapState::development();
    let pushing = Address([0xaa; 20]);
    state.put_code(pushing, &[0x5f]);
    let transaction = [send(0, 0, Some(pushing), 0, vec![])];
    let london = evm().with_fork(Fork::London).execute(&block(1), &transaction, &state).unwrap();
    let cancun = evm().execute(&block(1), &transaction, &state).unwrap();
    assert!(!london.receipts[0].succeeded && cancun.receipts[0].succeeded);
}

#[test]
fn deep_recursion_ends_by_gas() {
    let mut state = MapState::development();
    let calling = Address([0xaa; 20]);
    // CALL(gas, self, 0, 0, 0, 0, 0)
    state.put_code(calling, &[0x5f, 0x5f, 0x5f, 0x5f, 0x5f, 0x30, 0x5a, 0xf1]);
    let transaction = changed(|tx| {
        tx.to = Some(calling);
        tx.value = U256::zero();
        tx.gas_limit = 30_000_000;
    });
    assert!(run(&evm(), &mut state, 1, &[transaction]).unwrap().receipts[0].succeeded);
}

#[test]
fn deployed_code_is_in_the_diff_once() {
    let mut state = MapState::development();
    let code = [0x60, 1, 0x5f, 0x55];
    let execution = run(
        &evm(),
        &mut state,
        1,
        &[send(0, 0, None, 0, deploying(&code)), send(0, 1, None, 0, deploying(&code))],
    )
    .unwrap();
    assert_eq!(execution.diff.codes.len(), 1);
    let changed = &execution.diff.accounts[&account(0).create(1)];
    assert_eq!(changed.account.as_ref().unwrap().code_hash, mbt_crypto::keccak256(code));
    assert!(!changed.storage.contains_key(&SLOT_ZERO));
}
