#![allow(missing_docs, missing_debug_implementations)]
use mbt_account::*;
use mbt_crypto::*;
use mbt_trie::*;
use std::sync::Arc;
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum History { Blocks(u64), Archive }
pub fn recover_senders(_: &[Arc<SignedTransaction>]) -> Result<Vec<RecoveredTransaction>, InvalidSignature> { todo!() }
pub fn ordered_root(_: impl Iterator<Item = Vec<u8>>) -> H256 { todo!() }
pub struct Historic<'a, R>(&'a R);
impl<'a, R: KeyValueRead> Historic<'a, R> { pub fn new(_: &'a R, _: u64, _: u64) -> Result<Self, StateError> { todo!() } }
impl<R: KeyValueRead> StateView for Historic<'_, R> {
    fn account(&self, _: &Address) -> Result<Option<PublicAccount>, StateError> { todo!() }
    fn storage(&self, _: &Address, _: &H256) -> Result<U256, StateError> { todo!() }
    fn code(&self, _: &H256) -> Result<Arc<[u8]>, StateError> { todo!() }
}
#[derive(Clone, Debug)]
pub struct AccountProof;
pub fn prove(_: &impl KeyValueRead, _: u64, _: u64, _: &Address, _: &[H256]) -> Result<AccountProof, StateError> { todo!() }
