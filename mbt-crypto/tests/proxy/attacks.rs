//! The known attacks on proxy signatures and bridges, each refused.

use mbt_crypto::{
    Address, H256, InvalidSignature, Signature, U256,
    eip191::sign_message,
    eip712::{Domain, TypedStruct},
    keccak256,
    proxy::{
        Membership, OpenError, ProxyOp, RegisterError, RevokeError, Scope, Signed, Terms,
        Thresholds, TransferError, Warrant, WarrantBook, domain, op_kind,
    },
};

use crate::world::{EPOCH, World, key, memberships, payout, scope, terms};

/// The order of secp256k1.
fn order() -> U256 {
    "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141".parse().unwrap()
}

fn malleated(signature: &Signature) -> Signature {
    let s = order() - U256::from_big_endian(&signature.s);
    Signature { s: s.to_big_endian(), y_parity: !signature.y_parity, ..*signature }
}

/// Refuses `operations` and shows that nothing changed.
fn refused(world: &mut World, operations: &[Signed<ProxyOp>], height: u64) -> TransferError {
    let before = world.book.clone();
    let error = world.book.apply(operations, height).unwrap_err();
    assert!(world.book == before);
    error
}

fn register(world: &mut World, warrant: &Signed<Warrant>, height: u64) -> RegisterError {
    let before = world.book.clone();
    let error = world.book.register(warrant, &scope(), height).unwrap_err();
    assert!(world.book == before);
    error
}

#[test]
fn original_signer_cannot_sign_for_its_proxy() {
    let mut world = World::of_four();
    // Member 2, who delegated to 0, makes the operation itself.
    let mut operations = world.transfer(1, 40);
    let forged = operations.iter_mut().find(|op| op.message.proxy == world.address(0)).unwrap();
    *forged = Signed::new(&world.keys[2], world.book.domain(), forged.message);
    let expected = (world.address(2), world.address(0));
    let error = refused(&mut world, &operations, 10);
    let TransferError::Signature {
        source: InvalidSignature::WrongSigner { recovered, expected: proxy },
        ..
    } = error
    else {
        panic!("{error}")
    };
    assert_eq!((recovered, proxy), expected);
}

#[test]
fn rogue_key_without_possession_does_not_enter_the_ring() {
    let keys: Vec<_> = (0..4).map(key).collect();
    let thresholds = Thresholds::for_ring(4).unwrap();
    let mut ring = memberships(&keys, &terms(), EPOCH);
    // The fourth claims an address that it made from another's key and cannot sign with.
    let claimed = Membership { member: key(9).address(), ..ring[3].message };
    ring[3] = Signed::new(&keys[3], &domain(terms().public_chain_id, terms().papc), claimed);
    assert!(matches!(
        WarrantBook::open(terms(), EPOCH, &ring, thresholds),
        Err(OpenError::NotPossessed { index: 3, source: InvalidSignature::WrongSigner { .. } })
    ));
    // Nor does a proof for another epoch or league.
    ring[3] = memberships(&keys, &terms(), EPOCH - 1)[3];
    assert!(matches!(
        WarrantBook::open(terms(), EPOCH, &ring, thresholds),
        Err(OpenError::WrongEpoch { index: 3, .. })
    ));
    ring[3].message.epoch = EPOCH;
    assert!(matches!(
        WarrantBook::open(terms(), EPOCH, &ring, thresholds),
        Err(OpenError::NotPossessed { index: 3, .. })
    ));
    ring[3].message.league = Address::ZERO;
    assert!(matches!(
        WarrantBook::open(terms(), EPOCH, &ring, thresholds),
        Err(OpenError::WrongLeague { index: 3, .. })
    ));
}

#[test]
fn duplicate_member_does_not_enter_the_ring() {
    let keys = [key(0), key(1), key(0), key(3)];
    assert_eq!(
        WarrantBook::open(
            terms(),
            EPOCH,
            &memberships(&keys, &terms(), EPOCH),
            Thresholds::for_ring(4).unwrap()
        ),
        Err(OpenError::DuplicateMember { member: key(0).address() })
    );
}

