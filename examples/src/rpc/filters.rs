//! Filters that clients poll. A filter keeps only where its client stands, so that a forgotten one
//! costs nothing: what happened since is read from the chain when it is asked for.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Range,
    time::{Duration, Instant},
};

use mbt_account::TxHash;
use mbt_consensus::BlockId;
use parking_lot::Mutex;
use tokio::sync::broadcast::{Receiver, error::TryRecvError};

use super::{
    api::Api,
    branch::steps,
    deadline::Deadline,
    error::RequestError,
    eth::logs::{Found, query},
    ids::HexIds,
    method::{Answer, Method, answer},
    params::Params,
    types::{
        block_ref::BlockTag,
        hex::hash,
        log_filter::{LogFilter, LogRange},
        receipt::Standing,
        transaction::RpcTransaction,
    },
    view::View,
};
use crate::node::NodeEvent;

/// Methods of this file.
pub(crate) const METHODS: &[Method] = &[
    Method::inline("eth_newFilter", 1, new_filter),
    Method::inline("eth_newBlockFilter", 0, new_block_filter),
    Method::inline("eth_newPendingTransactionFilter", 1, new_pending_filter),
    Method::heavy("eth_getFilterChanges", 1, filter_changes),
    Method::heavy("eth_getFilterLogs", 1, filter_logs),
    Method::inline("eth_uninstallFilter", 1, uninstall_filter),
];

/// Hashes of pooled transactions that are kept for pending filters.
const PENDING_KEPT: usize = 16_384;

#[derive(Clone, Debug)]
enum Filter {
    Blocks { seen: BlockId },
    Logs { filter: LogFilter, seen: BlockId },
    Pending { next: u64, full: bool },
}

#[derive(Debug)]
struct Entry {
    filter: Filter,
    used: Instant,
}

/// All filters of this server.
#[derive(Debug)]
pub(crate) struct Filters {
    entries: Mutex<BTreeMap<String, Entry>>,
    pending: Mutex<Pending>,
    max: usize,
    idle: Duration,
}

/// The newest hashes that entered the pool and the number of the first one. Events are taken out
/// of the node's channel when a client polls, so that an idle filter costs nothing.
#[derive(Debug, Default)]
struct Pending {
    first: u64,
    hashes: VecDeque<TxHash>,
    events: Option<Receiver<NodeEvent>>,
}

impl Pending {
    fn next(&self) -> u64 {
        self.first.saturating_add(u64::try_from(self.hashes.len()).unwrap_or(u64::MAX))
    }

