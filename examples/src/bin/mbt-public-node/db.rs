//! `db`: a look at the store, and its move to another engine.

use std::path::Path;

use mbt_consensus::{ChainReader, ChainSnapshot};
use mbt_examples::{
    config::{Config, Engine},
    exit::{Code, Failure, print_line},
    service::{genesis_of, open_store},
    storage::{self, DataFolder, FolderError, Progress, StorageEngine, Store, StoreSnapshot, copy},
};
use mbt_trie::{Column, KeyValueRead, verify_state};
use serde_json::json;

use super::store::kept;

/// A store that this process alone uses.
pub(super) struct Held {
    pub(super) store: Store,
    pub(super) config: Config,
    _folder: DataFolder,
}

/// Opens the configured store, which must be there.
pub(super) fn hold(config: &Config) -> Result<Held, Failure> {
    let config = kept(config);
    let location = config.storage.location(&config.data);
    let location = location.map_err(|reason| Failure::new(Code::Config, reason))?;
    if !location.exists() {
        let sentence = format!("data folder {} holds no chain", config.data.display());
        return Err(Failure::runtime(sentence));
    }
    let folder = lock(&config)?;
    Ok(Held { store: open_store(&config)?, config, _folder: folder })
}

pub(super) fn lock(config: &Config) -> Result<DataFolder, Failure> {
    DataFolder::lock(&config.data).map_err(|error| match error {
        FolderError::Locked { .. } => Failure::new(Code::DataLocked, error),
        other => Failure::runtime(other),
    })
}

struct Size {
    column: Column,
    entries: u64,
    bytes: u64,
    disk: Option<u64>,
}

/// Prints the size of each column.
pub(crate) fn stats(config: &Config, as_json: bool) -> Result<(), Failure> {
    let held = hold(config)?;
    let mut sizes = Vec::new();
    for column in held.store.columns().map_err(Failure::runtime)? {
        sizes.push(size(&held.store, column)?);
    }
    let disk = held.store.disk_bytes().map_err(Failure::runtime)?;
    let engine = held.config.storage.engine.name();
    if as_json {
        let column = |size: &Size| {
            let Size { column, entries, bytes, disk } = size;
            json!({ "column": column.0, "entries": entries, "bytes": bytes, "disk_bytes": disk })
        };
        let columns: Vec<_> = sizes.iter().map(column).collect();
        print_line(
            &json!({ "engine": engine, "columns": columns, "disk_bytes": disk }).to_string(),
        );
        return Ok(());
    }
    let shown =
        |bytes: Option<u64>| bytes.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string());
    print_line(&format!("{:<28} {:>12} {:>15} {:>15}", "column", "entries", "bytes", "on disk"));
    for Size { column, entries, bytes, disk } in &sizes {
        print_line(&format!("{:<28} {entries:>12} {bytes:>15} {:>15}", column.0, shown(*disk)));
    }
    let (entries, bytes) = (sum(&sizes, |size| size.entries), sum(&sizes, |size| size.bytes));
    print_line(&format!("{engine:<28} {entries:>12} {bytes:>15} {:>15}", shown(disk)));
    Ok(())
}

fn sum(sizes: &[Size], of: impl Fn(&Size) -> u64) -> u64 {
    sizes.iter().map(of).fold(0, u64::saturating_add)
}

fn size(store: &Store, column: Column) -> Result<Size, Failure> {
    use std::ops::Bound::Unbounded;
    let mut progress = Progress::new(format!("counting {}", column.0), "entries", None);
    let (mut entries, mut bytes) = (0_u64, 0_u64);
    for entry in store.iterate(column, (Unbounded, Unbounded)).map_err(Failure::runtime)? {
        let (key, value) = entry.map_err(Failure::runtime)?;
        entries = entries.saturating_add(1);
        bytes = bytes.saturating_add((key.len() + value.len()) as u64);
        progress.add(1);
    }
    let disk = store.column_bytes(column).map_err(Failure::runtime)?;
    Ok(Size { column, entries, bytes, disk })
}

/// Most faults that are printed.
const FAULTS_SHOWN: u64 = 100;

