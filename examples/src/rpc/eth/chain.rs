//! The chain as a whole.

use serde_json::json;

use crate::rpc::{
    api::Api,
    method::{Answer, Method, answer},
    params::Params,
    types::hex::quantity,
};

/// Methods of this file.
pub(crate) const METHODS: &[Method] = &[
    Method::inline("eth_chainId", 0, chain_id),
    Method::inline("eth_syncing", 0, syncing),
    Method::inline("eth_blockNumber", 0, block_number),
    Method::inline("eth_accounts", 0, accounts),
    Method::inline("eth_mining", 0, mining),
    Method::inline("eth_hashrate", 0, hashrate),
];

fn chain_id(api: &Api, _: &mut Params) -> Answer {
    answer(&quantity(api.node.chain_config().chain_id))
}

fn syncing(api: &Api, _: &mut Params) -> Answer {
    answer(&syncing_status(api))
}

/// Returns false, or where a node that is catching up stands.
pub(crate) fn syncing_status(api: &Api) -> serde_json::Value {
    let status = api.node.status();
    if !status.syncing {
        return serde_json::Value::Bool(false);
    }
    json!({
        "startingBlock": quantity(status.starting),
        "currentBlock": quantity(status.current),
        "highestBlock": quantity(status.highest),
    })
}

fn block_number(api: &Api, _: &mut Params) -> Answer {
    answer(&quantity(api.node.head().number))
}

fn accounts(_: &Api, _: &mut Params) -> Answer {
    answer(&[(); 0])
}

fn mining(api: &Api, _: &mut Params) -> Answer {
    answer(&api.node.status().mining)
}

fn hashrate(api: &Api, _: &mut Params) -> Answer {
    answer(&quantity(api.node.status().hashrate))
}
