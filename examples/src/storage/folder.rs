//! The folder of one node: its lock, and the names of the files in it.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use fs4::{FileExt, TryLockError};

/// A folder that this process alone uses, until it is dropped.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    _lock: File,
}

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// Another process uses it.
    #[error("data folder {} is in use by another process", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// It cannot be made, read or written.
    #[error("data folder {} cannot be used: {source}", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
}

impl DataFolder {
    /// Makes the folder when it is absent, and locks it.
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn lock(path: &Path) -> Result<Self, FolderError> {
        let failed = |source| FolderError::Io { path: path.to_owned(), source };
        fs::create_dir_all(path).map_err(failed)?;
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("LOCK"))
            .map_err(failed)?;
        match FileExt::try_lock(&file) {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: file }),
            Err(TryLockError::WouldBlock) => Err(FolderError::Locked { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }

    /// Returns the folder's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of the genesis allocation that the chain began with.
    #[must_use]
    pub fn genesis_file(&self) -> PathBuf {
        self.path.join("genesis.json")
    }

    /// Returns the path of the key that names the node to its peers.
    #[must_use]
    pub fn network_key_file(&self) -> PathBuf {
        self.path.join("network.key")
    }

    /// Writes a file in one piece: it is whole or absent after a crash.
    ///
    /// # Errors
    /// [`FolderError::Io`].
    pub fn write_whole(&self, file: &Path, content: &[u8]) -> Result<(), FolderError> {
        let failed = |source| FolderError::Io { path: self.path.clone(), source };
        let draft = file.with_extension("draft");
        fs::write(&draft, content).map_err(failed)?;
        File::open(&draft).and_then(|file| file.sync_all()).map_err(failed)?;
        fs::rename(&draft, file).map_err(failed)?;
        File::open(&self.path).and_then(|folder| folder.sync_all()).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_user_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = DataFolder::lock(folder.path()).unwrap();
        let second = DataFolder::lock(folder.path());
        assert!(matches!(second, Err(FolderError::Locked { .. })));
        drop(first);
        DataFolder::lock(folder.path()).unwrap();
    }
}
