//! No signature is checked twice, on whatever way a transaction comes into a block.

use mbt_account::SenderStatistics;
use mbt_examples::node::Origin;

use super::support::{address, eventually, head, mine, mine_many, node, start, transfer};

const COUNT: u64 = 20;

#[tokio::test(flavor = "multi_thread")]
async fn gossip_pool_and_block_check_each_signature_once() {
    let (a, b) = (node(), node());
    let first = start(&a, &[]).await;
    let second = start(&b, &[address(&first)]).await;
    eventually("they are connected", || second.peers().iter().any(|peer| peer.status.is_some()))
        .await;
    let batch: Vec<_> = (0..COUNT).map(|nonce| transfer(0, nonce)).collect();
    for outcome in a.handle().submit_many(batch, Origin::Local) {
        outcome.unwrap();
    }
    eventually("all are pooled at the other", || {
        b.handle().pool().lock().len() == usize::try_from(COUNT).unwrap()
    })
    .await;
    let statistics = || b.handle().senders().statistics();
    assert_eq!(statistics(), SenderStatistics { recovered: COUNT, reused: 0 });

    // A block of what is pooled, made here and taken there.
    let id = mine(a.handle()).await;
    eventually("the block is taken", || head(&b) == id).await;
    assert_eq!(statistics(), SenderStatistics { recovered: COUNT, reused: COUNT });

    // Transactions that come after their block are known as well.
    let block = a.handle().reader().snapshot().unwrap().block(&id).unwrap().unwrap();
    let again = block.transactions.iter().map(|transaction| transaction.signed().clone());
    assert!(b.handle().senders().recover_each(again).iter().all(Result::is_ok));
    assert_eq!(statistics(), SenderStatistics { recovered: COUNT, reused: 2 * COUNT });
    // The miner's transactions came with their senders, and its own block is not checked.
    assert_eq!(a.handle().senders().statistics(), SenderStatistics::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn sync_checks_each_signature_once_and_forgets_the_senders() {
    let (a, b) = (node(), node());
    mine_many(a.handle(), 30, 10, 0).await;
    let first = start(&a, &[]).await;
    let _second = start(&b, &[address(&first)]).await;
    eventually("the late node has the head", || head(&b) == head(&a)).await;
    let statistics = || b.handle().senders().statistics();
    assert_eq!(statistics(), SenderStatistics { recovered: 300, reused: 0 });
    let id = head(&a);
    let snapshot = a.handle().reader().snapshot().unwrap();
    let block = snapshot.block(&id).unwrap().unwrap();
    let body = snapshot.body_bytes(&id).unwrap().unwrap();
    assert_eq!(b.handle().senders().join_past(block.header.clone(), &body), Ok(block));
    assert_eq!(statistics(), SenderStatistics { recovered: 310, reused: 0 });
}