/// Checks the whole store against itself.
pub(crate) fn verify(config: &Config, as_json: bool) -> Result<(), Failure> {
    let (_held, chain) = open_chain(config)?;
    let (mut faults, mut shown) = (0_u64, Vec::new());
    let mut tell = |fault: String| {
        faults = faults.saturating_add(1);
        if faults > FAULTS_SHOWN {
        } else if as_json {
            shown.push(fault);
        } else {
            print_line(&fault);
        }
    };
    let mut progress = Progress::new("checked", "blocks", Some(chain.head().number + 1));
    let blocks = chain.verify(|fault| tell(fault.to_string()), |count| progress.at(count));
    let blocks = blocks.map_err(Failure::runtime)?;
    drop(progress);
    let mut progress = Progress::new("checked", "accounts", None);
    let root = chain.head().state_root;
    let state = verify_state(
        chain.store(),
        root,
        |fault| tell(fault.to_string()),
        |counts| progress.at(counts.accounts),
    );
    let counts = state.map_err(Failure::runtime)?;
    drop(progress);
    let head = chain.head();
    if as_json {
        print_line(
            &json!({
                "head": { "number": head.number, "id": head.id.to_string() },
                "blocks": blocks,
                "accounts": counts.accounts,
                "slots": counts.slots,
                "codes": counts.codes,
                "faults": faults,
                "first_faults": shown,
            })
            .to_string(),
        );
    } else {
        print_line(&format!(
            "head {} {}: {blocks} blocks, {} accounts, {} slots, {} codes",
            head.number, head.id, counts.accounts, counts.slots, counts.codes
        ));
    }
    match faults {
        0 => Ok(()),
        _ => Err(Failure::runtime(format!(
            "{faults} faults, of which the first {FAULTS_SHOWN} at most are told"
        ))),
    }
}

/// Reads the chain that is stored, without making one.
fn open_chain(config: &Config) -> Result<(Held, ChainSnapshot<StoreSnapshot>), Failure> {
    let held = hold(config)?;
    let rules = held.config.chain.rules().map_err(|reason| Failure::new(Code::Config, reason))?;
    let chain =
        ChainReader::open(rules, held.store.clone()).snapshot().map_err(Failure::runtime)?;
    Ok((held, chain))
}

/// Writes the head's state into a file.
pub(crate) fn export_state(config: &Config, file: &Path) -> Result<(), Failure> {
    let (_held, chain) = open_chain(config)?;
    let (head, counts) = storage::export_state(&chain, file)
        .map_err(|error| Failure::runtime(format!("{}: {error}", file.display())))?;
    print_line(&format!(
        "exported the state of block {} {}: {} accounts, {} slots, {} codes",
        head.number, head.id, counts.accounts, counts.slots, counts.codes
    ));
    Ok(())
}

/// Reads a state from a file into a store that is not there yet.
pub(crate) fn import_state(config: &Config, file: &Path) -> Result<(), Failure> {
    let config = kept(config);
    let folder = lock(&config)?;
    let genesis = genesis_of(&config, &folder)?;
    let location = config.storage.location(&config.data);
    let location = location.map_err(|reason| Failure::new(Code::Config, reason))?;
    let store =
        Store::open(&location).map_err(|error| Failure::runtime(format!("{location}: {error}")))?;
    let (head, counts) = storage::import_state(&store, file, genesis)
        .map_err(|error| Failure::runtime(format!("{}: {error}", file.display())))?;
    print_line(&format!(
        "imported the state of block {} {}: {} accounts, {} slots, {} codes; the root is that of \
         the block",
        head.number, head.id, counts.accounts, counts.slots, counts.codes
    ));
    Ok(())
}

/// Copies the store into another engine's.
pub(crate) fn migrate(config: &Config, to: Engine, path: Option<&str>) -> Result<(), Failure> {
    let source = hold(config)?;
    let mut target = source.config.clone();
    target.storage.engine = to;
    target.storage.path = path.unwrap_or_default().to_owned();
    let refused = |reason: String| Failure::new(Code::Config, reason);
    let location = target.storage.location(&target.data).map_err(refused)?;
    if to == Engine::Memory || to == source.config.storage.engine {
        let sentence = format!(
            "the chain cannot be moved from {} to {}",
            source.config.storage.engine.name(),
            to.name()
        );
        return Err(Failure::new(Code::Usage, sentence));
    }
    let store =
        Store::open(&location).map_err(|error| Failure::runtime(format!("{location}: {error}")))?;
    let copied = copy(&source.store, &store)
        .map_err(|error| Failure::runtime(format!("{location}: {error}")))?;
    let entries = copied.values().map(|digest| digest.entries).fold(0, u64::saturating_add);
    print_line(&format!("copied {entries} entries of {} columns to {location}", copied.len()));
    print_line("every entry was read back; the source is as it was");
    let path = path.map(|path| format!(" and storage.path = {path:?}")).unwrap_or_default();
    print_line(&format!("to use the copy, set storage.engine = {:?}{path}", to.name()));
    Ok(())
}
