//! Filters that clients poll. A filter keeps only where its client stands, so that a forgotten one
//! costs nothing: what happened since is read from the chain when it is asked for.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Range,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use mbt_account::TxHash;
use mbt_consensus::BlockId;
use parking_lot::Mutex;

use super::{
    api::Api,
    branch::steps,
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
    pending: Mutex<PendingHashes>,
    pending_filters: AtomicUsize,
    max: usize,
    idle: Duration,
}

/// The newest hashes and the number of the first one.
#[derive(Debug, Default)]
struct PendingHashes {
    first: u64,
    hashes: VecDeque<TxHash>,
}

impl PendingHashes {
    fn next(&self) -> u64 {
        self.first.saturating_add(self.hashes.len() as u64)
    }

    fn since(&self, number: u64) -> Vec<TxHash> {
        let skip = usize::try_from(number.saturating_sub(self.first)).unwrap_or(usize::MAX);
        self.hashes.iter().skip(skip).copied().collect()
    }
}

impl Filters {
    /// Keeps at most `max` filters, each until it was idle for `idle`.
    pub(crate) fn new(max: usize, idle: Duration) -> Self {
        Self {
            entries: Mutex::default(),
            pending: Mutex::default(),
            pending_filters: AtomicUsize::new(0),
            max,
            idle,
        }
    }

    /// Notes a transaction that entered the pool, when a filter asks for them.
    pub(crate) fn note_pending(&self, hash: TxHash) {
        if self.pending_filters.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut pending = self.pending.lock();
        if pending.hashes.len() >= PENDING_KEPT {
            pending.hashes.pop_front();
            pending.first = pending.first.saturating_add(1);
        }
        pending.hashes.push_back(hash);
    }

    fn install(&self, filter: Filter) -> Result<String, RequestError> {
        let mut entries = self.entries.lock();
        entries.retain(|_, entry| entry.used.elapsed() < self.idle);
        if entries.len() >= self.max {
            return Err(RequestError::Limit(format!("more than {} filters are alive", self.max)));
        }
        let name = HexIds.next();
        entries.insert(name.clone(), Entry { filter, used: Instant::now() });
        self.count_pending(&entries);
        Ok(name)
    }

    fn count_pending(&self, entries: &BTreeMap<String, Entry>) {
        let alive = entries.values().filter(|e| matches!(e.filter, Filter::Pending { .. })).count();
        self.pending_filters.store(alive, Ordering::Relaxed);
        if alive == 0 {
            let mut pending = self.pending.lock();
            pending.first = pending.next();
            pending.hashes = VecDeque::new();
        }
    }

    fn remove(&self, name: &str) -> bool {
        let mut entries = self.entries.lock();
        let found = entries.remove(name).is_some();
        self.count_pending(&entries);
        found
    }

    /// Returns a filter and marks it used.
    fn touch(&self, name: &str) -> Result<Filter, RequestError> {
        let mut entries = self.entries.lock();
        entries.retain(|_, entry| entry.used.elapsed() < self.idle);
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
    let next = api.filters.pending.lock().next();
    answer(&api.filters.install(Filter::Pending { next, full })?)
}

fn uninstall_filter(api: &Api, params: &mut Params) -> Answer {
    let name: String = params.required("filterId")?;
    answer(&api.filters.remove(&name))
}

fn filter_changes(api: &Api, params: &mut Params) -> Answer {
    let name: String = params.required("filterId")?;
    match api.filters.touch(&name)? {
        Filter::Blocks { seen } => block_changes(api, &name, seen),
        Filter::Logs { filter, seen } => log_changes(api, &name, filter, seen),
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

fn log_changes(api: &Api, name: &str, filter: LogFilter, seen: BlockId) -> Answer {
    let view = api.view()?;
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
        let pending = api.filters.pending.lock();
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
        Filter::Logs { filter, .. } => answer(&query(api, &api.view()?, &filter)?),
        Filter::Blocks { .. } | Filter::Pending { .. } => {
            Err(RequestError::Refused("filter not found".to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pending() -> Filter {
        Filter::Pending { next: 0, full: false }
    }

    #[test]
    fn filters_are_bounded_and_idle_ones_make_room() {
        let filters = Filters::new(2, Duration::from_secs(300));
        for _ in 0..2 {
            filters.install(pending()).unwrap();
        }
        assert!(matches!(filters.install(pending()), Err(RequestError::Limit(_))));

        let forgetful = Filters::new(1, Duration::ZERO);
        let first = forgetful.install(pending()).unwrap();
        forgetful.install(pending()).unwrap();
        assert!(forgetful.touch(&first).is_err());
    }

    #[test]
    fn pending_hashes_are_bounded_and_kept_only_while_a_filter_lives() {
        let filters = Filters::new(2, Duration::from_secs(300));
        filters.note_pending(TxHash::ZERO);
        assert_eq!(filters.pending.lock().hashes.len(), 0);
        let name = filters.install(pending()).unwrap();
        for _ in 0..PENDING_KEPT + 5 {
            filters.note_pending(TxHash::ZERO);
        }
        assert_eq!(filters.pending.lock().since(0).len(), PENDING_KEPT);
        assert_eq!(filters.pending.lock().first, 5);
        assert!(filters.remove(&name));
        assert_eq!(filters.pending.lock().hashes.len(), 0);
    }
}
