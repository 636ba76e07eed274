//! Accounts, code, storage and proofs.

use mbt_account::{EMPTY_CODE_HASH, PublicAccount};
use mbt_crypto::{Address, H256, U256};
use mbt_trie::StateView;
use serde_json::json;

use crate::rpc::{
    api::Api,
    error::RequestError,
    method::{Answer, Method, answer},
    params::Params,
    types::{
        block_ref::{BlockRef, BlockTag},
        hex::{address as shown_address, hash, prefixed, quantity, word},
        param::Slot,
    },
};

/// Methods of this file.
pub(crate) const METHODS: &[Method] = &[
    Method::inline("eth_getBalance", 2, balance),
    Method::inline("eth_getCode", 2, code),
    Method::inline("eth_getStorageAt", 3, storage),
    Method::inline("eth_getTransactionCount", 2, transaction_count),
    Method::inline("eth_getAccount", 2, account),
    Method::inline("eth_getAccountInfo", 2, account_info),
    Method::read("eth_getProof", 3, proof),
];

/// Takes an account parameter and the block behind it, and reads the account.
fn read_account(
    api: &Api,
    params: &mut Params,
) -> Result<(Option<PublicAccount>, Vec<u8>), RequestError> {
    let address: Address = params.required("address")?;
    let block: BlockRef = params.optional("block")?.unwrap_or_default();
    let view = api.view()?;
    let number = view.find(block)?.number;
    let state = view.state(number)?;
    let account = state.account(&address)?;
    let code = match &account {
        Some(account) if account.code_hash != EMPTY_CODE_HASH => {
            state.code(&account.code_hash)?.to_vec()
        }
        _ => Vec::new(),
    };
    Ok((account, code))
}

fn balance(api: &Api, params: &mut Params) -> Answer {
    let (account, _) = read_account(api, params)?;
    answer(&quantity(account.map_or(U256::zero(), |account| account.balance)))
}

fn code(api: &Api, params: &mut Params) -> Answer {
    let (_, code) = read_account(api, params)?;
    answer(&prefixed(&code))
}

fn storage(api: &Api, params: &mut Params) -> Answer {
    let address: Address = params.required("address")?;
    let Slot(slot) = params.required("slot")?;
    let block: BlockRef = params.optional("block")?.unwrap_or_default();
    let view = api.view()?;
    let number = view.find(block)?.number;
    answer(&word(view.state(number)?.storage(&address, &slot)?))
}

fn transaction_count(api: &Api, params: &mut Params) -> Answer {
    let address: Address = params.required("address")?;
    let block: BlockRef = params.optional("block")?.unwrap_or_default();
    answer(&quantity(nonce_of(api, &address, block)?))
}

/// Returns an account's nonce; at `pending` with the pool's transactions counted.
pub(crate) fn nonce_of(api: &Api, address: &Address, block: BlockRef) -> Result<u64, RequestError> {
    let view = api.view()?;
    let number = view.find(block)?.number;
    let nonce = view.state(number)?.account(address)?.map_or(0, |account| account.nonce);
    if block == BlockRef::Tag(BlockTag::Pending) {
        let pooled = api.node.pool().lock().pending_nonce(address);
        return Ok(pooled.map_or(nonce, |pooled| pooled.max(nonce)));
    }
    Ok(nonce)
}

fn account(api: &Api, params: &mut Params) -> Answer {
    let (account, _) = read_account(api, params)?;
    answer(&account.map(|account| {
        json!({
            "nonce": quantity(account.nonce),
            "balance": quantity(account.balance),
            "codeHash": hash(account.code_hash),
            "storageRoot": hash(account.storage_root),
        })
    }))
}

fn account_info(api: &Api, params: &mut Params) -> Answer {
    let (account, code) = read_account(api, params)?;
    let account = account.unwrap_or_default();
    answer(&json!({
        "nonce": quantity(account.nonce),
        "balance": quantity(account.balance),
        "code": prefixed(&code),
    }))
}

fn proof(api: &Api, params: &mut Params) -> Answer {
    let address: Address = params.required("address")?;
    let slots: Vec<Slot> = params.required("slots")?;
    let block: BlockRef = params.optional("block")?.unwrap_or_default();
    let view = api.view()?;
    let number = view.find(block)?.number;
    let slots: Vec<H256> = slots.into_iter().map(|slot| slot.0).collect();
    let proof = view.chain().prove(number, &address, &slots)?;
    let storage: Vec<_> = proof
        .storage_proofs
        .iter()
        .map(|entry| {
            json!({
                "key": hash(entry.slot),
                "value": quantity(entry.value),
                "proof": nodes(&entry.proof),
            })
        })
        .collect();
    let account = proof.account.unwrap_or_default();
    answer(&json!({
        "address": shown_address(address),
        "accountProof": nodes(&proof.account_proof),
        "balance": quantity(account.balance),
        "codeHash": hash(account.code_hash),
        "nonce": quantity(account.nonce),
        "storageHash": hash(account.storage_root),
        "storageProof": storage,
    }))
}

fn nodes(proof: &[Vec<u8>]) -> Vec<String> {
    proof.iter().map(|node| prefixed(node)).collect()
}
