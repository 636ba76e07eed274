//! The connection to the database is lost.

use std::ops::Bound;

use mbt_examples::storage::{PostgresError, Store};
use mbt_trie::{Durability, KeyValueRead, KeyValueStore, StoreError, testing::Blocks};

use crate::engines::{Engine, Place, postgresql, sql};

type Test = (&'static str, fn(Engine));

pub(crate) const TESTS: [Test; 4] = [
    ("a_lost_connection_is_made_again", a_lost_connection_is_made_again),
    ("a_snapshot_outlives_its_connection_until_the_next_write", a_snapshot_outlives_its_connection),
    ("snapshots_are_bounded_and_the_next_says_so", snapshots_are_bounded),
    ("an_address_that_is_not_private_is_refused", an_address_that_is_not_private_is_refused),
];

/// Ends all sessions of a store, as a restart of the server does.
fn end_sessions(place: &Place) {
    sql(&format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mbt {}'",
        place.schema()
    ));
}

fn reason(error: &StoreError) -> &PostgresError {
    let StoreError::Engine { source, .. } = error else { panic!("{error}") };
    source.downcast_ref().unwrap()
}

fn a_lost_connection_is_made_again(engine: Engine) {
    let place = Place::new(engine);
    let mut blocks = Blocks::new(7);
    let store = Store::open(&place.location()).unwrap();
    let mut number = 0;
    for _ in 0..6 {
        for _ in 0..3 {
            // A session that ends under a batch is told; the batch is then made again.
            while let Err(error) = blocks.commit(&store, number, Durability::Durable) {
                println!("{error}");
            }
            number += 1;
        }
        end_sessions(&place);
        assert_eq!(blocks.check(&store, Some(number - 1), Some(number - 1)), Some(number - 1));
    }
}

fn a_snapshot_outlives_its_connection(engine: Engine) {
    let place = Place::new(engine);
    let blocks = Blocks::new(8);
    let store = postgresql(&place.location());
    blocks.commit(&store, 0, Durability::Durable).unwrap();
    let snapshot = store.snapshot().unwrap();
    end_sessions(&place);
    assert_eq!(Blocks::head(&snapshot), Some(0));
    end_sessions(&place);
    while blocks.commit(&store, 1, Durability::Durable).is_err() {}
    let all = (Bound::Unbounded, Bound::Unbounded);
    let error = snapshot.iterate(mbt_trie::Column("test-head"), all).unwrap().next().unwrap();
    let error = error.unwrap_err();
    assert!(matches!(reason(&error), PostgresError::SnapshotLost), "{error}");
    assert_eq!(Blocks::head(&store.snapshot().unwrap()), Some(1));
}

fn snapshots_are_bounded(engine: Engine) {
    let place = Place::new(engine);
    let store = postgresql(&place.location());
    let held: Vec<_> = (0..16).map(|_| store.snapshot().unwrap()).collect();
    let error = store.snapshot().map(drop).unwrap_err();
    assert!(matches!(reason(&error), PostgresError::Busy { max: 16 }), "{error}");
    drop(held);
    store.snapshot().unwrap();
}

fn an_address_that_is_not_private_is_refused(engine: Engine) {
    let place = Place::new(engine);
    let mbt_examples::storage::Location::PostgreSql(settings) = place.location() else { panic!() };
    for url in ["postgresql://u:secret@192.0.2.1/d", "postgresql://localhost/d?sslmode=require"] {
        let settings = mbt_examples::storage::PostgresSettings {
            url: mbt_examples::storage::DatabaseUrl::new(url),
            ..settings.clone()
        };
        let error = mbt_examples::storage::PostgresStore::open(&settings).unwrap_err();
        assert!(matches!(reason(&error), PostgresError::Unencrypted { .. }), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