#[test]
fn roles_are_not_confused() {
    let mut world = World::of_four();
    world.book.revoke(&world.revocation(2, 0, 5)).unwrap();
    let warrant = Warrant { serial: 6, ..world.warrant(2, 0) };
    let operation = world.op(2, &[3], 1, 40);
    let warrant_digest = world.book.domain().digest(&warrant);
    let as_warrant = |signature| Signed { message: warrant, signature };
    // A signed operation, message, transaction, membership or revocation offered as a warrant.
    let transaction = keccak256([&[0x02, 0xf8][..], warrant.hash_struct().as_bytes()].concat());
    let others = [
        world.sign(&operation).signature,
        sign_message(&world.keys[2], warrant_digest.as_bytes()),
        sign_message(&world.keys[2], warrant.hash_struct().as_bytes()),
        world.keys[2].sign(transaction),
        world.keys[2].sign(warrant.hash_struct()),
        memberships(&world.keys, &terms(), EPOCH)[2].signature,
        world.revocation(2, 0, 6).signature,
    ];
    for signature in others {
        let error = register(&mut world, &as_warrant(signature), 10);
        assert!(matches!(error, RegisterError::Signature(_)), "{error}");
    }
    // The reverse: a warrant's or a message's signature offered as an operation's.
    let operations = world.signed(&[world.op(1, &[3], 1, 40), operation]);
    let index = operations.iter().position(|op| op.message.proxy == world.address(2)).unwrap();
    assert!(world.book.check(&operations, 10).is_ok());
    let digest = world.book.domain().digest(&operation);
    for signature in [
        world.sign_warrant(&warrant).signature,
        sign_message(&world.keys[2], digest.as_bytes()),
        world.keys[2].sign(operation.hash_struct()),
    ] {
        let mut operations = operations.clone();
        operations[index].signature = signature;
        let error = refused(&mut world, &operations, 10);
        assert!(matches!(error, TransferError::Signature { .. }), "{error}");
    }
}

#[test]
fn delegated_power_is_not_delegated_on() {
    let mut world = World::of(4);
    world.register(&world.warrant(2, 0));
    world.register(&world.warrant(0, 1));
    // 1 holds 0's warrant, and 0 holds 2's, but 1 does not speak for 2.
    let operations = world.signed(&[world.op(1, &[0, 2], 1, 40), world.op(0, &[2], 1, 40)]);
    let expected =
        TransferError::NoWarrant { principal: world.address(2), proxy: world.address(1) };
    assert_eq!(refused(&mut world, &operations, 10), expected);
    // 0 cannot make a warrant of 2 for 1.
    let forged = Signed::new(&world.keys[0], world.book.domain(), world.warrant(2, 1));
    assert!(matches!(register(&mut world, &forged, 10), RegisterError::Signature(_)));
}

#[test]
fn warrants_are_not_stripped_or_exchanged() {
    let mut world = World::of_four();
    let signed_under_the_narrow = world.transfer(1, 40);
    // 2 replaces its warrant by a wider one: what was signed under the old one does not count.
    world.register(&Warrant { serial: 2, per_tx_cap: 100.into(), ..world.warrant(2, 0) });
    let error = refused(&mut world, &signed_under_the_narrow, 10);
    assert!(matches!(error, TransferError::WrongWarrants { .. }), "{error}");
    // A third party adds or takes away principals.
    let operations = world.transfer(1, 40);
    let index = operations.iter().position(|op| op.message.proxy == world.address(0)).unwrap();
    for (principals, root) in
        [(0b1100_u64, None), (0, None), (0b1000, Some(&[3][..])), (0b1100, Some(&[2, 3]))]
    {
        let mut altered = operations.clone();
        altered[index].message.principals = principals.into();
        if let Some(warrants) = root {
            altered[index].message.warrant_root = world.op(0, warrants, 1, 40).warrant_root;
        }
        let error = refused(&mut world, &altered, 10);
        assert!(
            matches!(
                error,
                TransferError::WrongWarrants { .. }
                    | TransferError::Signature { .. }
                    | TransferError::TooFewPrincipals { .. }
            ),
            "{error}"
        );
    }
}

