//! The node's name among its peers: a key in a file that only its owner may read.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use libp2p::identity::{Keypair, secp256k1};

/// Name of the file in the data folder.
pub const KEY_FILE: &str = "peer.key";

const KEY_BYTES: usize = 32;

/// Why the peer key could not be read or made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("peer key {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds no key.
    #[error("peer key {} is not 64 hexadecimal digits of a secp256k1 key", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
}

/// Returns a key that is kept nowhere.
#[must_use]
pub fn fresh() -> Keypair {
    Keypair::from(secp256k1::Keypair::generate())
}

/// Reads the key from [`KEY_FILE`] in `folder`, or makes one there for the owner's eyes only.
///
/// # Errors
/// [`KeyError`].
pub fn load_or_create(folder: &Path) -> Result<Keypair, KeyError> {
    let path = folder.join(KEY_FILE);
    match fs::read_to_string(&path) {
        Ok(text) => parse(&text).ok_or(KeyError::Malformed { path }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(&path),
        Err(source) => Err(KeyError::Io { path, source }),
    }
}

fn parse(text: &str) -> Option<Keypair> {
    let mut bytes = [0; KEY_BYTES];
    hex::decode_to_slice(text.trim(), &mut bytes).ok()?;
    let secret = secp256k1::SecretKey::try_from_bytes(&mut bytes).ok()?;
    Some(Keypair::from(secp256k1::Keypair::from(secret)))
}

fn create(path: &Path) -> Result<Keypair, KeyError> {
    let pair = secp256k1::Keypair::generate();
    let text = hex::encode(pair.secret().to_bytes());
    write_private(path, text.as_bytes())
        .map_err(|source| KeyError::Io { path: path.to_owned(), source })?;
    Ok(Keypair::from(pair))
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_is_made_once_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let first = load_or_create(folder.path()).unwrap().public();
        assert_eq!(load_or_create(folder.path()).unwrap().public(), first);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let meta = fs::metadata(folder.path().join(KEY_FILE)).unwrap();
            assert_eq!(meta.permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn damaged_key_file_is_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(KEY_FILE);
        for text in ["", "zz", &"0".repeat(64), &"f".repeat(64), &"1".repeat(66)] {
            fs::write(&path, text).unwrap();
            let error = load_or_create(folder.path()).unwrap_err();
            assert!(matches!(error, KeyError::Malformed { .. }), "{text}: {error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }
}
