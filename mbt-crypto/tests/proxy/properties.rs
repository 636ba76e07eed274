//! The five properties of a proxy signature.

use mbt_crypto::{
    RecoveryPolicy, U256,
    eip712::TypedStruct,
    message_hash,
    proxy::{Equivocation, EquivocationError, Signed, TransferError, Warrant},
};

use crate::world::World;

#[test]
fn unforgeable_every_bit_of_an_operation_is_signed() {
    let world = World::of_four();
    let honest = world.transfer(1, 40);
    assert!(world.book.check(&honest, 10).is_ok());
    for position in 0..2 {
        for byte in 0..64 {
            let mut forged = honest.clone();
            let bytes = if byte < 32 {
                &mut forged[position].signature.r
            } else {
                &mut forged[position].signature.s
            };
            bytes[byte % 32] ^= 1;
            let Err(TransferError::Signature { index, .. }) = world.book.check(&forged, 10) else {
                panic!("byte {byte} of signature {position}");
            };
            assert_eq!(index, position);
        }
        // Both tell of another transfer than was signed.
        let mut forged = honest.clone();
        for op in &mut forged {
            op.message.to.0[0] ^= 1;
        }
        assert!(matches!(world.book.check(&forged, 10), Err(TransferError::Signature { .. })));
    }
}

#[test]
fn verifiable_by_anyone_from_public_data() {
    let world = World::of_four();
    let warrant = world.sign_warrant(&world.warrant(2, 0));
    let operation = world.sign(&world.op(0, &[2], 1, 40));
    let separator = world.separator();
    assert_eq!(warrant.verify(separator, world.address(2)), Ok(()));
    assert_eq!(operation.verify(separator, world.address(0)), Ok(()));
    assert_eq!(world.book.warrant(world.address(2), world.address(0)), Some(&warrant.message));
    assert!(world.book.check(&world.transfer(1, 40), 10).is_ok());
}

#[test]
fn non_repudiable_two_contradicting_operations_convict_their_proxy_alone() {
    let world = World::of_four();
    let first = world.sign(&world.op(0, &[2], 1, 40));
    let second = world.sign(&world.op(0, &[2], 1, 41));
    let separator = world.separator();
    let evidence = Equivocation { first, second };
    assert_eq!(evidence.offender(separator), Ok(world.address(0)));
    assert_eq!(
        Equivocation { first: second, second: first }.offender(separator),
        Ok(world.address(0))
    );

    let with = |second| Equivocation { first, second }.offender(separator);
    assert_eq!(with(first), Err(EquivocationError::SameContent));
    // The same transfer on other warrants or in a later epoch is no contradiction.
    let again = world.sign(&world.op(0, &[2, 3], 1, 40));
    assert_eq!(with(again), Err(EquivocationError::SameContent));
    let mut later = first.message;
    later.epoch += 1;
    assert_eq!(with(world.sign(&later)), Err(EquivocationError::SameContent));
    assert_eq!(
        with(world.sign(&world.op(0, &[2], 2, 41))),
        Err(EquivocationError::DifferentTransfers)
    );
    assert!(matches!(
        with(world.sign(&world.op(1, &[2], 1, 41))),
        Err(EquivocationError::DifferentProxies { .. })
    ));
    // Nobody else can make the second one.
    let framed = Signed::new(&world.keys[3], world.book.domain(), second.message);
    assert!(matches!(with(framed), Err(EquivocationError::Signature(_))));
    assert!(matches!(
        evidence.offender(mbt_crypto::keccak256(b"another domain")),
        Err(EquivocationError::Signature(_))
    ));
}

#[test]
fn distinguishable_a_proxys_signature_is_never_an_ordinary_one_or_a_warrant() {
    let world = World::of_four();
    let operation = world.sign(&world.op(0, &[2], 1, 40));
    let digest = world.book.domain().digest(&operation.message);
    let warrant = world.warrant(0, 1);
    assert_ne!(Warrant::type_hash(), <mbt_crypto::proxy::ProxyOp as TypedStruct>::type_hash());
    for other in [world.book.domain().digest(&warrant), message_hash(digest.as_bytes())] {
        assert_ne!(
            operation.signature.recover_address(other, RecoveryPolicy::LowS),
            Ok(world.address(0))
        );
    }
}

#[test]
fn identifiable_the_result_tells_who_signed_and_for_whom() {
    let world = World::of_four();
    let operations = world.signed(&[world.op(0, &[2, 3], 1, 40), world.op(1, &[3], 1, 40)]);
    let authorisation = world.book.check(&operations, 10).unwrap();
    assert_eq!(authorisation.covered, U256::from(0b1111));
    assert_eq!(authorisation.signers.len(), 2);
    for signer in &authorisation.signers {
        let principals: &[usize] = if signer.proxy == world.address(0) { &[2, 3] } else { &[3] };
        assert!(principals.iter().map(|i| world.address(*i)).eq(signer.principals.iter().copied()));
    }
    assert!(authorisation.signers[0].proxy < authorisation.signers[1].proxy);
    assert_eq!(
        (authorisation.transfer_id, authorisation.amount),
        (mbt_crypto::H256([1; 32]), 40.into())
    );
}