#[test]
fn stale_warrants_end_at_their_height_serial_and_epoch() {
    let mut world = World::of_four();
    let not_in_force = |world: &mut World, height| {
        let operations = world.transfer(1, 40);
        matches!(refused(world, &operations, height), TransferError::NotInForce { .. })
    };
    // Both ends are inside.
    world.register(&Warrant { serial: 2, valid_until: 60, ..world.warrant(2, 0) });
    assert!(not_in_force(&mut world, 9));
    for height in [10, 60] {
        assert!(world.book.check(&world.transfer(1, 40), height).is_ok());
    }
    assert!(not_in_force(&mut world, 61));

    // A higher serial ends a lower one, with or without a new warrant, and never the reverse.
    let old = world.sign_warrant(&world.warrant(2, 0));
    assert_eq!(register(&mut world, &old, 10), RegisterError::StaleSerial { seen: 1, last: 2 });
    let revocation = world.revocation(2, 0, 2);
    assert_eq!(world.book.revoke(&revocation), Err(RevokeError::StaleSerial { seen: 2, last: 2 }));
    let by_another =
        Signed::new(&world.keys[3], world.book.domain(), world.revocation(2, 0, 3).message);
    assert!(matches!(world.book.revoke(&by_another), Err(RevokeError::Signature(_))));
    world.book.revoke(&world.revocation(2, 0, 3)).unwrap();
    let expected =
        TransferError::NoWarrant { principal: world.address(2), proxy: world.address(0) };
    let operations = world.transfer(1, 40);
    assert_eq!(refused(&mut world, &operations, 10), expected);
    let equal = world.sign_warrant(&Warrant { serial: 3, ..world.warrant(2, 0) });
    assert_eq!(register(&mut world, &equal, 10), RegisterError::StaleSerial { seen: 3, last: 3 });

    // Nor is one that nothing could ever end.
    let endless = world.sign_warrant(&Warrant { serial: u64::MAX, ..world.warrant(2, 0) });
    assert_eq!(register(&mut world, &endless, 10), RegisterError::LastSerial);
    world.book.clone().revoke(&world.revocation(2, 0, u64::MAX)).unwrap();

    // One that is over already is not registered.
    let over = world.sign_warrant(&Warrant { serial: 4, valid_until: 49, ..world.warrant(2, 0) });
    assert_eq!(
        register(&mut world, &over, 50),
        RegisterError::NeverValid { from: 10, until: 49, height: 50 }
    );
    let edge = world.sign_warrant(&Warrant { serial: 4, valid_until: 50, ..world.warrant(2, 0) });
    assert_eq!(world.book.register(&edge, &scope(), 50), Ok(()));

    // Of an old or a coming epoch.
    for epoch in [EPOCH - 1, EPOCH + 1] {
        let other = world.sign_warrant(&Warrant { serial: 9, epoch, ..world.warrant(2, 0) });
        assert_eq!(
            register(&mut world, &other, 50),
            RegisterError::WrongEpoch { seen: epoch, expected: EPOCH }
        );
    }
}

#[test]
fn nothing_signed_for_another_domain_counts() {
    let mut world = World::of_four();
    let here = world.book.domain().clone();
    let others = [
        domain(5_063_253.into(), terms().papc),
        domain(terms().public_chain_id, Address([0x4e; 20])),
        Domain { version: Some("2".into()), ..here.clone() },
        Domain { name: Some("MCTA ".into()), ..here.clone() },
        Domain { salt: Some(H256::zero()), ..here },
    ];
    for other in others {
        let mut operations = world.transfer(1, 40);
        operations[0] =
            Signed::new(world.key_of(operations[0].message.proxy), &other, operations[0].message);
        assert!(matches!(
            refused(&mut world, &operations, 10),
            TransferError::Signature { index: 0, .. }
        ));
        let warrant = Warrant { serial: 2, ..world.warrant(2, 0) };
        let warrant = Signed::new(&world.keys[2], &other, warrant);
        assert!(matches!(register(&mut world, &warrant, 10), RegisterError::Signature(_)));
    }
    // The same ring of the same keys in another league.
    let mut operation = world.op(0, &[2], 1, 40);
    operation.league = Address([0xa2; 20]);
    let operations = [world.sign(&operation)];
    assert_eq!(
        refused(&mut world, &operations, 10),
        TransferError::WrongLeague { seen: operation.league }
    );
    let warrant = Warrant { league: operation.league, serial: 2, ..world.warrant(2, 0) };
    let warrant = world.sign_warrant(&warrant);
    assert_eq!(
        register(&mut world, &warrant, 10),
        RegisterError::WrongLeague { seen: operation.league }
    );
}

