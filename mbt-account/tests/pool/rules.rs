//! Each rule of the pool.

use mbt_account::{
    Inserted, InvalidTransaction, Kind, Pool, PoolConfig, PoolError, PoolHead,
    RecoveredTransaction, SystemTransactions, Transaction, Unprotected,
    system::{ConsensusKind, Gateway, LeagueJoin, LeagueValidator, MicroProtocol, Payload},
};
use mbt_crypto::{SecretKey, U256};

use super::common::{CHAIN_ID, GWEI, HEAD, bounded, by, pays, rich, sender, transfer};

fn pool() -> Pool {
    Pool::new(PoolConfig::default())
}

fn refused(pool: &mut Pool, transaction: RecoveredTransaction) -> String {
    pool.insert(transaction, rich(5), &HEAD).unwrap_err().to_string()
}

#[test]
fn refusals_have_geths_words() {
    let mut pool = pool();
    let good = by(1, transfer(5, 10, 20));
    assert!(pool.insert(good.clone(), rich(5), &HEAD).unwrap().pending);
    assert_eq!(refused(&mut pool, good), "already known");
    let cases: [(Transaction, &str); 9] = [
        (transfer(4, 10, 20), "nonce too low: next nonce 5, tx nonce 4"),
        (transfer(u64::MAX, 10, 20), "nonce has max value"),
        (transfer(5, 10, 21), "replacement transaction underpriced"),
        (
            Transaction { gas_limit: 20_999, ..transfer(6, 10, 20) },
            "intrinsic gas too low: gas 20999, minimum needed 21000",
        ),
        (Transaction { gas_limit: 30_000_001, ..transfer(6, 10, 20) }, "exceeds block gas limit"),
        (
            Transaction { input: vec![1; 128 * 1024], ..transfer(6, 10, 20) },
            "oversized data: transaction size 131188, limit 131072",
        ),
        (
            Transaction { to: None, input: vec![1; 49_153], ..transfer(6, 10, 20) },
            "max initcode size exceeded: code size 49153, limit 49152",
        ),
        (
            Transaction { value: U256::MAX, ..transfer(6, 10, 20) },
            "insufficient funds for gas * price + value: ",
        ),
        (transfer(6, 0, 0), "transaction underpriced: gas fee cap 0, minimum needed 1000000000"),
    ];
    for (transaction, words) in cases {
        let text = refused(&mut pool, by(1, transaction));
        // The coin that is missing is shown behind the words.
        assert!(text == words || words.ends_with(' ') && text.starts_with(words), "{text}");
    }
    let other = Kind::Legacy { chain_id: Some(8), gas_price: GWEI.into() };
    assert_eq!(
        refused(&mut pool, by(1, Transaction { kind: other, ..transfer(6, 0, 0) })),
        format!("invalid sender: invalid chain id for signer: have 8 want {CHAIN_ID}")
    );
    assert_eq!(
        refused(&mut pool, by(1, transfer(6, 30, 20))),
        "max priority fee per gas higher than max fee per gas: \
         maxPriorityFeePerGas: 30000000000, maxFeePerGas: 20000000000"
    );
    assert_eq!(pool.status(), (1, 0));
}

#[test]
fn unprotected_transactions_are_taken_only_when_allowed() {
    let kind = Kind::Legacy { chain_id: None, gas_price: GWEI.into() };
    let keyless = by(1, Transaction { kind, ..transfer(0, 0, 0) });
    assert_eq!(
        pool().insert(keyless.clone(), rich(0), &HEAD).unwrap_err().to_string(),
        "only replay-protected (EIP-155) transactions allowed over RPC"
    );
    let config = PoolConfig { unprotected: Unprotected::Allow, ..PoolConfig::default() };
    assert!(Pool::new(config).insert(keyless, rich(0), &HEAD).is_ok());
}

