//! `net_*` and `web3_*`.

use mbt_crypto::keccak256;

use super::{
    api::Api,
    method::{Answer, Method, answer},
    params::Params,
    types::hex::{count, hash},
};

/// Methods of this file.
pub(crate) const METHODS: &[Method] = &[
    Method::inline("net_version", 0, version),
    Method::inline("net_listening", 0, listening),
    Method::inline("net_peerCount", 0, peer_count),
    Method::inline("web3_clientVersion", 0, client_version),
    Method::inline("web3_sha3", 1, sha3),
];

fn version(api: &Api, _: &mut Params) -> Answer {
    answer(&api.node.chain_config().chain_id.to_string())
}

fn listening(api: &Api, _: &mut Params) -> Answer {
    answer(&api.network.is_some())
}

fn peer_count(api: &Api, _: &mut Params) -> Answer {
    answer(&count(api.network.as_ref().map_or(0, |network| network.peer_count())))
}

fn client_version(_: &Api, _: &mut Params) -> Answer {
    answer(&client_name())
}

/// Returns name, version and platform of this program.
pub(crate) fn client_name() -> String {
    format!(
        "mbt-chain/v{}/{}-{}/rust",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH
    )
}

fn sha3(_: &Api, params: &mut Params) -> Answer {
    let data: Vec<u8> = params.required("data")?;
    answer(&hash(keccak256(data)))
}
