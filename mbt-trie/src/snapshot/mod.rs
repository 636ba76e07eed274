//! The state of one block as one file.
//!
//! A file is a sequence of chunks: the length of the payload (4 bytes), its kind (1 byte), the
//! payload (RLP) and 32 bytes that hash the chunk and all before it. The first chunk is the head,
//! then come codes by ascending hash, then accounts by ascending address with their slots, then the
//! end with the counts. Where a chunk ends follows from its content, so that a state has one file.

mod export;
mod format;
mod import;

pub use export::SnapshotExport;
pub use format::{SNAPSHOT_PREFIX_BYTES, SnapshotCounts, SnapshotError, SnapshotHead, chunk_bytes};
pub use import::SnapshotImport;