    fn since(&self, number: u64) -> Vec<TxHash> {
        let skip = usize::try_from(number.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.hashes.iter().skip(skip).copied().collect()
    }

    fn note(&mut self, hash: TxHash) {
        if self.hashes.len() >= PENDING_KEPT {
            self.hashes.pop_front();
            self.first = self.first.saturating_add(1);
        }
        self.hashes.push_back(hash);
    }

    /// Takes what the channel holds.
    fn drain(&mut self) {
        while let Some(events) = &mut self.events {
            match events.try_recv() {
                Ok(NodeEvent::PendingTransaction(transaction, _)) => self.note(transaction.hash()),
                Ok(_) | Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    fn forget(&mut self) {
        self.first = self.next();
        self.hashes = VecDeque::new();
        self.events = None;
    }
}

impl Filters {
    /// Keeps at most `max` filters, each until it was idle for `idle`.
    pub(crate) fn new(max: usize, idle: Duration) -> Self {
        Self { entries: Mutex::default(), pending: Mutex::default(), max, idle }
    }

    fn install(&self, filter: Filter) -> Result<String, RequestError> {
        let mut entries = self.entries.lock();
        self.forget_idle(&mut entries);
        if entries.len() >= self.max {
            return Err(RequestError::Limit(format!("more than {} filters are alive", self.max)));
        }
        let name = HexIds.next();
        entries.insert(name.clone(), Entry { filter, used: Instant::now() });
        Ok(name)
    }

    /// Installs a filter of pooled transactions, and listens to them if none did before.
    fn install_pending(
        &self,
        full: bool,
        listen: impl FnOnce() -> Receiver<NodeEvent>,
    ) -> Result<String, RequestError> {
        let next = {
            let mut pending = self.pending.lock();
            pending.drain();
            pending.events.get_or_insert_with(listen);
            pending.next()
        };
        self.install(Filter::Pending { next, full })
    }

    fn forget_idle(&self, entries: &mut BTreeMap<String, Entry>) {
        entries.retain(|_, entry| entry.used.elapsed() < self.idle);
    }

    /// Stops to listen for pooled transactions when no filter asks for them.
    fn rest(&self, entries: &BTreeMap<String, Entry>) {
        if !entries.values().any(|entry| matches!(entry.filter, Filter::Pending { .. })) {
            self.pending.lock().forget();
        }
    }

    fn remove(&self, name: &str) -> bool {
        let mut entries = self.entries.lock();
        let found = entries.remove(name).is_some();
        self.rest(&entries);
        found
    }

    /// Returns a filter and marks it used.
    fn touch(&self, name: &str) -> Result<Filter, RequestError> {
        let mut entries = self.entries.lock();
        self.forget_idle(&mut entries);
        self.rest(&entries);
        let entry = entries
            .get_mut(name)
            .ok_or_else(|| RequestError::Refused("filter not found".to_owned()))?;
        entry.used = Instant::now();
        Ok(entry.filter.clone())
    }

    /// Moves a filter on after its changes were read.
    fn advance(&self, name: &str, filter: Filter) {
        if let Some(entry) = self.entries.lock().get_mut(name) {
            entry.filter = filter;
        }
    }
}

fn new_filter(api: &Api, params: &mut Params) -> Answer {
    let filter: LogFilter = params.required("filter")?;
    let seen = api.view()?.head().id;
    answer(&api.filters.install(Filter::Logs { filter, seen })?)
}

fn new_block_filter(api: &Api, _: &mut Params) -> Answer {
    let seen = api.view()?.head().id;
    answer(&api.filters.install(Filter::Blocks { seen })?)
}

fn new_pending_filter(api: &Api, params: &mut Params) -> Answer {
    let full = params.optional("full")?.unwrap_or(false);
    answer(&api.filters.install_pending(full, || api.node.events())?)
}

fn uninstall_filter(api: &Api, params: &mut Params) -> Answer {
    let name: String = params.required("filterId")?;
    answer(&api.filters.remove(&name))
}

fn filter_changes(api: &Api, params: &mut Params) -> Answer {
    let name: String = params.required("filterId")?;
    match api.filters.touch(&name)? {
        Filter::Blocks { seen } => block_changes(api, &name, seen),
        Filter::Logs { filter, seen } => log_changes(api, &name, filter, seen, params.deadline()),
        Filter::Pending { next, full } => pending_changes(api, &name, next, full),
    }
}

fn changes_lost() -> RequestError {
    RequestError::Limit("filter was not asked for too long: changes are lost".to_owned())
}

fn steps_max(api: &Api) -> usize {
    usize::try_from(api.config.log_blocks_max).unwrap_or(usize::MAX)
}

fn block_changes(api: &Api, name: &str, seen: BlockId) -> Answer {
    let view = api.view()?;
    let way = steps(&view, &seen, steps_max(api))?;
    api.filters.advance(name, Filter::Blocks { seen: view.head().id });
    let way = way.ok_or_else(changes_lost)?;
    let ids: Vec<_> = way.adopted.iter().map(|block| hash(block.id.0)).collect();
    answer(&ids)
}

fn log_changes(
    api: &Api,
    name: &str,
    filter: LogFilter,
    seen: BlockId,
    deadline: Deadline,
) -> Answer {
    let view = api.view()?.until(deadline);
    let way = steps(&view, &seen, steps_max(api))?;
    let range = numbers(&view, &filter.range);
    let mut found = Found::new(api.config.log_results_max);
    if let Some(way) = &way {
        let retired = way.retired.iter().map(|block| (block, Standing::Removed));
        let adopted = way.adopted.iter().map(|block| (block, Standing::Canonical));
        for (block, standing) in retired.chain(adopted) {
            if range.contains(&block.number) {
                found.scan(&view, block, &filter.matcher, standing)?;
            }
        }
    }
    api.filters.advance(name, Filter::Logs { filter, seen: view.head().id });
    way.ok_or_else(changes_lost)?;
    answer(&found.logs)
}

/// Returns the numbers that a filter's range takes of blocks to come; none for one block by name.
fn numbers(view: &View, range: &LogRange) -> Range<u64> {
    let fixed = |tag: BlockTag, open: u64| match tag {
        BlockTag::Latest | BlockTag::Pending => open,
        tag => view.number_of(tag),
    };
    match *range {
        LogRange::Block(_) => 0..0,
        LogRange::Between { from, to } => fixed(from, 0)..fixed(to, u64::MAX).saturating_add(1),
    }
}

fn pending_changes(api: &Api, name: &str, next: u64, full: bool) -> Answer {
    let (hashes, now) = {
        let mut pending = api.filters.pending.lock();
        pending.drain();
        (pending.since(next), pending.next())
    };
    api.filters.advance(name, Filter::Pending { next: now, full });
    if !full {
        return answer(&hashes.iter().map(|entry| hash(entry.0)).collect::<Vec<_>>());
    }
    let pool = api.node.pool().lock();
    let found: Vec<_> = hashes.iter().filter_map(|hash| pool.get(hash).cloned()).collect();
    drop(pool);
    answer(&found.iter().map(|tx| RpcTransaction::new(tx, None)).collect::<Vec<_>>())
}

fn filter_logs(api: &Api, params: &mut Params) -> Answer {
    let name: String = params.required("filterId")?;
    match api.filters.touch(&name)? {
        Filter::Logs { filter, .. } => {
            answer(&query(api, &api.view()?.until(params.deadline()), &filter)?)
        }
        Filter::Blocks { .. } | Filter::Pending { .. } => {
            Err(RequestError::Refused("filter not found".to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks() -> Filter {
        Filter::Blocks { seen: BlockId::ZERO }
    }

    #[test]
    fn filters_are_bounded_and_idle_ones_make_room() {
        let filters = Filters::new(2, Duration::from_secs(300));
        for _ in 0..2 {
            filters.install(blocks()).unwrap();
        }
        assert!(matches!(filters.install(blocks()), Err(RequestError::Limit(_))));

        let forgetful = Filters::new(1, Duration::ZERO);
        let first = forgetful.install(blocks()).unwrap();
        forgetful.install(blocks()).unwrap();
        assert!(forgetful.touch(&first).is_err());
    }

    #[test]
    fn pending_hashes_are_bounded() {
        let mut pending = Pending::default();
        for _ in 0..PENDING_KEPT + 5 {
            pending.note(TxHash::ZERO);
        }
        assert_eq!(pending.since(0).len(), PENDING_KEPT);
        assert_eq!(pending.first, 5);
    }

    #[test]
    fn pool_is_listened_to_only_while_a_filter_lives() {
        let events = tokio::sync::broadcast::Sender::new(8);
        let filters = Filters::new(2, Duration::from_secs(300));
        let name = filters.install_pending(false, || events.subscribe()).unwrap();
        assert_eq!(events.receiver_count(), 1);
        assert!(filters.remove(&name));
        assert_eq!(events.receiver_count(), 0);
    }
}
