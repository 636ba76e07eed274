//! Where a node keeps its chain: engines behind [`KeyValueStore`](mbt_trie::KeyValueStore), chosen
//! by the configuration, and the folder they live in.

mod copy;
mod engine;
mod erased;
mod fjall_engine;
mod folder;
mod location;
mod postgres;
mod progress;
mod redb_engine;
mod state_file;
mod work;

pub use copy::{ColumnDigest, CopyError, copy};
pub use engine::StorageEngine;
pub use erased::{Store, StoreSnapshot};
pub use fjall_engine::{FjallSnapshot, FjallStore};
pub use folder::{DataFolder, FolderError};
pub use location::{DatabaseUrl, Location};
pub use postgres::{PostgresError, PostgresSettings, PostgresSnapshot, PostgresStore};
pub use progress::Progress;
pub use redb_engine::{RedbSnapshot, RedbStore};
pub use state_file::{StateFileError, export_state, import_state};
pub use work::{is_empty as is_empty_store, unfinished};
