//! The journal in the shape that the `evm` crate asks for.

use std::rc::Rc;

use evm::{
    MergeStrategy,
    backend::{RuntimeBackend, RuntimeBaseBackend, RuntimeEnvironment, TransactionalBackend},
    interpreter::{
        ExitError, ExitException, ExitFatal,
        runtime::{Log as MachineLog, SetCodeOrigin, TouchKind},
        uint::{H160, H256, U256},
    },
};
use mbt_account::{EMPTY_CODE_HASH, Log};
use mbt_crypto::keccak256;

use super::{
    Journal, RIPEMD,
    code::Code,
    convert::{address, hash, number, to_address, to_hash, to_number, to_word, word},
};

/// Blocks whose ids BLOCKHASH gives.
const BLOCK_HASHES: u64 = 256;

impl RuntimeEnvironment for Journal<'_> {
    fn block_hash(&self, number: U256) -> H256 {
        let wanted = if number > U256::from(u64::MAX) { u64::MAX } else { number.low_u64() };
        if wanted >= self.block.number || self.block.number - wanted > BLOCK_HASHES {
            return H256::zero();
        }
        match self.block.ancestors.id(wanted) {
            Ok(id) => id.map(|id| to_hash(id.0)).unwrap_or_default(),
            Err(error) => {
                self.cells.borrow_mut().fail(error.into());
                H256::zero()
            }
        }
    }

    fn block_number(&self) -> U256 {
        self.block.number.into()
    }

    fn block_coinbase(&self) -> H160 {
        to_address(self.block.beneficiary)
    }

    fn block_timestamp(&self) -> U256 {
        self.block.timestamp.into()
    }

    /// Rules from before PREVRANDAO run in conformance tests only, which put it there.
    fn block_difficulty(&self) -> U256 {
        U256::from_big_endian(&self.block.prev_randao.0)
    }

    fn block_randomness(&self) -> Option<H256> {
        self.fork.has_randomness().then(|| to_hash(self.block.prev_randao))
    }

    fn block_gas_limit(&self) -> U256 {
        self.block.gas_limit.into()
    }

    fn block_base_fee_per_gas(&self) -> U256 {
        to_number(self.block.base_fee)
    }

    fn blob_versioned_hash(&self, _index: U256) -> H256 {
        H256::zero()
    }

    fn blob_base_fee_per_gas(&self) -> U256 {
        U256::one()
    }

    fn chain_id(&self) -> U256 {
        self.chain_id.into()
    }
}

impl RuntimeBaseBackend for Journal<'_> {
    fn balance(&self, of: H160) -> U256 {
        to_number(Journal::balance(self, address(of)))
    }

    fn code_size(&self, of: H160) -> U256 {
        if self.has_code(address(of)) {
            U256::from(Journal::code(self, address(of)).bytes.len())
        } else {
            U256::zero()
        }
    }

    fn code_hash(&self, of: H160) -> H256 {
        let mut cells = self.cells.borrow_mut();
        let place = cells.account(self.view, address(of));
        let cell = &cells.accounts[place];
        let empty = if self.config().runtime.eip161_empty_check {
            cell.is_empty()
        } else {
            !cell.exists && cell.is_empty()
        };
        if empty { H256::zero() } else { to_hash(cell.code_hash) }
    }

    fn code(&self, of: H160) -> Vec<u8> {
        Journal::code(self, address(of)).bytes.to_vec()
    }

    fn storage(&self, of: H160, index: H256) -> H256 {
        to_word(Journal::storage(self, address(of), hash(index)))
    }

    fn transient_storage(&self, of: H160, index: H256) -> H256 {
        to_word(self.cells.borrow().transient(address(of), hash(index)))
    }

    fn exists(&self, of: H160) -> bool {
        let mut cells = self.cells.borrow_mut();
        let place = cells.account(self.view, address(of));
        let cell = &cells.accounts[place];
        if self.config().runtime.eip161_empty_check {
            !cell.is_empty()
        } else {
            cell.exists || cell.touched == cells.transaction || !cell.is_empty()
        }
    }

    fn can_create(&self, at: H160) -> bool {
        let mut cells = self.cells.borrow_mut();
        let place = cells.account(self.view, address(at));
        let cell = &cells.accounts[place];
        // EIP-7610: storage that was there before stands in the way, too.
        cell.nonce == 0 && cell.code_hash == EMPTY_CODE_HASH && !cell.has_base_storage()
    }

    fn nonce(&self, of: H160) -> U256 {
        Journal::nonce(self, address(of)).into()
    }
}

