//! `sign` and `verify`: messages (EIP-191) and documents (EIP-712).

use std::{borrow::Cow, fs, path::Path};

use mbt_crypto::{
    Address, H256, InvalidSignature, RecoveryPolicy, Signature,
    eip712::{TypedData, Value},
    message_hash,
};
use mbt_examples::exit::{Code, Failure};
use serde_json::json;

use super::{
    args::{SignCommand, VerifyCommand},
    output::{Wallet, file_failed},
    preview,
};

/// Most bytes of a message's or document's file.
const FILE_BYTES_MAX: u64 = 16 << 20;

pub(crate) fn sign(wallet: &Wallet, command: SignCommand) -> Result<(), Failure> {
    let (account, hash) = match command {
        SignCommand::Message { account, message } => {
            let message = message_bytes(&message)?;
            wallet.confirm(&[
                format!("{account} signs this message of {} bytes:", message.len()),
                format!("{:?}", String::from_utf8_lossy(&message)),
            ])?;
            (account, message_hash(&message))
        }
        SignCommand::Typed { account, file, allow_foreign_chain } => {
            let document = document(&file)?;
            if let Some(chain_id) = document.domain().chain_id {
                preview::check_chain(Some(chain_id), allow_foreign_chain)?;
            }
            let mut lines = vec![format!("{account} signs this document:")];
            describe(&document, &mut lines);
            wallet.confirm(&lines)?;
            (account, document.digest())
        }
    };
    let key = wallet.unlock(&account)?;
    let signature = format!("0x{}", hex::encode(key.sign(hash).to_rsv()));
    let signer = key.address().to_hex();
    let json = json!({ "signature": signature, "hash": text(hash), "signer": signer });
    wallet.print(&json, std::slice::from_ref(&signature));
    Ok(())
}

pub(crate) fn verify(wallet: &Wallet, command: VerifyCommand) -> Result<(), Failure> {
    let (account, hash, signature) = match command {
        VerifyCommand::Message { account, message, signature } => {
            (account, message_hash(&message_bytes(&message)?), signature)
        }
        VerifyCommand::Typed { account, file, signature } => {
            (account, document(&file)?.digest(), signature)
        }
    };
    let expected = wallet.address(&account)?;
    let signer = signer(&signature, hash).map_err(Failure::runtime)?;
    if signer != expected {
        let (signer, expected) = (wallet.show(signer)?, wallet.show(expected)?);
        return Err(Failure::runtime(format!("signed by {signer}, not by {expected}")));
    }
    let lines = [format!("signed by {}", wallet.show(signer)?)];
    wallet.print(&json!({ "valid": true, "signer": signer.to_hex(), "hash": text(hash) }), &lines);
    Ok(())
}

/// Returns who made a signature. Tools end it with 27 or 28, some with the parity alone.
fn signer(signature: &str, hash: H256) -> Result<Address, String> {
    let mut bytes = [0; 65];
    hex::decode_to_slice(signature.strip_prefix("0x").unwrap_or(signature), &mut bytes)
        .map_err(|_| "a signature is 130 hexadecimal digits".to_owned())?;
    let read = Signature::from_rsv(&bytes).or_else(|error| match error {
        InvalidSignature::Parity(0 | 1) => Signature::from_bytes(&bytes),
        other => Err(other),
    });
    read.and_then(|signature| signature.recover_address(hash, RecoveryPolicy::LowS))
        .map_err(|error| error.to_string())
}

fn text(hash: H256) -> String {
    format!("0x{}", hex::encode(hash.0))
}

fn message_bytes(message: &str) -> Result<Cow<'_, [u8]>, Failure> {
    match message.strip_prefix('@') {
        Some(file) => Ok(Cow::Owned(read(Path::new(file))?)),
        None => Ok(Cow::Borrowed(message.as_bytes())),
    }
}

fn document(file: &Path) -> Result<TypedData, Failure> {
    let refused =
        |reason: String| Failure::new(Code::Usage, format!("{}: {reason}", file.display()));
    let text = String::from_utf8(read(file)?).map_err(|_| refused("not UTF-8".to_owned()))?;
    TypedData::from_json(&text).map_err(|error| refused(error.to_string()))
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let length = fs::metadata(file).map_err(file_failed(file))?.len();
    if length > FILE_BYTES_MAX {
        let sentence = format!("{} has {length} bytes, at most {FILE_BYTES_MAX}", file.display());
        return Err(Failure::runtime(sentence));
    }
    fs::read(file).map_err(file_failed(file))
}

/// Shows every field that is signed.
fn describe(document: &TypedData, lines: &mut Vec<String>) {
    let domain = document.domain();
    if let Some(name) = &domain.name {
        lines.push(format!("  for application {name:?}"));
    }
    if let Some(version) = &domain.version {
        lines.push(format!("  of version {version:?}"));
    }
    match domain.chain_id {
        Some(chain_id) => lines.push(format!("  on chain {chain_id}")),
        None => lines.push("  on every chain".to_owned()),
    }
    if let Some(contract) = domain.verifying_contract {
        lines.push(format!("  with contract {}", contract.to_hex()));
    }
    if let Some(salt) = domain.salt {
        lines.push(format!("  salted with {}", text(salt)));
    }
    match document.message() {
        Value::Struct { type_name, members } => {
            lines.push(format!("  {type_name}"));
            for member in members {
                lines.push(format!("    {} {} = {}", member.type_name, member.name, member.value));
            }
        }
        other => lines.push(format!("  {other}")),
    }
}
