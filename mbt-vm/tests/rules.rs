//! Rules of execution that bind every node: limits, ancestors, and where coin may go.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod common;

use common::{
    CHAIN, GWEI, MINER, MapState, account, block, deploying, run, send, token_transfer, unsigned,
    with_token,
};
use mbt_account::{Kind, PublicAccount, RecoveredTransaction, Transaction};
use mbt_consensus::{BlockContext, Execute};
use mbt_crypto::{Address, H256, U256, keccak256};
use mbt_vm::{Evm, FeePolicy, system};
use proptest::prelude::*;

const CONTRACT: Address = Address([0xaa; 20]);

fn evm() -> Evm {
    Evm::new(CHAIN, FeePolicy::Mbt)
}

fn with_gas(transaction: &RecoveredTransaction, gas_limit: u64) -> RecoveredTransaction {
    let from = transaction.sender();
    let changed = Transaction { gas_limit, ..(***transaction.signed()).clone() };
    unsigned(changed, from)
}

/// Executes one transaction and tells whether it succeeded and what gas it used.
fn outcome(state: &mut MapState, transaction: RecoveredTransaction) -> (bool, u64) {
    let execution = run(&evm(), state, 1, &[transaction]).unwrap();
    (execution.receipts[0].succeeded, execution.gas_used)
}

/// Runs code in a contract that holds 5 in slot 0, and returns slot 0.
fn slot_after(state: &mut MapState, nonce: u64, code: &[u8]) -> U256 {
    state.put_code(CONTRACT, code);
    state.accounts.get_mut(&CONTRACT).unwrap().nonce = nonce;
    state.storage.insert((CONTRACT, H256::zero()), 5.into());
    state.accounts.get_mut(&CONTRACT).unwrap().storage_root = keccak256([1]);
    let (succeeded, _) = outcome(state, send(0, 0, Some(CONTRACT), 0, vec![]));
    assert!(succeeded);
    state.slot(CONTRACT, 0)
}

/// EIP-2681: the last nonce is 2^64 - 2, and a creation at the end leaves zero and nothing else.
#[test]
fn a_contract_whose_nonce_is_used_up_creates_nothing() {
    // SSTORE(0, CREATE(0, 0, 0))
    let creates = [0x5f, 0x5f, 0x5f, 0xf0, 0x5f, 0x55];
    let mut state = MapState::development();
    assert_eq!(slot_after(&mut state, u64::MAX, &creates), U256::zero());
    assert_eq!(state.accounts[&CONTRACT].nonce, u64::MAX);
    let mut state = MapState::development();
    let born = CONTRACT.create(u64::MAX - 1);
    let stored = slot_after(&mut state, u64::MAX - 1, &creates);
    assert_eq!(stored, U256::from_big_endian(&born.0));
    assert_eq!(state.accounts[&CONTRACT].nonce, u64::MAX);
    assert_eq!(state.accounts[&born].nonce, 1);
}

/// EIP-170.
#[test]
fn deployed_code_is_at_most_24576_bytes_long() {
    for (size, fits) in [(0x6000_u16, true), (0x6001, false)] {
        let [high, low] = size.to_be_bytes();
        // RETURN(0, size)
        let init = vec![0x61, high, low, 0x5f, 0xf3];
        let mut state = MapState::development();
        let (succeeded, gas) = outcome(&mut state, with_gas(&send(0, 0, None, 0, init), 9_000_000));
        assert_eq!(succeeded, fits, "{size}");
        assert_eq!(gas == 9_000_000, !fits);
        assert_eq!(state.accounts.contains_key(&account(0).create(0)), fits);
    }
}

/// EIP-3860, inside a transaction.
#[test]
fn init_code_is_at_most_49152_bytes_long() {
    for (size, fits) in [(0xc000_u16, true), (0xc001, false)] {
        let [high, low] = size.to_be_bytes();
        // CREATE(0, 0, size)
        let mut state = MapState::development();
        state.put_code(CONTRACT, &[0x61, high, low, 0x5f, 0x5f, 0xf0]);
        let (succeeded, _) = outcome(&mut state, send(0, 0, Some(CONTRACT), 0, vec![]));
        assert_eq!(succeeded, fits, "{size}");
    }
}

/// EIP-3541.
#[test]
fn code_that_begins_with_ef_is_not_deployed() {
    // MSTORE8(0, 0xef); RETURN(0, 1)
    let init = vec![0x60, 0xef, 0x5f, 0x53, 0x60, 1, 0x5f, 0xf3];
    let mut state = MapState::development();
    assert_eq!(outcome(&mut state, send(0, 0, None, 0, init)), (false, 1_000_000));
}

/// EIP-7610.
#[test]
fn storage_stands_in_the_way_of_a_new_contract() {
    let mut state = MapState::development();
    let at = account(0).create(0);
    state.storage.insert((at, H256::zero()), 1.into());
    let occupied = PublicAccount { storage_root: keccak256([1]), ..PublicAccount::default() };
    state.accounts.insert(at, occupied);
    let (succeeded, gas) = outcome(&mut state, send(0, 0, None, 0, deploying(&[0])));
    assert_eq!((succeeded, gas), (false, 1_000_000));
    assert_eq!(state.slot(at, 0), 1.into());
    assert_eq!(state.accounts[&at].nonce, 0);
}

