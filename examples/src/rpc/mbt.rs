//! `mbt_*`: what Ethereum's clients do not know, and `admin_*`: commands of the operator.

use std::sync::Arc;

use mbt_account::PUBLIC_CHAIN_ID;
use mbt_consensus::BlockId;
use mbt_crypto::{Address, H256, Network};
use mbt_trie::StateView;
use serde_json::json;

use super::{
    api::Api,
    error::RequestError,
    method::{Answer, Method, answer},
    net::client_name,
    params::Params,
    types::{
        block_ref::BlockRef,
        hex::{address as shown_address, count, hash, quantity, word},
    },
};

/// Methods of this file.
pub(crate) const METHODS: &[Method] = &[
    Method::inline("mbt_getAccount", 2, account),
    Method::inline("mbt_parseAddress", 1, parse_address),
    Method::inline("mbt_chainInfo", 0, chain_info),
    Method::inline("mbt_nodeStatus", 0, node_status),
    Method::inline("mbt_refusedReorg", 0, refused_reorg),
];

/// Tells the node to take a branch that it refused for its depth.
pub(crate) const ACCEPT_REORG: &str = "admin_acceptReorg";

/// Addresses are written for the main network on the public chain, else for test networks.
fn network(api: &Api) -> Network {
    if api.node.chain_config().chain_id == PUBLIC_CHAIN_ID { Network::Main } else { Network::Test }
}

fn account(api: &Api, params: &mut Params) -> Answer {
    let address: Address = params.required("address")?;
    let block: BlockRef = params.optional("block")?.unwrap_or_default();
    let view = api.view()?;
    let block = view.find(block)?;
    let account = view.state(block.number)?.account(&address)?;
    let exists = account.is_some();
    let account = account.unwrap_or_default();
    answer(&json!({
        "address": address.to_base58(network(api)),
        "hexAddress": address.to_hex(),
        "exists": exists,
        "blockNumber": quantity(block.number),
        "nonce": quantity(account.nonce),
        "balance": quantity(account.balance),
        "storageRoot": hash(account.storage_root),
        "codeHash": hash(account.code_hash),
        "leagueMicroProtocol": account.league.map(|league| hash(league.micro_protocol)),
        "leagueGenesisRoot": account.league.map(|league| hash(league.genesis_root)),
    }))
}

fn parse_address(_: &Api, params: &mut Params) -> Answer {
    let address: Address = params.required("address")?;
    answer(&json!({
        "hex": address.to_hex(),
        "main": address.to_base58(Network::Main),
        "test": address.to_base58(Network::Test),
        "bytes": shown_address(address),
    }))
}

fn chain_info(api: &Api, _: &mut Params) -> Answer {
    let config = api.node.chain_config();
    let view = api.view()?;
    let head = view.head();
    answer(&json!({
        "chainId": quantity(config.chain_id),
        "genesis": hash(view.chain().genesis_id().0),
        "intervalSeconds": config.interval_s,
        "reorgDepthMax": config.max_reorg,
        "head": {
            "number": quantity(head.number),
            "hash": hash(head.id.0),
            "timestamp": quantity(head.timestamp),
            "target": word(head.target),
            "totalWork": quantity(head.total_work),
        },
        "safe": quantity(view.chain().safe()),
        "finalized": quantity(view.chain().finalized()),
    }))
}

fn node_status(api: &Api, _: &mut Params) -> Answer {
    let status = api.node.status();
    let (pending, queued) = api.node.pool().lock().status();
    answer(&json!({
        "client": client_name(),
        "peerId": api.network.as_ref().map(|network| network.peer_id().to_string()),
        "peers": api.network.as_ref().map_or(0, |network| network.peer_count()),
        "syncing": status.syncing,
        "currentBlock": quantity(status.current),
        "highestBlock": quantity(status.highest),
        "pool": { "pending": count(pending), "queued": count(queued) },
        "clock": api.node.now(),
    }))
}

fn refused_reorg(api: &Api, _: &mut Params) -> Answer {
    answer(&api.node.refused_reorg().map(|branch| {
        json!({
            "hash": hash(branch.id.0),
            "number": quantity(branch.number),
            "totalWork": quantity(branch.total_work),
        })
    }))
}

/// Takes the branch that was refused.
pub(crate) async fn accept_reorg(api: Arc<Api>, json: Option<String>) -> Answer {
    let mut params = Params::parse(json.as_deref(), 1)?;
    let id = BlockId(params.required::<H256>("blockHash")?);
    let change = api
        .node
        .accept_reorg(id)
        .await
        .map_err(|error| RequestError::Refused(error.to_string()))?;
    let ids = |blocks: &[BlockId]| blocks.iter().map(|id| hash(id.0)).collect::<Vec<_>>();
    answer(&json!({ "retired": ids(&change.retired), "adopted": ids(&change.adopted) }))
}
