//! Random sequences against a pool that is a list, and looks at all of it every time.

use std::{cmp::Reverse, collections::BTreeMap};

use mbt_account::{
    Pool, PoolConfig, PoolHead, RecoveredTransaction, SenderState, Transaction, TxHash,
};
use mbt_crypto::{Address, U256};
use proptest::{collection::vec, prelude::*};

use super::common::{GWEI, HEAD, bounded, by, pays, sender, transfer};

const COUNT_MAX: usize = 8;
const PER_SENDER_MAX: usize = 4;
/// Reached before the count when inputs are long.
const BYTES_MAX: usize = 1_200;

/// The slow twin.
#[derive(Clone, Default)]
struct Model {
    states: BTreeMap<Address, SenderState>,
    /// In the order of arrival.
    all: Vec<RecoveredTransaction>,
}

impl Model {
    fn of(&self, sender: Address) -> Vec<&RecoveredTransaction> {
        let mut own: Vec<_> = self.all.iter().filter(|tx| tx.sender() == sender).collect();
        own.sort_by_key(|tx| tx.nonce);
        own
    }

    fn bytes(&self) -> usize {
        self.all.iter().map(|tx| tx.encoded_length()).sum()
    }

    fn executable(&self, sender: Address) -> Vec<&RecoveredTransaction> {
        let SenderState { mut nonce, mut balance } = self.states[&sender];
        let mut found = Vec::new();
        for tx in self.of(sender) {
            match balance.checked_sub(tx.max_cost().unwrap()) {
                Some(left) if tx.nonce == nonce => balance = left,
                _ => break,
            }
            nonce += 1;
            found.push(tx);
        }
        found
    }

    fn refresh(&mut self, sender: Address, state: SenderState) {
        self.states.insert(sender, state);
        self.all.retain(|tx| {
            tx.sender() != sender
                || (tx.nonce >= state.nonce && tx.max_cost().unwrap() <= state.balance)
        });
    }

    /// Returns whether the transaction was taken.
    fn insert(&mut self, tx: &RecoveredTransaction, state: SenderState, base_fee: U256) -> bool {
        if self.all.iter().any(|other| other.hash() == tx.hash()) {
            return false;
        }
        self.refresh(tx.sender(), state);
        let before = self.clone();
        let taken = self.try_insert(tx, state, base_fee);
        if !taken {
            *self = before;
        }
        taken
    }

    fn try_insert(
        &mut self,
        tx: &RecoveredTransaction,
        state: SenderState,
        base_fee: U256,
    ) -> bool {
        let cost = tx.max_cost().unwrap();
        if tx.nonce < state.nonce || cost > state.balance {
            return false;
        }
        let own = self.of(tx.sender());
        let old = own.iter().find(|old| old.nonce == tx.nonce).map(|old| (*old).clone());
        if let Some(old) = &old {
            let tenth_more = |new: U256, old: U256| new > old && new >= old * 110 / 100;
            if !tenth_more(tx.max_fee_per_gas(), old.max_fee_per_gas())
                || !tenth_more(tx.max_priority_fee_per_gas(), old.max_priority_fee_per_gas())
            {
                return false;
            }
        } else if own.len() == PER_SENDER_MAX {
            let tail = own[PER_SENDER_MAX - 1];
            if tail.nonce < tx.nonce {
                return false;
            }
        }
        let executable = self.executable(tx.sender());
        let others = executable.iter().filter(|other| other.nonce != tx.nonce);
        let total = others.fold(cost, |sum, other| sum + other.max_cost().unwrap());
        if total > state.balance {
            return false;
        }
        if old.is_none() && own.len() == PER_SENDER_MAX {
            let tail = own[PER_SENDER_MAX - 1].hash();
            self.all.retain(|other| other.hash() != tail);
        }
        self.all.retain(|other| Some(other.hash()) != old.as_ref().map(|old| old.hash()));
        self.all.push(tx.clone());
        while self.all.len() > COUNT_MAX || self.bytes() > BYTES_MAX {
            let cheapest = self.cheapest(base_fee);
            self.all.retain(|other| other.hash() != cheapest);
        }
        self.all.iter().any(|other| other.hash() == tx.hash())
    }

    /// Returns the last transaction of the sender whose transactions are worth least.
    fn cheapest(&self, base_fee: U256) -> TxHash {
        let tails = self.states.keys().filter_map(|sender| {
            let own = self.of(*sender);
            let tail = own.last()?;
            let executable = self.executable(*sender).len() == own.len();
            let floor = own.iter().map(|tx| tx.effective_tip(base_fee)).min()?;
            let arrival = self.all.iter().position(|tx| tx.hash() == tail.hash())?;
            Some(((executable, floor, Reverse(arrival)), tail.hash()))
        });
        tails.min_by_key(|(rank, _)| *rank).unwrap().1
    }

