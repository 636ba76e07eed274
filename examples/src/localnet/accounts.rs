//! The funded accounts of a development network, as they are printed.

use mbt_crypto::Network;
use mbt_vm::development::{ACCOUNTS, MNEMONIC};

/// A funded account, in all notations.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Account {
    /// Base58Check.
    pub address: String,
    /// 0x-hex with EIP-55's capitals.
    pub hex: String,
    /// The secret key, 0x-hex. Everybody knows it.
    pub private_key: String,
}

/// Returns the funded accounts.
#[must_use]
pub fn accounts() -> Vec<Account> {
    let write = |account: &mbt_vm::development::DevelopmentAccount| Account {
        address: account.address.to_base58(Network::Test),
        hex: account.address.to_hex(),
        private_key: format!("0x{}", hex::encode(account.private_key)),
    };
    ACCOUNTS.iter().map(write).collect()
}

/// Returns the lines that show the accounts to a person.
#[must_use]
pub fn table() -> Vec<String> {
    let mut lines = vec![
        "Accounts (10,000 MBTC each; everybody knows these keys, use them for development only)"
            .to_owned(),
    ];
    for (index, account) in accounts().iter().enumerate() {
        lines.push(format!("  ({index}) {}  {}", account.hex, account.address));
        lines.push(format!("      {}", account.private_key));
    }
    lines.push(format!("Mnemonic: {MNEMONIC}  (m/44'/60'/0'/0/i)"));
    lines
}
