#![doc = include_str!("../README.md")]
#![cfg_attr(not(any(test, feature = "std")), no_std)]

extern crate alloc;

mod stage;
mod store;
mod view;

pub use stage::Stage;
pub use store::{
    Column, Durability, Entries, KeyRange, KeyValueRead, KeyValueStore, StoreError, WriteBatch,
};
pub use view::{AccountDiff, StateDiff, StateError, StateView};
