//! The head's state as one file.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    path::Path,
};

use mbt_consensus::{BlockId, ChainSnapshot, SealedHeader, StartError, StartingPoint};
use mbt_trie::{
    Durability, KeyValueRead, KeyValueStore, SNAPSHOT_PREFIX_BYTES, SnapshotCounts, SnapshotError,
    SnapshotExport, SnapshotHead, SnapshotImport, StateError, StoreError, WriteBatch, chunk_bytes,
};

use super::{
    Progress, Store,
    work::{self, unfinished},
};

/// What a store says while a state is read into it.
const WORK: &str = "an import of a state";

/// Why a state was not written to a file, or read from one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateFileError {
    /// The file cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The snapshot in it is refused.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The chain in it is refused.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The state cannot be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store holds something already.
    #[error("the store is not empty")]
    NotEmpty,
    /// The state and the chain in the file are of different blocks.
    #[error("the file's state is of block {state} and its chain ends in block {chain}")]
    OtherBlock {
        /// The state's block.
        state: u64,
        /// The chain's.
        chain: u64,
    },
    /// The file is of another chain.
    #[error("the file is of the chain with genesis {found}, the configured one is {expected}")]
    OtherChain {
        /// The configured genesis block.
        expected: BlockId,
        /// The file's.
        found: BlockId,
    },
}

/// Writes the state of the head, and of the chain what is needed to go on from it. The file appears
/// under its name when it is whole.
///
/// # Errors
/// [`StateFileError`].
pub fn export_state<R: KeyValueRead>(
    chain: &ChainSnapshot<R>,
    path: &Path,
) -> Result<(SealedHeader, SnapshotCounts), StateFileError> {
    let head = chain.head().clone();
    let attachment = chain.starting_point()?.encode();
    let snapshot = SnapshotHead { number: head.number, root: head.state_root, attachment };
    let draft = path.with_extension("draft");
    let mut out = BufWriter::new(File::create(&draft)?);
    let mut export = SnapshotExport::new(chain.store(), &snapshot);
    let mut progress = Progress::new("exported", "accounts", None);
    while let Some(chunk) = export.next() {
        out.write_all(&chunk?)?;
        progress.at(export.counts().accounts);
    }
    out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    std::fs::rename(&draft, path)?;
    Ok((head, export.counts()))
}

/// Reads a state into an empty store, where a chain with this genesis block then begins at the
/// file's block. An import that was interrupted begins again; until it is done no node takes the
/// store for a chain.
///
/// # Errors
/// [`StateFileError`]: the store holds no chain.
pub fn import_state(
    store: &Store,
    path: &Path,
    genesis: BlockId,
) -> Result<(SealedHeader, SnapshotCounts), StateFileError> {
    let mut input = BufReader::new(File::open(path)?);
    match unfinished(store)? {
        Some(what) if what == WORK => work::clear(store)?,
        _ if work::is_empty(store)? => {}
        _ => return Err(StateFileError::NotEmpty),
    }
    let mut import = SnapshotImport::new();
    let mut progress = Progress::new("imported", "accounts", None);
    let mut start: Option<StartingPoint> = None;
    // The last batch names the state's block: it is written together with the chain.
    let mut last = WriteBatch::new();
    while let Some(chunk) = next_chunk(&mut input, import.chunks())? {
        store.write(&std::mem::take(&mut last), Durability::Deferred)?;
        last = import.chunk(store, &chunk)?;
        if let (None, Some(head)) = (&start, import.head()) {
            start = Some(checked_start(head, genesis)?);
            work::begin(store, WORK)?;
        }
        progress.at(import.counts().accounts);
    }
    let counts = import.finish()?;
    let Some(start) = start else { return Err(SnapshotError::Unknown.into()) };
    last.extend(start.entries()?);
    work::end(&mut last);
    store.write(&last, Durability::Durable)?;
    Ok((start.head()?.clone(), counts))
}

fn checked_start(head: &SnapshotHead, genesis: BlockId) -> Result<StartingPoint, StateFileError> {
    let start = StartingPoint::decode(&head.attachment)?;
    let block = start.head()?;
    if (block.number, block.state_root) != (head.number, head.root) {
        return Err(StateFileError::OtherBlock { state: head.number, chain: block.number });
    }
    match start.genesis_id()? {
        found if found == genesis => Ok(start),
        found => Err(StateFileError::OtherChain { expected: genesis, found }),
    }
}

/// Reads one chunk; none at the end of the file.
fn next_chunk(input: &mut impl Read, number: u64) -> Result<Option<Vec<u8>>, StateFileError> {
    let mut prefix = [0; SNAPSHOT_PREFIX_BYTES];
    if input.read(&mut prefix[..1])? == 0 {
        return Ok(None);
    }
    input.read_exact(&mut prefix[1..])?;
    let length = chunk_bytes(number, prefix)?;
    let mut chunk = prefix.to_vec();
    // Grows as bytes come, so that a length alone takes no memory.
    if input.by_ref().take(length as u64).read_to_end(&mut chunk)? < length {
        return Err(SnapshotError::Truncated { chunk: number }.into());
    }
    Ok(Some(chunk))
}