#[test]
fn malleated_signatures_are_refused_and_replay_under_no_form() {
    let mut world = World::of_four();
    let operations = world.transfer(1, 40);
    let mut high = operations.clone();
    high[0].signature = malleated(&high[0].signature);
    assert_eq!(
        refused(&mut world, &high, 10),
        TransferError::Signature { index: 0, source: InvalidSignature::HighS }
    );
    let warrant = world.sign_warrant(&Warrant { serial: 2, ..world.warrant(2, 0) });
    let warrant = Signed { signature: malleated(&warrant.signature), ..warrant };
    assert_eq!(
        register(&mut world, &warrant, 10),
        RegisterError::Signature(InvalidSignature::HighS)
    );
    for signature in [
        Signature::default(),
        Signature { r: [0; 32], ..operations[0].signature },
        Signature { s: [0; 32], ..operations[0].signature },
        Signature { r: order().to_big_endian(), ..operations[0].signature },
        Signature { y_parity: !operations[0].signature.y_parity, ..operations[0].signature },
    ] {
        let mut altered = operations.clone();
        altered[0].signature = signature;
        assert!(matches!(
            refused(&mut world, &altered, 10),
            TransferError::Signature { index: 0, .. }
        ));
    }
    // v is 27 or 28 where the contract reads it, and a compact form is the same signature.
    let signature = operations[0].signature;
    assert_eq!(Signature::from_eip2098(&signature.to_eip2098()), Ok(signature));
    assert_eq!(Signature::from_rsv(&signature.to_rsv()), Ok(signature));
    for v in [0, 1, 26, 29, 35, 255] {
        let mut bytes = signature.to_rsv();
        bytes[64] = v;
        assert_eq!(Signature::from_rsv(&bytes), Err(InvalidSignature::Parity(v)));
    }
    // Replays are told by the transfer, so no second form of a signature makes a second payment.
    world.book.apply(&operations, 10).unwrap();
    let id = H256([1; 32]);
    assert!(world.book.is_made(id));
    assert_eq!(refused(&mut world, &operations, 10), TransferError::AlreadyMade { id });
    let by_others = world.signed(&[world.op(2, &[0], 1, 1), world.op(3, &[], 1, 1)]);
    assert_eq!(refused(&mut world, &by_others, 10), TransferError::AlreadyMade { id });
}

#[test]
fn one_proxy_counts_once() {
    let mut world = World::of_four();
    let one = world.sign(&world.op(0, &[1, 2, 3], 1, 40));
    let expected = TransferError::TooFewProxies { signed: 1, needed: 2 };
    assert_eq!(refused(&mut world, &[one], 10), expected);
    assert_eq!(refused(&mut world, &[one, one], 10), TransferError::NotAscending { index: 1 });
    let mut unsorted = world.transfer(1, 40);
    unsorted.reverse();
    assert_eq!(refused(&mut world, &unsorted, 10), TransferError::NotAscending { index: 1 });
    assert_eq!(
        refused(&mut world, &[], 10),
        TransferError::Operations { operations: 0, members: 4 }
    );
    assert_eq!(
        refused(&mut world, &[one; 5], 10),
        TransferError::Operations { operations: 5, members: 4 }
    );
    // Two proxies for the same principal cover it once.
    let twice = world.signed(&[world.op(0, &[1], 1, 40), world.op(1, &[0], 1, 40)]);
    assert_eq!(
        refused(&mut world, &twice, 10),
        TransferError::TooFewPrincipals { covered: 2, needed: 3 }
    );
}

#[test]
fn delegator_is_never_its_own_proxy() {
    let mut world = World::of_four();
    let warrant = world.sign_warrant(&world.warrant(0, 0));
    assert_eq!(register(&mut world, &warrant, 10), RegisterError::SelfDelegation);
    let revocation = world.revocation(0, 0, 1);
    assert_eq!(world.book.revoke(&revocation), Err(RevokeError::SelfDelegation));
    let operations = world.signed(&[world.op(0, &[0, 2], 1, 40), world.op(1, &[], 1, 40)]);
    let expected = TransferError::SelfPrincipal { proxy: world.address(0) };
    assert_eq!(refused(&mut world, &operations, 10), expected);
}

