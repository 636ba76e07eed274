//! Opening a chain: an empty store becomes genesis, another is resumed.

use std::{collections::VecDeque, ops::Bound, sync::Arc};

use mbt_trie::{
    Durability, History, KeyValueRead, KeyValueStore, MemoryStore, ResidentState, Stage, State,
    StateError, StoreError, WriteBatch,
};

use crate::{
    BlockId, ChainConfig, Execute, Genesis, Header, OpenError, SealedHeader, SyncPhase,
    chain::{Chain, HISTORY_IN_MEMORY_MAX, invalid::InvalidBlocks, ranges::Ranges, tree::Tree},
    rules::{ancestors::Range, asert::Anchor, seal::nominal_work},
    table,
};

impl<E: Execute, S: KeyValueStore> Chain<E, S> {
    /// Opens the chain in `store`: an empty store gets the genesis block, another resumes at its
    /// head without executing anything.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(
        config: ChainConfig,
        genesis: &Genesis,
        executor: E,
        store: S,
    ) -> Result<Self, OpenError> {
        check_config(&config)?;
        let state = ResidentState::new(config.history);
        let memory = MemoryStore::default();
        let (first, batch) = first_block(state.state(), genesis, &memory)?;
        match table::genesis(&store)? {
            None => store.write(&batch, Durability::Durable)?,
            Some(stored) if stored != first.id => {
                return Err(OpenError::GenesisMismatch { stored, expected: first.id });
            }
            Some(_) => {}
        }
        let (tree, garbage) = load_tree(&store, fork_window(&config))?;
        let head = tree.head().clone();
        let anchor = Anchor { number: 0, timestamp: first.timestamp, target: first.target };
        Ok(Self {
            config: Arc::new(config),
            executor,
            store: Arc::new(store),
            state,
            anchor,
            head,
            tree,
            ranges: Ranges::default(),
            invalid: InvalidBlocks::default(),
            built: VecDeque::new(),
            garbage,
            phase: SyncPhase::default(),
        })
    }
}

fn check_config(config: &ChainConfig) -> Result<(), OpenError> {
    if config.interval_s == 0 {
        return Err(OpenError::Config("interval_s is zero"));
    }
    if config.target_max.is_zero() {
        return Err(OpenError::Config("target_max is zero"));
    }
    let least = config.max_reorg.saturating_mul(2).saturating_add(1);
    match config.history {
        History::Blocks(blocks) if blocks < least => {
            Err(OpenError::Config("history is below 2 * max_reorg + 1 blocks"))
        }
        _ => Ok(()),
    }
}

/// Returns how far below the head a branch may fork off.
pub(super) fn fork_window(config: &ChainConfig) -> u64 {
    match config.history {
        History::Blocks(blocks) => blocks.min(HISTORY_IN_MEMORY_MAX),
        History::Archive => HISTORY_IN_MEMORY_MAX,
    }
}

/// Works the genesis block out, and all that is written for it.
fn first_block(
    state: State,
    genesis: &Genesis,
    memory: &MemoryStore,
) -> Result<(SealedHeader, WriteBatch), StateError> {
    let mut stage = Stage::new(memory);
    let state_root = state.commit(&mut stage, 0, &genesis.diff)?;
    let header = Header {
        parent_hash: BlockId::ZERO,
        number: 0,
        state_root,
        ancestors_root: Range::default().root()?,
        ..genesis.header.clone()
    };
    let sealed = SealedHeader {
        id: header.id(),
        total_work: nominal_work(header.target),
        header: Arc::new(header),
    };
    let mut batch = stage.into_batch();
    table::put_header(&mut batch, &sealed);
    for (level, node) in (0..).zip(Range::default().append(&sealed)?) {
        batch.put(table::ANCESTORS, table::ancestor_key(0, &sealed.id, level), node);
    }
    table::put_body(&mut batch, 0, &sealed.id, rlp::encode(&crate::Body::default()).to_vec(), &[]);
    table::adopt(&mut batch, 0, &sealed.id, &[], &[]);
    table::put_genesis(&mut batch, &sealed.id);
    Ok((sealed, batch))
}

/// Reads the executed chain as far back as branches may fork off, then all other headers there.
/// Returns those beside the tree that a crash kept from being deleted.
fn load_tree(
    store: &impl KeyValueRead,
    window: u64,
) -> Result<(Tree, Vec<SealedHeader>), StoreError> {
    const GAP: StoreError =
        StoreError::Corrupt { column: table::CANONICAL, what: "the executed chain has a gap" };
    let head = table::head(store)?.ok_or(GAP)?;
    let top = table::number_of(store, &head)?.ok_or(GAP)?;
    let oldest = top.saturating_sub(window);
    let at = |number| {
        let id = table::canonical(store, number)?.ok_or(GAP)?;
        table::header(store, number, &id)?.ok_or(GAP)
    };
    let mut tree = Tree::new(&at(oldest)?);
    for number in oldest.saturating_add(1)..=top {
        let sealed = at(number)?;
        tree.insert(sealed.clone());
        // Bodies count on side branches only; one that is retired now was paid for as a valid block.
        tree.set_body(&sealed.id, 0);
        tree.adopt(&sealed);
    }
    let mut garbage = Vec::new();
    let from = oldest.to_be_bytes();
    for entry in store.iterate(table::HEADERS, (Bound::Included(&from), Bound::Unbounded))? {
        let (key, value) = entry?;
        let (number, id) = table::split_key(&key)?;
        if tree.get(&id).is_some() {
            continue;
        }
        let sealed = table::decode_header(id, &value)?;
        if tree.get(&sealed.parent_hash).is_some() {
            tree.insert(sealed);
            if let Some(body) = table::body_bytes(store, number, &id)? {
                tree.set_body(&id, body.len());
            }
        } else {
            garbage.push(sealed);
        }
    }
    Ok((tree, garbage))
}