#[test]
fn blockhash_gives_the_last_256_ids_and_no_other() {
    let mut state = MapState::development();
    // SSTORE(0, BLOCKHASH(CALLDATALOAD(0)))
    state.put_code(CONTRACT, &[0x5f, 0x35, 0x40, 0x5f, 0x55]);
    let asked = [300, 299, 44, 43, 301, u64::MAX];
    for (nonce, number) in (0..).zip(asked) {
        let data = U256::from(number).to_big_endian().to_vec();
        run(&evm(), &mut state, 300, &[send(0, nonce, Some(CONTRACT), 0, data)]).unwrap();
        let expected = if (44..300).contains(&number) { number } else { 0 };
        assert_eq!(state.slot(CONTRACT, 0), expected.into(), "{number}");
    }
    let data = vec![0xff; 32];
    run(&evm(), &mut state, 300, &[send(0, 6, Some(CONTRACT), 0, data)]).unwrap();
    assert_eq!(state.slot(CONTRACT, 0), U256::zero());
}

/// EIP-2935: a ring of 8,191 ids, which the contract gives for the last 8,191 blocks only.
#[test]
fn the_history_holds_the_last_8191_ids() {
    let mut state = MapState::development();
    for number in 1..=8_300 {
        run(&evm(), &mut state, number, &[]).unwrap();
    }
    for number in (8_300 - 8_191)..8_300_u64 {
        let slot = number % system::HISTORY_SERVE_WINDOW;
        assert_eq!(state.slot(system::HISTORY_STORAGE, slot), number.into());
    }
    for (nonce, (number, there)) in
        (0..).zip([(8_300, true), (110, true), (109, false), (8_301, false), (8_302, false)])
    {
        let data = U256::from(number).to_big_endian().to_vec();
        let asked = send(0, nonce, Some(system::HISTORY_STORAGE), 0, data);
        let execution = evm().execute(&block(8_301), std::slice::from_ref(&asked), &state).unwrap();
        assert_eq!(execution.receipts[0].succeeded, there, "{number}");
        state.accounts.get_mut(&account(0)).unwrap().nonce += 1;
    }
}

/// SPEC 4: one floor a block, not one a transaction.
#[test]
fn the_burned_share_is_rounded_once_a_block() {
    let kind = Kind::Legacy { chain_id: Some(CHAIN), gas_price: (GWEI + 1).into() };
    let transactions: Vec<_> = (0..3)
        .map(|nonce| {
            let (to, value, input) = (Some(account(1)), 0.into(), vec![1]);
            let gas_limit = 21_016;
            let transaction =
                Transaction { kind: kind.clone(), nonce, gas_limit, to, value, input };
            unsigned(transaction, account(0))
        })
        .collect();
    let mut state = MapState::development();
    let execution = run(&evm(), &mut state, 1, &transactions).unwrap();
    let fee = U256::from(21_016) * (GWEI + 1);
    assert_eq!(execution.gas_used, 3 * 21_016);
    let burned = state.slot(system::COMMUNITY_POOL, 0);
    assert_eq!(burned, fee * 3 * 15 / 100);
    assert_ne!(burned, fee * 15 / 100 * 3);
    // The tips are one wei for each unit of gas.
    let tips = U256::from(3 * 21_016);
    assert_eq!(state.balance(MINER), tips - tips * 15 / 100);
}

/// Creates a contract that destroys itself with half of the value in it, sends it the other half,
/// and reverts when there is call data.
const BURNER: [u8; 34] = [
    0x61, 0x30, 0xff, 0x5f, 0x52, // the init code ADDRESS SELFDESTRUCT, at 30
    0x60, 2, 0x60, 30, 0x34, 0x60, 1, 0x1c, 0xf0, // CREATE(value / 2, 30, 2)
    0x5f, 0x5f, 0x5f, 0x5f, 0x34, 0x60, 1, 0x1c, 0x85, 0x5a, 0xf1, // CALL(.., value / 2, ..)
    0x36, 0x60, 30, 0x57, 0x00, 0x5b, 0x5f, 0x5f, 0xfd,
];

/// Calls the contract named in its call data with the value and data 1, which makes it revert.
fn reverting_caller() -> Vec<u8> {
    let mut code = vec![0x60, 1, 0x5f, 0x52, 0x5f, 0x5f, 0x60, 32, 0x5f, 0x34, 0x73];
    code.extend([0xbb; 20]);
    code.extend([0x5a, 0xf1, 0x00]);
    code
}

const BURNER_AT: Address = Address([0xbb; 20]);
const OLD_AT: Address = Address([0xcc; 20]);
const CALLER_AT: Address = Address([0xdd; 20]);
const HEIR_AT: Address = Address([0xee; 20]);

