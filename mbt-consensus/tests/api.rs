//! The public surface: every type, from outside.

use mbt_consensus::*;

/// Holds one of every public type that has `Debug`, so that none loses it.
#[allow(dead_code, reason = "the fields are the test")]
#[derive(Debug)]
struct Everything<'a, E, S, R> {
    accept_error: AcceptError,
    anchor: asert::Anchor,
    block: Block,
    block_context: BlockContext<'a>,
    block_id: BlockId,
    body: Body,
    build_error: BuildError,
    build_request: BuildRequest,
    chain: Chain<E, S>,
    chain_config: ChainConfig,
    chain_reader: ChainReader<S>,
    chain_snapshot: ChainSnapshot<R>,
    execute_error: ExecuteError,
    execution: Execution,
    filled_block: FilledBlock,
    genesis: Genesis,
    head_change: HeadChange,
    header: Header,
    header_error: HeaderError,
    headers_imported: HeadersImported,
    import_error: ImportError,
    imported: Imported,
    invalid_block: InvalidBlock,
    invalid_header: InvalidHeader,
    lot: Lot,
    lot_id: LotId,
    open_error: OpenError,
    owned_context: OwnedContext<'a, R>,
    raw_block: RawBlock,
    sealed_header: SealedHeader,
    snapshot_ancestors: SnapshotAncestors<'a, R>,
    sync_phase: SyncPhase,
}

fn is_sync<T: Send + Sync>() {}

#[test]
fn readers_and_errors_cross_threads() {
    is_sync::<ChainReader<mbt_trie::MemoryStore>>();
    is_sync::<ImportError>();
    is_sync::<OpenError>();
    is_sync::<BuildError>();
    is_sync::<HeaderError>();
}

#[test]
fn presets_are_the_assigned_chains() {
    let ids = [ChainConfig::public(), ChainConfig::test(), ChainConfig::development()]
        .map(|config| (config.chain_id, config.interval_s, config.max_reorg));
    assert_eq!(ids, [(5_063_252, 15, 64), (5_063_253, 15, 64), (31_337, 2, 64)]);
    assert_eq!((MAX_REORG, SAFE_DEPTH, GAS_LIMIT_DEFAULT), (64, 12, 30_000_000));
}
