#![allow(missing_docs, missing_debug_implementations, clippy::all, clippy::pedantic)]
use mbt_account::*;
use mbt_crypto::*;
use mbt_trie::{Column, KeyValueRead, Stage, StateDiff, StateError, StateView};
use std::sync::Arc;
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum History {
    Blocks(u64),
    Archive,
}
pub fn recover_senders(
    t: &[Arc<SignedTransaction>],
) -> Result<Vec<RecoveredTransaction>, InvalidSignature> {
    t.iter()
        .map(|t| {
            Ok(RecoveredTransaction::new_unchecked(
                t.clone(),
                t.recover_sender(RecoveryPolicy::LowS)?,
            ))
        })
        .collect()
}
pub fn ordered_root(items: impl Iterator<Item = Vec<u8>>) -> H256 {
    let v: Vec<Vec<u8>> = items.collect();
    if v.is_empty() {
        return EMPTY_ROOT;
    }
    keccak256(v.concat())
}
const ACC: Column = Column("acc");
const UNDO: Column = Column("undo");
#[derive(Clone, Debug)]
pub struct State {
    pub history: History,
}
impl State {
    pub fn commit<R: KeyValueRead>(
        &self,
        s: &mut Stage<'_, R>,
        n: u64,
        d: &StateDiff,
    ) -> Result<H256, StateError> {
        let prev = s.get(ACC, b"root")?.unwrap_or_default();
        let mut undo = rlp::RlpStream::new_list(1 + 2 * d.accounts.len());
        undo.append(&prev);
        let mut h = prev.clone();
        h.extend(n.to_be_bytes());
        for (a, x) in &d.accounts {
            undo.append(&a.0.as_slice()).append(&s.get(ACC, &a.0)?.unwrap_or_default());
            let v = x.account.as_ref().map(|x| rlp::encode(x).to_vec()).unwrap_or_default();
            h.extend(&a.0);
            h.extend(&v);
            if v.is_empty() { s.delete(ACC, a.0.to_vec()) } else { s.put(ACC, a.0.to_vec(), v) }
        }
        let root = keccak256(h);
        s.put(ACC, b"root".to_vec(), root.0.to_vec());
        s.put(UNDO, n.to_be_bytes().to_vec(), undo.out().to_vec());
        Ok(root)
    }
    pub fn rollback<R: KeyValueRead>(
        &self,
        s: &mut Stage<'_, R>,
        n: u64,
    ) -> Result<(), StateError> {
        let u =
            s.get(UNDO, &n.to_be_bytes())?.ok_or(StateError::NotKept { number: n, oldest: 0 })?;
        let r = rlp::Rlp::new(&u);
        let v: Vec<Vec<u8>> = r.iter().map(|x| x.data().unwrap().to_vec()).collect();
        s.put(ACC, b"root".to_vec(), v[0].clone());
        for p in v[1..].chunks(2) {
            if p[1].is_empty() {
                s.delete(ACC, p[0].clone())
            } else {
                s.put(ACC, p[0].clone(), p[1].clone())
            }
        }
        s.delete(UNDO, n.to_be_bytes().to_vec());
        Ok(())
    }
}
pub struct Latest<'a, R>(&'a R);
impl<'a, R: KeyValueRead> Latest<'a, R> {
    pub fn new(r: &'a R) -> Self {
        Self(r)
    }
}
impl<R: KeyValueRead> StateView for Latest<'_, R> {
    fn account(&self, a: &Address) -> Result<Option<PublicAccount>, StateError> {
        Ok(self.0.get(ACC, &a.0)?.map(|b| <PublicAccount as codec::Decode>::decode(&b).unwrap()))
    }
    fn storage(&self, _: &Address, _: &H256) -> Result<U256, StateError> {
        Ok(U256::zero())
    }
    fn code(&self, _: &H256) -> Result<Arc<[u8]>, StateError> {
        Ok(Arc::new([]))
    }
}
pub struct Historic<'a, R>(&'a R);
impl<'a, R: KeyValueRead> Historic<'a, R> {
    pub fn new(r: &'a R, _: u64, _: u64) -> Result<Self, StateError> {
        Ok(Self(r))
    }
}
impl<R: KeyValueRead> StateView for Historic<'_, R> {
    fn account(&self, a: &Address) -> Result<Option<PublicAccount>, StateError> {
        Latest(self.0).account(a)
    }
    fn storage(&self, _: &Address, _: &H256) -> Result<U256, StateError> {
        todo!()
    }
    fn code(&self, _: &H256) -> Result<Arc<[u8]>, StateError> {
        todo!()
    }
}
#[derive(Clone, Debug)]
pub struct AccountProof;
pub fn prove(
    _: &impl KeyValueRead,
    _: u64,
    _: u64,
    _: &Address,
    _: &[H256],
) -> Result<AccountProof, StateError> {
    todo!()
}