/// Contracts through which coin moves and disappears.
fn furnished() -> MapState {
    let mut state = MapState::development();
    state.put_code(BURNER_AT, &BURNER);
    state.put_code(OLD_AT, &[0x30, 0xff]);
    state.put_code(CALLER_AT, &reverting_caller());
    let mut leaves_to_the_miner = vec![0x73];
    leaves_to_the_miner.extend(MINER.0);
    leaves_to_the_miner.push(0xff);
    state.put_code(HEIR_AT, &leaves_to_the_miner);
    state
}

#[test]
fn coin_destroyed_in_a_transaction_is_counted_and_what_reverts_is_not() {
    let mut state = furnished();
    let supply = state.total();
    let free = BlockContext { base_fee: U256::zero(), ..block(1) };
    let gratis = |nonce, to, input| {
        let kind = Kind::Legacy { chain_id: Some(CHAIN), gas_price: U256::zero() };
        let (value, to) = (100.into(), Some(to));
        unsigned(Transaction { kind, nonce, gas_limit: 500_000, to, value, input }, account(0))
    };
    let burned = |state: &MapState| state.slot(system::COMMUNITY_POOL, 0);
    for (nonce, (to, input, total)) in (0..).zip([
        (BURNER_AT, vec![], 100),
        (BURNER_AT, vec![1], 100),
        (CALLER_AT, vec![], 100),
        (OLD_AT, vec![], 100),
        (BURNER_AT, vec![], 200),
    ]) {
        let execution = evm().execute(&free, &[gratis(nonce, to, input)], &state).unwrap();
        state.apply(&execution.diff);
        assert_eq!(burned(&state), total.into(), "transaction {nonce}");
        assert_eq!(state.total() + burned(&state), supply);
    }
    // The old contract gave its coin to itself, and kept it (EIP-6780).
    assert_eq!(state.balance(OLD_AT), 100.into());
    assert_eq!(state.balance(CALLER_AT), 100.into());
}

/// A transaction of a random block: sender, what it does, its value, its price above the floor.
type Move = (usize, u8, u16, u64);

fn any_block() -> impl Strategy<Value = Vec<Move>> {
    prop::collection::vec((0..4_usize, 0..10_u8, any::<u16>(), 0..5 * GWEI), 0..12)
}

fn transaction_of(
    nonce: u64,
    (from, what, value, tip): Move,
    token: Address,
) -> RecoveredTransaction {
    let (to, input, gas_limit) = match what {
        0 => (Some(account(from + 1)), vec![], 21_000),
        1 => (Some(Address([what; 20])), vec![], 21_000),
        2 => (Some(BURNER_AT), vec![], 500_000),
        3 => (Some(BURNER_AT), vec![1], 500_000),
        4 => (Some(OLD_AT), vec![], 100_000),
        5 => (Some(CALLER_AT), vec![], 500_000),
        6 => (Some(HEIR_AT), vec![], 100_000),
        // Runs out of gas inside.
        7 => (Some(BURNER_AT), vec![], 60_000),
        // A creation that destroys itself, leaving its coin to itself.
        8 => (None, vec![0x60, 1, 0x5f, 0x55, 0x30, 0xff], 200_000),
        _ => (Some(token), token_transfer(account(from + 1), 1), 100_000),
    };
    let kind = Kind::DynamicFee {
        chain_id: CHAIN,
        max_priority_fee_per_gas: tip.into(),
        max_fee_per_gas: (10 * GWEI).into(),
        access_list: Vec::new(),
    };
    let value = if what == 9 { 0 } else { value };
    let value = value.into();
    unsigned(Transaction { kind, nonce, gas_limit, to, value, input }, account(from))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// SPEC 4: balances + totalBurned = supply, always.
    #[test]
    fn coin_is_neither_made_nor_lost_by_any_block(
        blocks in prop::collection::vec(any_block(), 1..6),
    ) {
        let (with_token, token) = with_token(&evm());
        let mut state = furnished();
        state.accounts.extend(with_token.accounts);
        state.storage.extend(with_token.storage);
        state.codes.extend(with_token.codes);
        let counted =
            |state: &MapState| state.total() + state.slot(system::COMMUNITY_POOL, 0);
        let (supply, mut burned) = (counted(&state), U256::zero());
        for (number, moves) in (2..).zip(blocks) {
            let mut nonces: Vec<u64> =
                (0..4).map(|index| state.accounts[&account(index)].nonce).collect();
            let transactions: Vec<_> = moves
                .into_iter()
                .map(|made| {
                    let nonce = nonces[made.0];
                    nonces[made.0] += 1;
                    transaction_of(nonce, made, token)
                })
                .collect();
            let execution = run(&evm(), &mut state, number, &transactions).unwrap();
            prop_assert_eq!(execution.receipts.len(), transactions.len());
            prop_assert_eq!(counted(&state), supply);
            let now = state.slot(system::COMMUNITY_POOL, 0);
            prop_assert!(now >= burned);
            burned = now;
        }
    }
}
