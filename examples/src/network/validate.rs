//! What peers gossip is checked before it is passed on.

use std::sync::Arc;

use libp2p::gossipsub::MessageAcceptance;
use mbt_account::{RecoveredTransaction, SignedTransaction};
use mbt_consensus::{
    Block, BlockId, BodyError, ImportError, InvalidBlock, InvalidHeader, RawBlock,
};
use mbt_trie::Durability;

use super::{Fault, gossip::TransactionBundle};
use crate::node::{NodeHandle, Origin};

/// What becomes of a gossiped message.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) acceptance: MessageAcceptance,
    /// What the peer that passed it on did wrong.
    pub(super) fault: Option<Fault>,
    /// Whether the peer has blocks that are unknown here.
    pub(super) ahead: bool,
}

impl Verdict {
    pub(super) const ACCEPT: Self =
        Self { acceptance: MessageAcceptance::Accept, fault: None, ahead: false };
    pub(super) const IGNORE: Self =
        Self { acceptance: MessageAcceptance::Ignore, fault: None, ahead: false };
    const AHEAD: Self = Self { acceptance: MessageAcceptance::Ignore, fault: None, ahead: true };

    const fn reject(fault: Fault) -> Self {
        Self { acceptance: MessageAcceptance::Reject, fault: Some(fault), ahead: false }
    }
}

/// Checks a block by all rules that need no execution: its header's, work included, then that the
/// body is the header's and signed. The header stays in the chain; what is returned beside the
/// verdict is the block to import when it is accepted.
pub(super) async fn block(node: &NodeHandle, bytes: &[u8]) -> (Verdict, Option<Block>) {
    let Ok(raw) = RawBlock::decode(bytes) else {
        return (Verdict::reject(Fault::Garbage), None);
    };
    let id = raw.header.id();
    match is_known(node, &id) {
        Ok(false) => {}
        Ok(true) | Err(_) => return (Verdict::IGNORE, None),
    }
    if let Err(error) = node.import_headers(vec![raw.header.clone()]).await {
        return (refused_header(&error.reason), None);
    }
    let senders = node.clone();
    match tokio::task::spawn_blocking(move || senders.senders().join(raw)).await {
        Ok(Ok(block)) => (Verdict::ACCEPT, Some(block)),
        Ok(Err(BodyError::Invalid(proof))) => {
            node.mark_invalid(proof).await;
            (Verdict::reject(Fault::InvalidBlock), None)
        }
        Ok(Err(_)) => (Verdict::reject(Fault::InvalidBody), None),
        Err(_) => (Verdict::IGNORE, None),
    }
}

fn refused_header(reason: &ImportError) -> Verdict {
    match reason {
        // The peer may have passed the ancestor on before either of us executed it.
        ImportError::Invalid(InvalidBlock::Header(InvalidHeader::KnownInvalid(_))) => {
            Verdict::IGNORE
        }
        ImportError::Invalid(_) => Verdict::reject(Fault::InvalidHeader),
        ImportError::ParentUnknown(_) | ImportError::TooFarAhead { .. } => Verdict::AHEAD,
        _ => Verdict::IGNORE,
    }
}

/// Gives an accepted block to the chain. That it turns out invalid is nobody's fault but its
/// miner's: like this node, peers pass blocks on when their work is checked, before execution.
pub(super) async fn import(node: &NodeHandle, block: Block) {
    let (number, id) = (block.header.number, block.header.id());
    match node.import(block, Durability::Durable).await {
        Ok(_) => {}
        Err(error) if error.is_peers_fault() => {
            tracing::warn!(number, %id, %error, "invalid block");
        }
        Err(error) => tracing::debug!(number, %id, %error, "block not imported"),
    }
}

fn is_known(node: &NodeHandle, id: &BlockId) -> Result<bool, mbt_trie::StoreError> {
    let snapshot = node.reader().snapshot()?;
    Ok(snapshot.body_bytes(id)?.is_some())
}

/// Checks a bundle of transactions: form, signatures, chain, and the pool's rules.
pub(super) fn bundle(node: &NodeHandle, bytes: &[u8]) -> Verdict {
    match TransactionBundle::decode(bytes) {
        Ok(bundle) => transactions(node, &bundle.0),
        Err(_) => Verdict::reject(Fault::Garbage),
    }
}

/// Checks transactions and puts them into the pool. They may be passed on when the pool took one.
pub(super) fn transactions(node: &NodeHandle, encodings: &[Vec<u8>]) -> Verdict {
    let Some(unknown) = decode_unknown(node, encodings) else {
        return Verdict::reject(Fault::InvalidTransaction);
    };
    let recovered: Result<Vec<RecoveredTransaction>, _> =
        node.senders().recover_each(unknown).into_iter().collect();
    let Ok(recovered) = recovered else {
        return Verdict::reject(Fault::InvalidTransaction);
    };
    let outcomes = node.submit_many(recovered, Origin::Peer);
    if outcomes.iter().any(Result::is_ok) { Verdict::ACCEPT } else { Verdict::IGNORE }
}

/// Decodes the transactions that the pool does not hold. None when one is malformed or signed for
/// another chain.
fn decode_unknown(node: &NodeHandle, encodings: &[Vec<u8>]) -> Option<Vec<Arc<SignedTransaction>>> {
    let chain_id = node.chain_config().chain_id;
    let mut decoded = Vec::with_capacity(encodings.len());
    for bytes in encodings {
        let transaction = SignedTransaction::decode(bytes).ok()?;
        if transaction.chain_id().is_some_and(|signed_for| signed_for != chain_id) {
            return None;
        }
        decoded.push(Arc::new(transaction));
    }
    let pool = node.pool().lock();
    decoded.retain(|transaction| !pool.contains(&transaction.hash()));
    Some(decoded)
}
