//! `encrypt` and `decrypt`: files for the holder of a key, in pieces, so that they may be large.

use std::{
    fs::File,
    io::{BufReader, BufWriter, ErrorKind, Read, Write},
    path::Path,
};

use mbt_crypto::ecies::{CHUNK_BYTES, HEADER_BYTES, Opener, Sealer, TAG_BYTES};
use mbt_examples::exit::{Code, Failure};
use serde_json::json;
use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use super::{
    home::{beside, check_free, keep_new, public_key},
    keys::rng,
    output::{Wallet, file_failed},
};

/// What files are sealed for.
const CONTEXT: &[u8] = b"mbt-wallet file 1";

pub(crate) fn encrypt(
    wallet: &Wallet,
    to: &str,
    input: &Path,
    output: &Path,
) -> Result<(), Failure> {
    let recipient = match wallet.home.find(to)? {
        Some(account) => account.public_key,
        None => public_key(to).map_err(|reason| {
            let sentence = format!("\"{to}\" is no account of this wallet, and {reason}");
            Failure::new(Code::Usage, sentence)
        })?,
    };
    convert(wallet, input, output, |reader, writer| {
        let (mut sealer, header) =
            Sealer::new(&recipient, CONTEXT, &mut rng()).map_err(Failure::runtime)?;
        writer.write_all(&header).map_err(file_failed(output))?;
        let mut last = chunks(reader, input, CHUNK_BYTES, |chunk| {
            sealer.seal_next(chunk).map_err(Failure::runtime)?;
            writer.write_all(chunk).map_err(file_failed(output))
        })?;
        sealer.seal_last(&mut last).map_err(Failure::runtime)?;
        writer.write_all(&last).map_err(file_failed(output))
    })
}

pub(crate) fn decrypt(
    wallet: &Wallet,
    account: &str,
    input: &Path,
    output: &Path,
) -> Result<(), Failure> {
    check_free(output)?;
    let key = wallet.unlock(account)?;
    let refused = |error| Failure::runtime(format!("{}: {error}", input.display()));
    convert(wallet, input, output, |reader, writer| {
        let mut header = [0; HEADER_BYTES];
        reader.read_exact(&mut header).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => {
                Failure::runtime(format!("{} is no encrypted file: too short", input.display()))
            }
            _ => file_failed(input)(error),
        })?;
        let mut opener = Opener::new(&key, CONTEXT, &header).map_err(refused)?;
        let mut last = chunks(reader, input, CHUNK_BYTES + TAG_BYTES, |chunk| {
            opener.open_next(chunk).map_err(refused)?;
            writer.write_all(chunk).map_err(file_failed(output))
        })?;
        opener.open_last(&mut last).map_err(refused)?;
        writer.write_all(&last).map_err(file_failed(output))
    })
}

/// Writes `output` through a temporary file: it is there whole and authentic, or not at all.
fn convert(
    wallet: &Wallet,
    input: &Path,
    output: &Path,
    body: impl FnOnce(&mut BufReader<File>, &mut BufWriter<NamedTempFile>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    check_free(output)?;
    let mut reader = BufReader::new(File::open(input).map_err(file_failed(input))?);
    let mut writer = BufWriter::new(beside(output)?);
    body(&mut reader, &mut writer)?;
    let written = writer.into_inner().map_err(|error| file_failed(output)(error.into_error()))?;
    keep_new(written, output)?;
    wallet.print(&json!({ "file": output }), &[format!("{} written", output.display())]);
    Ok(())
}

/// Hands every whole chunk but the last to `each`, and returns the last.
fn chunks(
    reader: &mut impl Read,
    input: &Path,
    length: usize,
    mut each: impl FnMut(&mut Vec<u8>) -> Result<(), Failure>,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut next = || {
        let mut chunk = Zeroizing::new(Vec::with_capacity(length + TAG_BYTES));
        let limit = u64::try_from(length).unwrap_or(u64::MAX);
        reader.by_ref().take(limit).read_to_end(&mut chunk).map_err(file_failed(input))?;
        Ok::<_, Failure>(chunk)
    };
    let mut chunk = next()?;
    loop {
        let following = next()?;
        if following.is_empty() {
            return Ok(chunk);
        }
        each(&mut chunk)?;
        chunk = following;
    }
}