#[test]
fn own_types_are_taken_only_where_they_mean_something() {
    let payload = Payload::from(league_join());
    let system = payload.system_type();
    let kind = Kind::System {
        system,
        chain_id: CHAIN_ID,
        max_priority_fee_per_gas: GWEI.into(),
        max_fee_per_gas: (2 * GWEI).into(),
        access_list: vec![],
    };
    let transaction = Transaction {
        kind,
        to: Some(system.contract()),
        gas_limit: 100_000,
        input: payload.encode(),
        ..transfer(0, 0, 0)
    };
    assert_eq!(
        pool().insert(by(1, transaction.clone()), rich(0), &HEAD).unwrap_err().to_string(),
        "transaction type not supported: 0x4a"
    );
    let config = PoolConfig { system: SystemTransactions::Allow, ..PoolConfig::default() };
    let mut open = Pool::new(config);
    let meaningless = Transaction { input: vec![], ..transaction.clone() };
    assert_eq!(
        open.insert(by(1, meaningless), rich(0), &HEAD).unwrap_err().to_string(),
        "payload: input ends inside an item"
    );
    assert!(open.insert(by(1, transaction), rich(0), &HEAD).unwrap().pending);
}

fn league_join() -> LeagueJoin {
    let public_key = SecretKey::from_bytes([1; 32]).unwrap().public_key();
    LeagueJoin {
        genesis_header: vec![0xc0],
        parameters: vec![],
        micro_protocol: MicroProtocol {
            chain_id: CHAIN_ID << 28 | 1,
            protocol_version: 1,
            consensus: ConsensusKind::Pbft,
            gateways: vec![Gateway { public_key, address: "/ip4/127.0.0.1".into() }],
        },
        validators: vec![LeagueValidator {
            public_key,
            pledge: U256::zero(),
            proof_of_possession: [0; 64],
        }],
    }
}

#[test]
fn least_tip_is_demanded() {
    let config = PoolConfig { tip_min: (2 * GWEI).into(), ..PoolConfig::default() };
    assert_eq!(
        Pool::new(config).insert(by(1, transfer(0, 1, 9)), rich(0), &HEAD).unwrap_err().to_string(),
        "transaction underpriced: gas tip cap 1000000000, minimum needed 2000000000"
    );
}

#[test]
fn replacement_needs_a_tenth_more_of_tip_and_of_cap() {
    let mut pool = pool();
    let first = by(1, transfer(0, 10, 20));
    pool.insert(first.clone(), rich(0), &HEAD).unwrap();
    for (tip, cap) in [(11, 21), (10, 22), (10, 40), (20, 21)] {
        assert_eq!(
            pool.insert(by(1, transfer(0, tip, cap)), rich(0), &HEAD),
            Err(PoolError::ReplacementUnderpriced)
        );
    }
    let second = by(1, transfer(0, 11, 22));
    assert_eq!(
        pool.insert(second.clone(), rich(0), &HEAD),
        Ok(Inserted { replaced: Some(first.hash()), evicted: vec![], pending: true })
    );
    assert!(!pool.contains(&first.hash()));
    assert_eq!(pool.get(&second.hash()), Some(&second));
    assert_eq!(pool.bytes(), second.encoded_length());
}

#[test]
fn gaps_wait_until_they_are_filled() {
    let mut pool = pool();
    for nonce in [2, 1, 4] {
        let inserted = pool.insert(by(1, transfer(nonce, 1, 9)), rich(0), &HEAD).unwrap();
        assert!(!inserted.pending);
    }
    assert_eq!(pool.pending_nonce(&sender(1)), Some(0));
    assert_eq!(pool.best(HEAD.base_fee).count(), 0);
    assert!(pool.insert(by(1, transfer(0, 1, 9)), rich(0), &HEAD).unwrap().pending);
    assert_eq!((pool.status(), pool.pending_nonce(&sender(1))), ((3, 1), Some(3)));
    assert_eq!(pool.pending().map(|tx| tx.nonce).collect::<Vec<_>>(), [0, 1, 2]);
    let content = pool.content_from(&sender(1));
    assert_eq!(content.queued.keys().collect::<Vec<_>>(), [&4]);
    let hash = content.pending[&1].hash();
    assert_eq!(pool.remove(&hash).map(|tx| tx.hash()), Some(hash));
    assert_eq!(pool.status(), (1, 2));
}

