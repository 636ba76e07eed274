//! Transactions on their way into the pool, and the pool behind a head that moves.

use std::collections::{BTreeMap, BTreeSet};

use mbt_account::{Pool, PoolHead, RecoveredTransaction, SenderState, TxHash};
use mbt_consensus::{Block, BlockId, HeadChange, SealedHeader, next_base_fee};
use mbt_crypto::Address;
use mbt_trie::{StateError, StateView, StoreError};

use super::{NodeEvent, Origin, Shared, SubmitError};

/// Checks transactions against the head's state and puts them into the pool.
pub(super) fn submit(
    shared: &Shared,
    transactions: impl IntoIterator<Item = RecoveredTransaction>,
    origin: Origin,
) -> Vec<Result<TxHash, SubmitError>> {
    // The snapshot is taken under the pool's lock: a head that moves later updates the pool later.
    let mut pool = shared.pool.lock();
    let snapshot = match shared.reader.snapshot() {
        Ok(snapshot) => snapshot,
        Err(error) => return refuse_all(transactions, &error),
    };
    let state = match snapshot.state_at(snapshot.head().number) {
        Ok(state) => state,
        Err(error) => {
            let refuse = |_| Err(SubmitError::State(error.clone()));
            return transactions.into_iter().map(refuse).collect();
        }
    };
    let head = pool_head(shared, snapshot.head());
    let mut senders = BTreeMap::new();
    let insert = |transaction: RecoveredTransaction| {
        let sender = match senders.get(&transaction.sender()) {
            Some(sender) => *sender,
            None => {
                let sender = sender_state(&state, &transaction.sender())?;
                senders.insert(transaction.sender(), sender);
                sender
            }
        };
        let hash = transaction.hash();
        if let Err(error) = pool.insert(transaction.clone(), sender, &head) {
            shared.meters.transactions_refused.increment(1);
            return Err(error.into());
        }
        shared.meters.transactions_pooled.increment(1);
        if shared.events.receiver_count() > 0 {
            drop(shared.events.send(NodeEvent::PendingTransaction(transaction, origin)));
        }
        Ok(hash)
    };
    transactions.into_iter().map(insert).collect()
}

fn refuse_all(
    transactions: impl IntoIterator<Item = RecoveredTransaction>,
    error: &StoreError,
) -> Vec<Result<TxHash, SubmitError>> {
    transactions.into_iter().map(|_| Err(error.clone().into())).collect()
}

/// Brings the pool to the new head: drops what was included, takes back what left the chain.
/// `block` is the one whose import moved the head.
pub(super) fn follow_head(
    shared: &Shared,
    change: &HeadChange,
    block: Option<&Block>,
) -> Result<(), StateError> {
    let mut pool = shared.pool.lock();
    let snapshot = shared.reader.snapshot()?;
    let head = pool_head(shared, snapshot.head());
    let transactions_of = |id: &BlockId| -> Result<Vec<RecoveredTransaction>, StateError> {
        match block {
            Some(block) if change.adopted.last() == Some(id) => Ok(block.transactions.clone()),
            _ => Ok(snapshot.block(id)?.map(|block| block.transactions).unwrap_or_default()),
        }
    };
    let state = snapshot.state_at(snapshot.head().number)?;
    let (mut touched, mut included) = (BTreeSet::new(), BTreeSet::new());
    if !pool.is_empty() || !change.retired.is_empty() {
        for id in &change.adopted {
            for transaction in transactions_of(id)? {
                note_touched(&pool, &transaction, &mut touched);
                included.insert(transaction.hash());
            }
        }
    }
    let mut returned = Vec::new();
    for id in change.retired.iter().rev() {
        for transaction in transactions_of(id)? {
            touched.insert(transaction.sender());
            if !included.contains(&transaction.hash()) {
                returned.push(transaction);
            }
        }
    }
    let mut accounts = Vec::with_capacity(touched.len());
    for address in touched {
        accounts.push((address, sender_state(&state, &address)?));
    }
    pool.update(&head, accounts);
    drop(pool);
    let refused =
        submit(shared, returned, Origin::Retired).into_iter().filter(Result::is_err).count();
    if refused > 0 {
        tracing::debug!(refused, "transactions of retired blocks no longer fit");
    }
    Ok(())
}

/// Senders have a new nonce and balance; recipients may afford more than before.
fn note_touched(pool: &Pool, transaction: &RecoveredTransaction, touched: &mut BTreeSet<Address>) {
    touched.insert(transaction.sender());
    if let Some(to) = transaction.to.filter(|to| pool.pending_nonce(to).is_some()) {
        touched.insert(to);
    }
}

fn pool_head(shared: &Shared, head: &SealedHeader) -> PoolHead {
    PoolHead {
        base_fee: next_base_fee(head),
        gas_limit: head.gas_limit,
        chain_id: shared.reader.config().chain_id,
    }
}

fn sender_state(state: &impl StateView, address: &Address) -> Result<SenderState, StateError> {
    let account = state.account(address)?.unwrap_or_default();
    Ok(SenderState { nonce: account.nonce, balance: account.balance })
}
