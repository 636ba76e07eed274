//! The pool behind a head that moves to another branch.

use mbt_account::SenderStatistics;
use mbt_examples::node::Origin;
use mbt_trie::Durability;

use super::support::{head, mine, node, transfer};

#[tokio::test]
async fn transactions_of_a_retired_block_are_pooled_again() {
    let (a, b) = (node(), node());
    let (only_here, on_both) = (transfer(0, 0), transfer(1, 0));
    for transaction in [&only_here, &on_both] {
        a.handle().submit(transaction.clone(), Origin::Local).unwrap();
    }
    mine(a.handle()).await;
    let status = || a.handle().pool().lock().status();
    assert_eq!(status(), (0, 0));

    // A longer branch holds one of the two.
    b.handle().submit(on_both.clone(), Origin::Local).unwrap();
    for _ in 0..3 {
        mine(b.handle()).await;
    }
    let branch = b.handle().reader().snapshot().unwrap();
    for number in 1..=3 {
        let id = branch.id_at(number).unwrap().unwrap();
        let block = branch.block(&id).unwrap().unwrap();
        a.handle().import(block, Durability::Deferred).await.unwrap();
    }
    assert_eq!(head(&a), head(&b));
    assert_eq!(status(), (1, 0));
    assert!(a.handle().pool().lock().contains(&only_here.hash()));
    // It came back with its sender.
    assert_eq!(a.handle().senders().statistics(), SenderStatistics::default());

    mine(a.handle()).await;
    assert_eq!(status(), (0, 0));
}