#[test]
fn best_is_by_effective_tip_then_arrival_and_by_nonce_within_a_sender() {
    let mut pool = pool();
    let order = [
        (1, transfer(0, 1, 9)),
        (1, transfer(1, 9, 20)),
        (2, transfer(0, 3, 9)),
        (3, transfer(0, 3, 9)),
        // The cap leaves less than the tip above the base fee below.
        (4, transfer(0, 3, 3)),
        // The cap does not cover it.
        (5, transfer(0, 1, 1)),
    ];
    for (byte, transaction) in order {
        pool.insert(by(byte, transaction), rich(0), &HEAD).unwrap();
    }
    let shown = |tx: RecoveredTransaction| (tx.sender().0[0], tx.nonce);
    let all: Vec<_> = pool.best((GWEI * 11 / 10).into()).map(shown).collect();
    assert_eq!(all, [(2, 0), (3, 0), (4, 0), (1, 0), (1, 1)]);
    let mut best = pool.best(HEAD.base_fee);
    let first = best.next().unwrap();
    let (second, third) = (best.next().unwrap(), best.next().unwrap());
    assert_eq!([shown(first), shown(second), shown(third.clone())], [(2, 0), (3, 0), (4, 0)]);
    let fourth = best.next().unwrap();
    best.reject(&fourth);
    assert_eq!(shown(fourth), (1, 0));
    assert_eq!(best.map(shown).collect::<Vec<_>>(), [(5, 0)]);
}

#[test]
fn full_pool_keeps_the_better_paying() {
    let mut pool = Pool::new(bounded(3, 10));
    let cheap = by(1, transfer(1, 1, 9));
    pool.insert(by(1, transfer(0, 8, 9)), rich(0), &HEAD).unwrap();
    pool.insert(cheap.clone(), rich(0), &HEAD).unwrap();
    pool.insert(by(2, transfer(0, 3, 9)), rich(0), &HEAD).unwrap();
    let words = |result: Result<Inserted, PoolError>| result.unwrap_err().to_string();
    let equal = pool.insert(by(3, transfer(0, 1, 9)), rich(0), &HEAD);
    assert_eq!(words(equal), "txpool is full");
    let cheaper = pool.insert(by(3, transfer(0, 0, 9)), rich(0), &HEAD);
    assert_eq!(words(cheaper), "transaction underpriced");
    let future = pool.insert(by(3, transfer(7, 8, 9)), rich(0), &HEAD);
    assert_eq!(words(future), "future transaction tries to replace pending");
    assert_eq!((pool.len(), pool.status()), (3, (3, 0)));
    let better = pool.insert(by(3, transfer(0, 2, 9)), rich(0), &HEAD).unwrap();
    assert_eq!(better, Inserted { replaced: None, evicted: vec![cheap.hash()], pending: true });
}

#[test]
fn eviction_takes_the_last_of_a_sender_and_opens_no_gap() {
    let mut pool = Pool::new(bounded(3, 10));
    for (nonce, tip) in [(0, 1), (1, 8), (2, 8)] {
        pool.insert(by(1, transfer(nonce, tip, 9)), rich(0), &HEAD).unwrap();
    }
    for byte in 2..=3 {
        pool.insert(by(byte, transfer(0, 2, 9)), rich(0), &HEAD).unwrap();
    }
    assert_eq!(pool.status(), (3, 0));
    assert_eq!(pool.content_from(&sender(1)).pending.keys().collect::<Vec<_>>(), [&0]);
}

#[test]
fn bytes_are_bounded_and_a_refused_newcomer_changes_nothing() {
    let size = by(1, transfer(0, 5, 20)).encoded_length();
    let config = PoolConfig { bytes_max: 3 * size, ..PoolConfig::default() };
    let mut pool = Pool::new(config);
    for (byte, tip) in [(1, 5), (2, 8), (3, 8)] {
        pool.insert(by(byte, transfer(0, tip, 20)), rich(0), &HEAD).unwrap();
    }
    let before = pool.content();
    // Room for it needs two others to leave, and only one of them pays less.
    let long = Transaction { input: vec![1; size], gas_limit: 100_000, ..transfer(0, 6, 20) };
    assert_eq!(pool.insert(by(4, long), rich(0), &HEAD), Err(PoolError::Underpriced));
    assert_eq!(pool.content(), before);
    assert_eq!((pool.bytes(), pool.len()), (3 * size, 3));
}

#[test]
fn one_sender_is_bounded_and_can_still_fill_its_gap() {
    let mut pool = Pool::new(bounded(100, 3));
    for nonce in [1, 2, 3] {
        pool.insert(by(1, transfer(nonce, 1, 9)), rich(0), &HEAD).unwrap();
    }
    assert_eq!(
        pool.insert(by(1, transfer(4, 1, 9)), rich(0), &HEAD).unwrap_err().to_string(),
        "account limit exceeded: pooled 3 txs"
    );
    let filled = pool.insert(by(1, transfer(0, 1, 9)), rich(0), &HEAD).unwrap();
    assert!(filled.pending && filled.evicted.len() == 1);
    assert_eq!(pool.status(), (3, 0));
}

