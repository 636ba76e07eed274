//! `key`: account keys in files that only their owner may read.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use mbt_crypto::{Network, SecretKey};
use mbt_examples::{
    exit::{Failure, print_line},
    network::key,
};

use super::{
    args::{KeyCommand, Settings},
    config,
};

/// Runs one of the commands.
pub(crate) fn run(settings: &Settings, command: KeyCommand) -> Result<(), Failure> {
    match command {
        KeyCommand::Generate { file } => generate(&file),
        KeyCommand::Inspect { file } => inspect(&file),
        KeyCommand::Peer => {
            let config = config(settings)?;
            fs::create_dir_all(&config.data).map_err(Failure::runtime)?;
            let pair = key::load_or_create(&config.data).map_err(Failure::runtime)?;
            print_line(&pair.public().to_peer_id().to_string());
            Ok(())
        }
    }
}

fn generate(file: &Path) -> Result<(), Failure> {
    let secret = libp2p::identity::secp256k1::Keypair::generate().secret().to_bytes();
    let key = SecretKey::from_bytes(secret).map_err(Failure::runtime)?;
    let failed = |error| Failure::runtime(format!("key file {}: {error}", file.display()));
    let mut out =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map_err(failed)?;
    writeln!(out, "{}", hex::encode(key.expose_bytes())).map_err(failed)?;
    out.sync_all().map_err(failed)?;
    show(&key);
    Ok(())
}

fn inspect(file: &Path) -> Result<(), Failure> {
    let failed =
        |reason: String| Failure::runtime(format!("key file {}: {reason}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| failed(error.to_string()))?;
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.trim().trim_start_matches("0x"), &mut bytes)
        .map_err(|_| failed("not 64 hexadecimal digits".to_owned()))?;
    let key = SecretKey::from_bytes(bytes).map_err(|error| failed(error.to_string()))?;
    show(&key);
    Ok(())
}

fn show(key: &SecretKey) {
    let address = key.address();
    print_line(&format!("address      {}", address.to_base58(Network::Main)));
    print_line(&format!("test address {}", address.to_base58(Network::Test)));
    print_line(&format!("hex          {}", address.to_hex()));
    print_line(&format!("public key   0x{}", hex::encode(key.public_key().to_compressed())));
}