#[test]
fn strangers_and_bits_beyond_the_ring_are_refused() {
    let mut world = World::of_four();
    let stranger = key(9);
    for (delegator, proxy) in
        [(stranger.address(), key(0).address()), (key(0).address(), stranger.address())]
    {
        let warrant = Warrant { delegator, proxy, ..world.warrant(0, 1) };
        let signer = if delegator == stranger.address() { &stranger } else { &world.keys[0] };
        let warrant = Signed::new(signer, world.book.domain(), warrant);
        assert_eq!(
            register(&mut world, &warrant, 10),
            RegisterError::NotMember { account: stranger.address() }
        );
    }
    let operation = ProxyOp { proxy: stranger.address(), ..world.op(0, &[], 1, 40) };
    let operation = Signed::new(&stranger, world.book.domain(), operation);
    assert_eq!(
        refused(&mut world, &[operation], 10),
        TransferError::NotMember { account: stranger.address() }
    );
    for bit in [4, 255] {
        let mut operation = world.op(0, &[2], 1, 40);
        operation.principals |= U256::one() << bit;
        let operation = world.sign(&operation);
        assert_eq!(
            refused(&mut world, &[operation], 10),
            TransferError::UnknownPrincipal { index: 0 }
        );
    }
}

#[test]
fn caps_scope_and_amount_bind() {
    let mut world = World::of_four();
    let transfer = |world: &World, id, amount| world.transfer(id, amount);
    let operations = transfer(&world, 1, 51);
    assert_eq!(
        refused(&mut world, &operations, 10),
        TransferError::AboveCap { principal: world.address(2), amount: 51.into(), cap: 50.into() }
    );
    assert!(world.book.check(&transfer(&world, 1, 50), 10).is_ok());
    let operations = transfer(&world, 1, 0);
    assert_eq!(refused(&mut world, &operations, 10), TransferError::Amount { amount: 0.into() });
    let mut most = world.op(0, &[], 1, 1);
    most.amount = U256::MAX;
    let most = world.sign(&most);
    assert_eq!(refused(&mut world, &[most], 10), TransferError::Amount { amount: U256::MAX });

    let elsewhere = |member: usize, principals: &[usize]| ProxyOp {
        op_kind: op_kind(terms().papc, [9; 4], H256::zero()),
        ..world.op(member, principals, 1, 40)
    };
    let operations = world.signed(&[elsewhere(0, &[2]), elsewhere(1, &[])]);
    let expected =
        TransferError::OutOfScope { principal: world.address(2), proxy: world.address(0) };
    assert_eq!(refused(&mut world, &operations, 10), expected);

    let caps = |per_tx: u64, window: U256| Warrant {
        serial: 2,
        per_tx_cap: per_tx.into(),
        window_cap: window,
        ..world.warrant(2, 0)
    };
    let supply = U256::exp10(27) * 2;
    for warrant in [
        caps(0, 1.into()),
        caps(0, 0.into()),
        caps(2, 1.into()),
        caps(1, supply + 1),
        caps(1, U256::MAX),
    ] {
        let signed = world.sign_warrant(&warrant);
        let error = world.book.clone().register(&signed, &scope(), 10).unwrap_err();
        assert!(matches!(error, RegisterError::Caps { .. }), "{error}");
    }
    let greatest = world.sign_warrant(&caps(1, supply));
    assert_eq!(world.book.clone().register(&greatest, &scope(), 10), Ok(()));
    let narrow = Scope::new(vec![payout()]).unwrap();
    let warrant = world.sign_warrant(&Warrant { serial: 2, ..world.warrant(2, 0) });
    assert_eq!(
        world.book.register(&warrant, &narrow, 10),
        Err(RegisterError::WrongScope { given: narrow.hash(), expected: scope().hash() })
    );
}

#[test]
fn many_small_transfers_over_a_windows_edge_stay_within_the_cap() {
    let mut world = World::of_four();
    // 120 in the last heights of window 1.
    for id in 1..=3 {
        world.book.apply(&world.transfer(id, 40), 199).unwrap();
    }
    // The next window still counts them, for delegator 2 and for both proxies, whoever is asked.
    for height in [199, 200, 299] {
        let operations = world.transfer(4, 1);
        assert!(matches!(
            refused(&mut world, &operations, height),
            TransferError::AboveWindowCap { cap, .. } if cap == 120.into()
        ));
        let by_another = world.signed(&[world.op(3, &[2], 4, 1), world.op(1, &[], 4, 1)]);
        assert_eq!(
            refused(&mut world, &by_another, height),
            TransferError::AboveWindowCap {
                account: world.address(2),
                amount: 1.into(),
                spent: 120.into(),
                cap: 120.into()
            }
        );
        let for_another = world.signed(&[world.op(1, &[3], 4, 1), world.op(2, &[], 4, 1)]);
        assert_eq!(
            refused(&mut world, &for_another, height),
            TransferError::AboveWindowCap {
                account: world.address(1),
                amount: 1.into(),
                spent: 120.into(),
                cap: 120.into()
            }
        );
    }
    world.book.apply(&world.transfer(4, 50), 300).unwrap();
    let operations = world.transfer(5, 50);
    assert_eq!(
        refused(&mut world, &operations, 299),
        TransferError::HeightFell { seen: 299, last: 300 }
    );
}