impl RuntimeBackend for Journal<'_> {
    fn original_storage(&self, of: H160, index: H256) -> H256 {
        to_word(self.storage_before(address(of), hash(index)))
    }

    fn deleted(&self, of: H160) -> bool {
        let mut cells = self.cells.borrow_mut();
        let place = cells.account(self.view, address(of));
        cells.accounts[place].destroyed == cells.transaction
    }

    fn created(&self, of: H160) -> bool {
        let mut cells = self.cells.borrow_mut();
        let place = cells.account(self.view, address(of));
        cells.accounts[place].created == cells.transaction
    }

    fn is_cold(&self, of: H160, index: Option<H256>) -> bool {
        let mut cells = self.cells.borrow_mut();
        let account = cells.account(self.view, address(of));
        match index {
            None => {
                cells.accounts[account].warm != cells.transaction
                    && !self.is_precompile(&address(of))
            }
            Some(index) => {
                let slot = cells.slot(self.view, account, hash(index));
                cells.slots[slot].warm != cells.transaction
            }
        }
    }

    fn mark_hot(&mut self, of: H160, kind: TouchKind) {
        let of = address(of);
        match kind {
            TouchKind::Access => self.warm(of),
            TouchKind::StateChange => {
                self.touch(of);
                if of == RIPEMD {
                    self.cells.get_mut().ripemd_touched = true;
                }
            }
            TouchKind::Coinbase => {
                self.touch(of);
                if self.config().runtime.eip3651_warm_coinbase_address {
                    self.warm(of);
                }
            }
        }
    }

    fn mark_storage_hot(&mut self, of: H160, index: H256) {
        self.warm_slot(address(of), hash(index));
    }

    fn set_storage(&mut self, of: H160, index: H256, value: H256) -> Result<(), ExitError> {
        self.set_slot(address(of), hash(index), word(value));
        Ok(())
    }

    fn set_transient_storage(
        &mut self,
        of: H160,
        index: H256,
        value: H256,
    ) -> Result<(), ExitError> {
        self.cells.get_mut().set_transient(address(of), hash(index), word(value));
        Ok(())
    }

    fn log(&mut self, log: MachineLog) -> Result<(), ExitError> {
        let topics = log.topics.into_iter().map(hash).collect();
        let log = Log { address: address(log.address), topics, data: log.data };
        self.cells.get_mut().logs.push(log);
        Ok(())
    }

    fn mark_delete_reset(&mut self, of: H160) {
        let only_created = self.config().runtime.eip6780_suicide_only_in_same_tx;
        if !only_created || self.created(of) {
            let cells = self.cells.get_mut();
            let account = cells.account(self.view, address(of));
            cells.destroy(account);
        }
    }

    fn mark_create(&mut self, of: H160) {
        let cells = self.cells.get_mut();
        let account = cells.account(self.view, address(of));
        cells.create(account);
    }

    fn reset_storage(&mut self, of: H160) {
        let cells = self.cells.get_mut();
        let account = cells.account(self.view, address(of));
        cells.clear_storage(account);
    }

    fn set_code(
        &mut self,
        of: H160,
        code: Vec<u8>,
        _origin: SetCodeOrigin,
    ) -> Result<(), ExitError> {
        let code_hash = keccak256(&code);
        let cells = self.cells.get_mut();
        let account = cells.account(self.view, address(of));
        cells.set_code(account, code_hash, Rc::new(Code::new(code)));
        Ok(())
    }

    fn deposit(&mut self, target: H160, value: U256) {
        self.credit(address(target), number(value));
    }

    fn withdrawal(&mut self, source: H160, value: U256) -> Result<(), ExitError> {
        self.debit(address(source), number(value)).map_err(|_| ExitException::OutOfFund.into())
    }

    fn inc_nonce(&mut self, of: H160) -> Result<(), ExitError> {
        let nonce = Journal::nonce(self, address(of));
        let next = nonce.checked_add(1).ok_or(ExitException::MaxNonce)?;
        self.set_nonce(address(of), next);
        Ok(())
    }
}

impl TransactionalBackend for Journal<'_> {
    fn push_substate(&mut self) {
        self.push();
    }

    fn pop_substate(&mut self, strategy: MergeStrategy) -> Result<(), ExitError> {
        let cells = self.cells.get_mut();
        let popped = match strategy {
            MergeStrategy::Commit => cells.keep(),
            MergeStrategy::Revert | MergeStrategy::Discard => cells.revert(),
        };
        if popped { Ok(()) } else { Err(ExitFatal::UnevenSubstate.into()) }
    }
}
