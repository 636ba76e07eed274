//! Addresses with a meaning in the protocol (SPEC 8), and the code that every genesis holds.

use mbt_crypto::Address;

/// Lots of locked coin.
pub const STAKE_LOCK: Address = contract(0x01);
/// The leagues' registry.
pub const LEAGUE_REGISTRY: Address = contract(0x02);
/// The public chain's arbiter of token to coin transfers.
pub const PAPC: Address = contract(0x03);
/// The public chain's arbiter of coin to token transfers.
pub const PAC: Address = contract(0x04);
/// Evidence of leagues.
pub const NOTARY: Address = contract(0x05);
/// The exchange.
pub const EXCHANGE: Address = contract(0x06);
/// Coin released over time.
pub const VESTING: Address = contract(0x07);
/// Claims of coin by holders of the old token.
pub const TOKEN_CLAIM: Address = contract(0x08);
/// Votes and committee.
pub const GOVERNANCE: Address = contract(0x09);
/// Receives what is left of the base fee. Its slot 0 counts all coin ever burned.
pub const COMMUNITY_POOL: Address = contract(0x0a);

/// First address of the precompiled contracts of this system.
pub const FIRST_PRECOMPILE: Address = precompile(0);

/// EIP-2935: ids of the last 8191 blocks, in the storage of this contract.
pub const HISTORY_STORAGE: Address = Address([
    0x00, 0x00, 0xf9, 0x08, 0x27, 0xf1, 0xc5, 0x3a, 0x10, 0xcb, 0x7a, 0x02, 0x33, 0x5b, 0x17, 0x53,
    0x20, 0x00, 0x29, 0x35,
]);

/// EIP-2935: blocks that the history storage remembers.
pub const HISTORY_SERVE_WINDOW: u64 = 8191;

/// EIP-2935: code of the history storage.
pub const HISTORY_STORAGE_CODE: [u8; 83] = *b"\x33\x73\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe\x14\x60\x46\x57\x60\x20\x36\x03\x60\x42\x57\x5f\x35\x60\x01\x43\x03\x81\x11\x60\x42\x57\x61\x1f\xff\x81\x43\x03\x11\x60\x42\x57\x61\x1f\xff\x90\x06\x54\x5f\x52\x60\x20\x5f\xf3\x5b\x5f\x5f\xfd\x5b\x5f\x35\x61\x1f\xff\x60\x01\x43\x03\x06\x55\x00";

/// The deterministic deployment proxy that tools expect on every chain.
pub const DEPLOYMENT_PROXY: Address = Address([
    0x4e, 0x59, 0xb4, 0x48, 0x47, 0xb3, 0x79, 0x57, 0x85, 0x88, 0x92, 0x0c, 0xa7, 0x8f, 0xbf, 0x26,
    0xc0, 0xb4, 0x95, 0x6c,
]);

/// Code of the deterministic deployment proxy.
pub const DEPLOYMENT_PROXY_CODE: [u8; 69] = *b"\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xe0\x36\x01\x60\x00\x81\x60\x20\x82\x37\x80\x35\x82\x82\x34\xf5\x80\x15\x15\x60\x39\x57\x81\x82\xfd\x5b\x80\x82\x52\x50\x50\x50\x60\x14\x60\x0c\xf3";

/// Returns the address of this system's precompiled contract `number`.
#[must_use]
pub const fn precompile(number: u8) -> Address {
    prefixed(1, number)
}

/// Returns the number of this system's precompiled contract at an address.
#[must_use]
pub fn precompile_number(address: &Address) -> Option<u8> {
    let number = address.0[19];
    (precompile(number) == *address).then_some(number)
}

const fn contract(number: u8) -> Address {
    prefixed(0, number)
}

const fn prefixed(high: u8, low: u8) -> Address {
    let mut bytes = [0; 20];
    bytes[16] = 0x4d;
    bytes[17] = 0x42;
    bytes[18] = high;
    bytes[19] = low;
    Address(bytes)
}

#[cfg(test)]
mod tests {
    use mbt_crypto::keccak256;

    use super::*;

    #[test]
    fn system_addresses_read_as_the_specification_writes_them() {
        assert!(COMMUNITY_POOL.to_hex().to_lowercase().ends_with("004d42000a"));
        assert!(FIRST_PRECOMPILE.to_hex().to_lowercase().ends_with("004d420100"));
        assert_eq!(precompile_number(&precompile(7)), Some(7));
        assert_eq!(precompile_number(&STAKE_LOCK), None);
    }

    /// The hashes that block explorers show for the two contracts.
    #[test]
    fn genesis_code_is_the_published_one() {
        let proxy = keccak256(DEPLOYMENT_PROXY_CODE);
        assert_eq!(
            hex::encode(proxy),
            "2fa86add0aed31f33a762c9d88e807c475bd51d0f52bd0955754b2608f7e4989"
        );
        let history = keccak256(HISTORY_STORAGE_CODE);
        assert_eq!(
            hex::encode(history),
            "6e49e66782037c0555897870e29fa5e552daf4719552131a0abce779daec0a5d"
        );
    }
}