#[test]
fn one_sender_cannot_queue_more_than_it_can_pay() {
    let mut pool = pool();
    pool.insert(by(1, transfer(0, 1, 9)), pays(0, 20), &HEAD).unwrap();
    pool.insert(by(1, transfer(1, 1, 9)), pays(0, 20), &HEAD).unwrap();
    let third = pool.insert(by(1, transfer(2, 1, 9)), pays(0, 20), &HEAD).unwrap_err();
    assert!(matches!(third, PoolError::Overdraft { .. }));
    let words = |error: PoolError| {
        error.to_string().split(':').nth(1).unwrap().replace(|c: char| c.is_ascii_digit(), "")
    };
    assert_eq!(words(third), " balance , queued cost , tx cost , overshot ");
    // One that waits for an earlier nonce is held to the same.
    let waiting = pool.insert(by(1, transfer(7, 1, 9)), pays(0, 20), &HEAD).unwrap_err();
    assert_eq!(third, waiting);
    let alone = pool.insert(by(2, transfer(0, 1, 21)), pays(0, 20), &HEAD).unwrap_err();
    assert_eq!(words(alone), " balance , tx cost , overshot ");
    assert!(alone.to_string().ends_with(&format!("overshot {}", 21_000 * GWEI)));
    // A replacement counts only what it costs more.
    assert!(pool.insert(by(1, transfer(1, 2, 11)), pays(0, 20), &HEAD).unwrap().pending);
}

#[test]
fn update_follows_the_chain() {
    let mut pool = pool();
    for nonce in 0..4 {
        pool.insert(by(1, transfer(nonce, 1, 9)), pays(0, 36), &HEAD).unwrap();
    }
    pool.insert(by(2, transfer(1, 1, 9)), rich(0), &HEAD).unwrap();
    pool.insert(by(3, Transaction { gas_limit: 50_000, ..transfer(0, 1, 9) }), rich(0), &HEAD)
        .unwrap();
    let head = PoolHead { gas_limit: 49_999, ..HEAD };
    // One of account 1 is mined and its coin pays for one more only; account 2's gap is closed.
    let updated = pool.update(&head, [(sender(1), pays(1, 10)), (sender(2), rich(1))]);
    assert_eq!((updated.dropped.len(), updated.promoted.len()), (2, 1));
    assert_eq!(pool.status(), (2, 2));
    assert_eq!(pool.pending_nonce(&sender(1)), Some(2));
    // A reorg takes the nonce back.
    pool.update(&head, [(sender(2), rich(0))]);
    assert_eq!(pool.pending_nonce(&sender(2)), Some(0));
    // All mined.
    pool.update(&head, [(sender(1), rich(4)), (sender(2), rich(2))]);
    assert!(pool.is_empty());
    assert_eq!((pool.bytes(), pool.senders().count()), (0, 0));
}

#[test]
fn mined_ones_do_not_return() {
    let mut pool = pool();
    pool.insert(by(1, transfer(0, 1, 9)), rich(0), &HEAD).unwrap();
    pool.update(&HEAD, [(sender(1), rich(1))]);
    assert!(matches!(
        pool.insert(by(1, transfer(0, 1, 9)), rich(1), &HEAD),
        Err(PoolError::Invalid(InvalidTransaction::NonceTooLow { next: 1, nonce: 0 }))
    ));
}

#[test]
fn a_burst_past_the_bound_is_refused_and_the_pool_drains() {
    let mut pool = Pool::new(bounded(1_000, 100));
    let mut full = 0;
    for nonce in 0..60 {
        for byte in 1..=20 {
            match pool.insert(by(byte, transfer(nonce, 1, 9)), rich(0), &HEAD) {
                Ok(_) => {}
                Err(error) => {
                    assert!(
                        ["txpool is full", "future transaction tries to replace pending"]
                            .contains(&error.to_string().as_str())
                    );
                    full += 1;
                }
            }
        }
    }
    assert_eq!((pool.len(), full, pool.status()), (1_000, 200, (1_000, 0)));
    pool.update(&HEAD, (1..=20).map(|byte| (sender(byte), rich(50))));
    assert!(pool.is_empty());
}
