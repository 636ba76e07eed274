//! Rings, thresholds and the change of epochs.

use mbt_crypto::{
    U256,
    proxy::{
        InvalidScope, OpenError, Scope, Terms, ThresholdError, Thresholds, TransferError,
        WarrantBook,
    },
};

use crate::world::{EPOCH, World, key, memberships, terms};

#[test]
fn default_thresholds_are_over_seventy_percent_and_a_third() {
    for members in 1..=256_u16 {
        let thresholds = Thresholds::for_ring(members).unwrap();
        assert!(u32::from(thresholds.principals) * 10 > u32::from(members) * 7);
        assert!((u32::from(thresholds.principals) - 1) * 10 <= u32::from(members) * 7);
        assert_eq!(thresholds.proxies, members / 3 + 1);
    }
}

#[test]
fn zero_thresholds_never_open_an_epoch() {
    let ring = memberships(&[key(0), key(1), key(2), key(3)], &terms(), EPOCH);
    let open = |principals, proxies| {
        WarrantBook::open(terms(), EPOCH, &ring, Thresholds { principals, proxies }).map(drop)
    };
    for (principals, proxies) in [(0, 0), (0, 2), (3, 0)] {
        assert_eq!(open(principals, proxies), Err(ThresholdError::Zero.into()));
    }
    assert_eq!(open(5, 2), Err(ThresholdError::AboveRing { threshold: 5, members: 4 }.into()));
    assert_eq!(open(3, 5), Err(ThresholdError::AboveRing { threshold: 5, members: 4 }.into()));
    assert_eq!(open(2, 2), Err(ThresholdError::TooFewPrincipals { threshold: 2, least: 3 }.into()));
    for (principals, proxies) in [(3, 1), (3, 2), (4, 4)] {
        assert_eq!(open(principals, proxies), Ok(()));
    }
    assert_eq!(
        Thresholds::for_ring(0),
        Err(ThresholdError::AboveRing { threshold: 1, members: 0 })
    );
}

#[test]
fn rings_have_one_to_256_members_and_windows_a_length() {
    let keys: Vec<_> = (0..257).map(key).collect();
    let thresholds = Thresholds::for_ring(256).unwrap();
    let ring = memberships(&keys, &terms(), EPOCH);
    for members in [0, 257] {
        assert_eq!(
            WarrantBook::open(terms(), EPOCH, &ring[..members], thresholds),
            Err(OpenError::RingLength { members, max: 256 })
        );
    }
    assert!(WarrantBook::open(terms(), EPOCH, &ring[..256], thresholds).is_ok());
    let terms = Terms { window: 0, ..terms() };
    assert_eq!(
        WarrantBook::open(terms, EPOCH, &ring[..256], thresholds),
        Err(OpenError::ZeroWindow)
    );
}

#[test]
fn the_last_member_of_a_full_ring_counts() {
    let mut world = World::of(256);
    for delegator in 0..255 {
        world.register(&world.warrant(delegator, 255));
    }
    let (principals, root) = world
        .book
        .principals_of(world.address(255), crate::world::payout(), 40.into(), 10)
        .unwrap();
    assert_eq!(principals, U256::MAX >> 1);
    let mut ops = vec![world.op(255, &[], 1, 40)];
    (ops[0].principals, ops[0].warrant_root) = (principals, root);
    ops.extend((0..85).map(|proxy| world.op(proxy, &[], 1, 40)));
    let authorisation = world.book.apply(&world.signed(&ops), 10).unwrap();
    assert_eq!(authorisation.covered, U256::MAX);
}

#[test]
fn warrants_die_with_their_epoch_and_transfers_do_not() {
    let mut world = World::of_four();
    let old = world.sign_warrant(&world.warrant(2, 0));
    let signed_before = world.transfer(2, 40);
    for id in [1, 3, 4] {
        world.book.apply(&world.transfer(id, 40), 10).unwrap();
    }
    let thresholds = Thresholds::for_ring(4).unwrap();
    let ring = memberships(&world.keys, &terms(), EPOCH + 1);
    let before = world.book.clone();
    let stale = memberships(&world.keys, &terms(), EPOCH);
    assert!(matches!(
        world.book.open_next(&stale, thresholds, 20),
        Err(OpenError::WrongEpoch { .. })
    ));
    assert_eq!(
        world.book.open_next(&ring, thresholds, 9),
        Err(OpenError::HeightFell { seen: 9, last: 10 })
    );
    assert!(world.book == before);
    world.book.open_next(&ring, thresholds, 20).unwrap();

    assert_eq!(world.book.warrant(world.address(2), world.address(0)), None);
    assert!(world.book.register(&old, &crate::world::scope(), 20).is_err());
    assert!(matches!(
        world.book.check(&signed_before, 20),
        Err(TransferError::WrongEpoch { index: 0, seen: EPOCH, .. })
    ));
    // A new epoch's warrants neither repeat a transfer nor start a new window.
    world.register_at(2, 0, 20);
    assert!(matches!(
        world.book.check(&world.transfer(1, 40), 20),
        Err(TransferError::AlreadyMade { .. })
    ));
    assert!(matches!(
        world.book.check(&world.transfer(5, 1), 20),
        Err(TransferError::AboveWindowCap { .. })
    ));
    assert!(world.book.check(&world.transfer(5, 1), 200).is_ok());
}

#[test]
fn the_last_epoch_has_no_successor() {
    let keys = [key(0)];
    let thresholds = Thresholds { principals: 1, proxies: 1 };
    let ring = memberships(&keys, &terms(), u64::MAX);
    let mut book = WarrantBook::open(terms(), u64::MAX, &ring, thresholds).unwrap();
    assert_eq!(book.open_next(&ring, thresholds, 1), Err(OpenError::LastEpoch));
}

#[test]
fn scopes_ascend_and_are_bounded() {
    let kind = |byte| mbt_crypto::H256([byte; 32]);
    assert_eq!(Scope::new(vec![]), Err(InvalidScope::Length { kinds: 0, max: 16 }));
    assert_eq!(Scope::new(vec![kind(1), kind(1)]), Err(InvalidScope::NotAscending { index: 1 }));
    assert_eq!(Scope::new(vec![kind(2), kind(1)]), Err(InvalidScope::NotAscending { index: 1 }));
    assert!(Scope::new((0..16).map(kind).collect()).is_ok());
    assert_eq!(
        Scope::new((0..17).map(kind).collect()),
        Err(InvalidScope::Length { kinds: 17, max: 16 })
    );
}