#[test]
fn as_many_stolen_keys_as_the_proxies_threshold_move_one_windows_cap_at_most() {
    // All ways of two stolen proxies, 0 and 1, in one window.
    let mut world = World::of_four();
    let mut moved = 0;
    let mut id = 0;
    for _ in 0..20 {
        for (zero, one) in
            [(&[2][..], &[][..]), (&[3], &[]), (&[], &[2]), (&[], &[3]), (&[2, 3], &[3])]
        {
            id += 1;
            let operations = world.signed(&[world.op(0, zero, id, 7), world.op(1, one, id, 7)]);
            moved += world.book.apply(&operations, 50).map_or(0, |_| 7);
        }
    }
    assert!(moved > 100 && moved <= 120, "{moved}");
    // One stolen key moves nothing.
    let alone = world.sign(&world.op(0, &[1, 2, 3], 200, 1));
    assert!(matches!(world.book.check(&[alone], 900), Err(TransferError::TooFewProxies { .. })));
}

#[test]
fn deadline_is_the_last_height() {
    let mut world = World::of_four();
    let operations = world.transfer(1, 40);
    assert!(world.book.check(&operations, 900).is_ok());
    assert_eq!(
        refused(&mut world, &operations, 901),
        TransferError::DeadlinePassed { deadline: 900, height: 901 }
    );
}

#[test]
fn operations_of_one_transfer_say_the_same() {
    let mut world = World::of_four();
    let change: [fn(&mut ProxyOp); 7] = [
        |op| op.op_kind = H256([9; 32]),
        |op| op.transfer_id = H256([9; 32]),
        |op| op.league_tx_hash = H256([9; 32]),
        |op| op.league_block_hash = H256([9; 32]),
        |op| op.to = Address([9; 20]),
        |op| op.amount += U256::one(),
        |op| op.deadline += 1,
    ];
    for change in change {
        let mut operations = world.transfer(1, 40);
        let mut altered = operations[1].message;
        change(&mut altered);
        operations[1] = world.sign(&altered);
        assert_eq!(refused(&mut world, &operations, 10), TransferError::Differs { index: 1 });
    }
    let mut operations = world.transfer(1, 40);
    operations[1] = world.sign(&ProxyOp { epoch: EPOCH - 1, ..operations[1].message });
    assert_eq!(
        refused(&mut world, &operations, 10),
        TransferError::WrongEpoch { index: 1, seen: EPOCH - 1, expected: EPOCH }
    );
}

#[test]
fn a_full_book_makes_no_transfer() {
    let terms = Terms { transfers_max: 1, ..terms() };
    let mut world = World::with(1, Thresholds { principals: 1, proxies: 1 }, terms);
    let operations = [world.sign(&world.op(0, &[], 1, 40))];
    world.book.apply(&operations, 10).unwrap();
    let operations = [world.sign(&world.op(0, &[], 2, 40))];
    assert_eq!(refused(&mut world, &operations, 10), TransferError::BookFull { max: 1 });
}

#[test]
fn any_change_of_a_message_changes_its_digest() {
    let world = World::of(2);
    let base = world.warrant(0, 1);
    let mut changed = vec![
        Warrant { league: Address::ZERO, ..base },
        Warrant { delegator: base.proxy, ..base },
        Warrant { proxy: base.delegator, ..base },
        Warrant { epoch: 0, ..base },
        Warrant { valid_from: 0, ..base },
        Warrant { valid_until: 0, ..base },
        Warrant { scope: H256::zero(), ..base },
        Warrant { per_tx_cap: 0.into(), ..base },
        Warrant { window_cap: 0.into(), ..base },
        Warrant { serial: 0, ..base },
        base,
    ];
    changed.sort_by_key(TypedStruct::hash_struct);
    assert!(changed.windows(2).all(|pair| pair[0].hash_struct() != pair[1].hash_struct()));
}
