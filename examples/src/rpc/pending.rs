//! The pending block: what the next one would be if it were made of the pool now. Its transactions
//! are chosen but not executed, so roots, bloom and gas used are those of nothing.

use mbt_account::RecoveredTransaction;
use mbt_consensus::{Header, prev_randao};

use super::{
    api::Api,
    types::block::{Derived, Detail, RpcBlock},
    view::View,
};

/// Most transactions shown.
const TRANSACTIONS_MAX: usize = 10_000;

/// Returns the header of the next block.
pub(crate) fn header(api: &Api, view: &View) -> Header {
    let head = view.head();
    let next = view.chain().next_context(api.node.now(), head.miner);
    Header { state_root: head.state_root, target: head.target, ..next.header().clone() }
}

/// Returns the transactions that a miner would try first, as far as their gas limits fit.
pub(crate) fn transactions(api: &Api, view: &View) -> Vec<RecoveredTransaction> {
    let header = header(api, view);
    let mut gas = header.gas_limit;
    let mut chosen = Vec::new();
    let best = api.node.pool().lock().best(header.base_fee);
    for transaction in best {
        match gas.checked_sub(transaction.gas_limit) {
            Some(left) if chosen.len() < TRANSACTIONS_MAX => gas = left,
            _ => break,
        }
        chosen.push(transaction);
    }
    chosen
}

/// Returns the next block as JSON-RPC shows it.
pub(crate) fn block(api: &Api, view: &View, detail: Detail) -> RpcBlock {
    let header = header(api, view);
    let derived =
        Derived { id: None, prev_randao: prev_randao(header.parent_hash), total_work: None };
    RpcBlock::new(&header, &transactions(api, view), derived, detail)
}