    fn best(&self, base_fee: U256) -> Vec<TxHash> {
        let mut lanes: Vec<Vec<_>> =
            self.states.keys().map(|sender| self.executable(*sender)).collect();
        let mut found = Vec::new();
        loop {
            let heads = lanes.iter().enumerate().filter_map(|(lane, queue)| {
                let tx = queue.first()?;
                let arrival = self.all.iter().position(|other| other.hash() == tx.hash())?;
                Some((tx.effective_tip(base_fee)?, Reverse(arrival), lane))
            });
            let Some((_, _, lane)) = heads.max() else { return found };
            found.push(lanes[lane].remove(0).hash());
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Insert { byte: u8, nonce: u64, tip: u64, cap: u64, input: usize },
    Remove { at: usize },
    Update { base_fee: u64, byte: u8, nonce: u64, pays: u64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let bytes = prop_oneof![3 => Just(0_usize), 1 => 1..400_usize];
    let insert = (1..=4_u8, 0..7_u64, 0..12_u64, 0..12_u64, bytes).prop_map(
        |(byte, nonce, tip, more, input)| Step::Insert {
            byte,
            nonce,
            tip,
            cap: 1 + tip + more,
            input,
        },
    );
    let update = (1..8_u64, 1..=4_u8, 0..6_u64, 10..120_u64)
        .prop_map(|(base_fee, byte, nonce, pays)| Step::Update { base_fee, byte, nonce, pays });
    let remove = any::<usize>().prop_map(|at| Step::Remove { at });
    vec(prop_oneof![8 => insert, 1 => remove, 2 => update], 1..80)
}

fn assert_same(pool: &Pool, model: &Model, base_fee: U256) -> Result<(), TestCaseError> {
    prop_assert!(pool.len() <= COUNT_MAX && pool.bytes() <= BYTES_MAX);
    prop_assert_eq!(pool.len(), model.all.len());
    prop_assert_eq!(pool.bytes(), model.bytes());
    let mut pending = 0;
    for sender in model.states.keys() {
        let content = pool.content_from(sender);
        let executable = model.executable(*sender);
        pending += executable.len();
        prop_assert!(content.pending.values().eq(executable.iter().copied()));
        let both = content.pending.values().chain(content.queued.values());
        let own = model.of(*sender);
        prop_assert!(own.len() <= PER_SENDER_MAX && both.eq(own.iter().copied()));
        prop_assert!(own.iter().all(|tx| pool.get(&tx.hash()) == Some(tx)));
    }
    prop_assert_eq!(pool.status(), (pending, pool.len() - pending));
    let best: Vec<_> = pool.best(base_fee).map(|tx| tx.hash()).collect();
    prop_assert_eq!(best, model.best(base_fee));
    Ok(())
}

proptest! {
    #[test]
    fn pool_does_what_its_slow_twin_does(steps in steps()) {
        let bounds = bounded(COUNT_MAX, PER_SENDER_MAX);
        let mut pool = Pool::new(PoolConfig { bytes_max: BYTES_MAX, ..bounds });
        let mut model = Model::default();
        let mut head = HEAD;
        for byte in 1..=4 {
            model.states.insert(sender(byte), pays(0, 60));
        }
        for step in steps {
            match step {
                Step::Insert { byte, nonce, tip, cap, input } => {
                    let gas_limit = if input == 0 { 21_000 } else { 42_000 };
                    let input = vec![0; input];
                    let tx = Transaction { input, gas_limit, ..transfer(nonce, tip, cap) };
                    let tx = by(byte, tx);
                    let state = model.states[&sender(byte)];
                    let taken = model.insert(&tx, state, head.base_fee);
                    let inserted = pool.insert(tx, state, &head);
                    prop_assert_eq!(inserted.is_ok(), taken, "{:?}", inserted);
                }
                Step::Remove { at } if !model.all.is_empty() => {
                    let tx = model.all.remove(at % model.all.len());
                    prop_assert_eq!(pool.remove(&tx.hash()), Some(tx));
                }
                Step::Remove { .. } => {}
                Step::Update { base_fee, byte, nonce, pays: gwei } => {
                    head = PoolHead { base_fee: (base_fee * GWEI).into(), ..head };
                    model.refresh(sender(byte), pays(nonce, gwei));
                    pool.update(&head, [(sender(byte), pays(nonce, gwei))]);
                }
            }
            assert_same(&pool, &model, head.base_fee)?;
        }
    }
}
