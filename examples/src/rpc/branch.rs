//! From the block a client saw last to the head.

use mbt_consensus::{BlockId, SealedHeader};

use super::{error::RequestError, view::View};

/// Blocks between what a client saw last and the head.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    /// Blocks that left the chain, newest first.
    pub(crate) retired: Vec<SealedHeader>,
    /// Blocks that are new, oldest first.
    pub(crate) adopted: Vec<SealedHeader>,
}

/// Walks from `last` to the head over their common ancestor. None when the way is longer than `max`
/// blocks, or `last` is not known any more: then the client has missed something.
pub(crate) fn steps(
    view: &View,
    last: &BlockId,
    max: usize,
) -> Result<Option<Steps>, RequestError> {
    let mut steps = Steps::default();
    let Some(mut old) = view.named(last)? else { return Ok(None) };
    while !view.is_canonical(&old)? {
        let Some(parent) = view.named(&old.parent_hash)? else { return Ok(None) };
        steps.retired.push(old);
        old = parent;
        if steps.retired.len() > max {
            return Ok(None);
        }
    }
    let head = view.head().number;
    let room = max.saturating_sub(steps.retired.len());
    if head.saturating_sub(old.number) > u64::try_from(room).unwrap_or(u64::MAX) {
        return Ok(None);
    }
    for number in old.number.saturating_add(1)..=head {
        match view.at_number(number)? {
            Some(block) => steps.adopted.push(block),
            None => return Ok(None),
        }
    }
    Ok(Some(steps))
}
