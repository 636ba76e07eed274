//! `export` and `import`: the chain in a file, block after block, each the RLP of header and body.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read, Write},
    path::Path,
};

use mbt_consensus::{ImportError, RawBlock};
use mbt_examples::{
    config::Config,
    exit::{Failure, print_line},
    storage::Progress,
};
use mbt_trie::Durability;

use super::store::open;

/// Most bytes of one block in a file.
const BLOCK_BYTES_MAX: usize = 64 << 20;

/// Writes blocks `first` to `last` into a file.
pub(crate) fn export(
    config: &Config,
    file: &Path,
    first: u64,
    last: Option<u64>,
) -> Result<(), Failure> {
    let opened = open(config, 1)?;
    let snapshot = opened.handle().reader().snapshot().map_err(Failure::runtime)?;
    let last = last.unwrap_or(snapshot.head().number).min(snapshot.head().number);
    let failed = |error: io::Error| Failure::runtime(format!("{}: {error}", file.display()));
    let mut out = BufWriter::new(File::create(file).map_err(failed)?);
    let mut progress = Progress::new("exported", "blocks", Some(last.saturating_sub(first) + 1));
    let mut count = 0_u64;
    for number in first..=last {
        let id = snapshot.id_at(number).map_err(Failure::runtime)?;
        let block = match id {
            Some(id) => snapshot.block(&id).map_err(Failure::runtime)?,
            None => None,
        };
        let block =
            block.ok_or_else(|| Failure::runtime(format!("block {number} is not stored")))?;
        out.write_all(&block.encode()).map_err(failed)?;
        count += 1;
        progress.at(count);
    }
    out.into_inner()
        .map_err(|error| failed(error.into_error()))
        .and_then(|file| file.sync_all().map_err(failed))?;
    drop(progress);
    print_line(&format!("exported {count} blocks"));
    Ok(())
}

/// Takes blocks from a file. Those that were taken stay when a later one is refused.
pub(crate) fn import(config: &Config, file: &Path) -> Result<(), Failure> {
    let opened = open(config, 1)?;
    let failed = |error: io::Error| Failure::runtime(format!("{}: {error}", file.display()));
    let mut input = BufReader::new(File::open(file).map_err(failed)?);
    let runtime =
        tokio::runtime::Builder::new_current_thread().build().map_err(Failure::runtime)?;
    let handle = opened.handle();
    let mut progress = Progress::new("imported", "blocks", None);
    let mut count = 0_u64;
    while let Some(bytes) = next_item(&mut input).map_err(failed)? {
        let place = count + 1;
        let refused =
            |reason: String| Failure::runtime(format!("block {place} of the file: {reason}"));
        let raw = RawBlock::decode(&bytes).map_err(|error| refused(error.to_string()))?;
        let number = raw.header.number;
        let block = raw.recover().map_err(|error| refused(error.to_string()))?;
        runtime
            .block_on(handle.import(block, Durability::Deferred))
            .map_err(|error: ImportError| refused(format!("number {number}: {error}")))?;
        count += 1;
        progress.at(count);
    }
    runtime.block_on(handle.flush()).map_err(Failure::runtime)?;
    drop(progress);
    let head = handle.head();
    print_line(&format!("imported {count} blocks, the head is {} {}", head.number, head.id));
    Ok(())
}

/// Reads one RLP list; none at the end of the file.
fn next_item(input: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let malformed = |reason: &'static str| io::Error::new(io::ErrorKind::InvalidData, reason);
    let mut bytes = vec![0; 1];
    if input.read(&mut bytes)? == 0 {
        return Ok(None);
    }
    let length_bytes = match bytes.first() {
        Some(short @ 0xc0..=0xf7) => {
            let length = usize::from(short - 0xc0);
            return read_payload(input, bytes, length).map(Some);
        }
        Some(long @ 0xf8..) => usize::from(long - 0xf7),
        _ => return Err(malformed("not a list of blocks")),
    };
    bytes.resize(1 + length_bytes, 0);
    input.read_exact(bytes.get_mut(1..).unwrap_or_default())?;
    let length = bytes.iter().skip(1).fold(0_usize, |length, byte| {
        length.saturating_mul(256).saturating_add(usize::from(*byte))
    });
    if length > BLOCK_BYTES_MAX {
        return Err(malformed("a block is too long"));
    }
    read_payload(input, bytes, length).map(Some)
}

fn read_payload(input: &mut impl Read, mut bytes: Vec<u8>, length: usize) -> io::Result<Vec<u8>> {
    let head = bytes.len();
    bytes.resize(head + length, 0);
    input.read_exact(bytes.get_mut(head..).unwrap_or_default())?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_read_one_by_one_and_a_torn_one_is_refused() {
        let (short, long) = (vec![0xc2, 1, 2], [vec![0xf8, 60], vec![7; 60]].concat());
        let file = [short.clone(), long.clone()].concat();
        let mut input = file.as_slice();
        assert_eq!(next_item(&mut input).unwrap(), Some(short));
        assert_eq!(next_item(&mut input).unwrap(), Some(long));
        assert_eq!(next_item(&mut input).unwrap(), None);
        let mut torn = file.get(..20).unwrap();
        next_item(&mut torn).unwrap();
        assert!(next_item(&mut torn).is_err());
        assert!(next_item(&mut [0x80_u8].as_slice()).is_err());
        assert!(next_item(&mut [0xff_u8; 20].as_slice()).is_err());
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_are_read_or_refused_and_items_are_what_was_there(
            bytes in proptest::collection::vec(proptest::arbitrary::any::<u8>(), 0..200),
        ) {
            let (mut input, mut read) = (bytes.as_slice(), Vec::new());
            while let Ok(Some(item)) = next_item(&mut input) {
                read.extend(item);
            }
            proptest::prop_assert!(bytes.starts_with(&read));
        }
    }
}
