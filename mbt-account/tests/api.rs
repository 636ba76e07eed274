//! The public surface, seen from outside.

use std::sync::Arc;

use mbt_account::{
    AccessListItem, Best, Bloom, EMPTY_CODE_HASH, EMPTY_ROOT, Inserted, InvalidTransaction, Kind,
    LeagueAccount, LeagueFields, Log, Pool, PoolConfig, PoolContent, PoolError, PoolHead,
    PublicAccount, Receipt, RecoveredTransaction, SenderContent, SenderState, SignaturePolicy,
    SignedTransaction, Transaction, TransactionError, TxHash, Unprotected, Updated,
    codec::{DecodeError, Reader},
    recover_senders,
};
use mbt_crypto::{InvalidSignature, SecretKey, Signature, keccak256};

/// Every public type can be shown.
#[derive(Debug)]
#[allow(dead_code, reason = "only its derive is of interest")]
struct Everything<'a> {
    access: AccessListItem,
    best: Best,
    bloom: Bloom,
    decode_error: DecodeError,
    inserted: Inserted,
    invalid: InvalidTransaction,
    kind: Kind,
    league_account: LeagueAccount,
    league_fields: LeagueFields,
    log: Log,
    pool: Pool,
    pool_config: PoolConfig,
    pool_content: PoolContent,
    pool_error: PoolError,
    pool_head: PoolHead,
    public_account: PublicAccount,
    reader: Reader<'a>,
    receipt: Receipt,
    recovered: RecoveredTransaction,
    sender_content: SenderContent,
    sender_state: SenderState,
    policy: SignaturePolicy,
    signed: SignedTransaction,
    transaction: Transaction,
    transaction_error: TransactionError,
    hash: TxHash,
    unprotected: Unprotected,
    updated: Updated,
}

#[test]
fn constants_are_hashes_of_nothing() {
    assert_eq!(EMPTY_CODE_HASH, keccak256([]));
    assert_eq!(EMPTY_ROOT, keccak256([0x80]));
}

#[test]
fn senders_of_a_batch_come_in_its_order() {
    let keys: Vec<_> = (1..=40).map(|byte| SecretKey::from_bytes([byte; 32]).unwrap()).collect();
    let transaction = Transaction {
        kind: Kind::Legacy { chain_id: Some(7), gas_price: 1.into() },
        nonce: 0,
        gas_limit: 21_000,
        to: None,
        value: 0.into(),
        input: vec![],
    };
    let mut batch: Vec<_> =
        keys.iter().map(|key| Arc::new(transaction.clone().sign(key))).collect();
    let recovered = recover_senders(&batch).unwrap();
    let senders: Vec<_> = recovered.iter().map(RecoveredTransaction::sender).collect();
    assert_eq!(senders, keys.iter().map(SecretKey::address).collect::<Vec<_>>());
    batch.push(Arc::new(SignedTransaction::new(transaction, Signature::default())));
    assert_eq!(recover_senders(&batch), Err(InvalidSignature::OutOfRange));
}
