//! From a header and the bytes of a body to a block that the chain can take.

use mbt_consensus::{Block, BlockId, BodyError};
use rayon::prelude::*;

use super::event::Job;
use crate::node::Senders;

/// What came of a job: the block's id and number, and the block.
pub(super) type Prepared = (BlockId, u64, Result<Box<Block>, BodyError>);

/// Decodes bodies, checks each against its header and finds the senders, on all processors.
#[must_use]
pub(super) fn prepare(jobs: Vec<Job>, senders: &Senders) -> Vec<Prepared> {
    jobs.into_par_iter()
        .map(|job| {
            let (id, number) = (job.id, job.header.number);
            (id, number, senders.join_past(job.header, &job.body).map(Box::new))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use mbt_consensus::Header;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bodies_of_arbitrary_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let header = Header::default();
            let job = Job { id: header.id(), header, body: body.clone() };
            let outcome = prepare(vec![job], &Senders::new());
            prop_assert!(outcome[0].2.is_err() || body == [0xc0]);
        }
    }

    #[test]
    fn body_of_another_header_is_refused() {
        let header = Header { transactions_root: mbt_crypto::H256([1; 32]), ..Header::default() };
        let job = Job { id: header.id(), header, body: vec![0xc0] };
        let outcome = prepare(vec![job], &Senders::new());
        assert_eq!(outcome[0].2, Err(BodyError::Foreign));
    }
}
