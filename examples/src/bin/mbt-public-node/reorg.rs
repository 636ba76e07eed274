//! `reorg accept`: the operator's word on a branch that is too deep for the node to take.

use mbt_consensus::BlockId;
use mbt_crypto::H256;
use mbt_examples::{
    client::call,
    config::Config,
    exit::{Code, Failure, print_line},
};
use serde_json::json;

use super::store::open;

/// Takes the branch: through the running node, or in its folder when none runs.
pub(crate) fn accept(config: &Config, block: &str) -> Result<(), Failure> {
    let id: H256 = block
        .trim()
        .parse()
        .map_err(|_| Failure::new(Code::Usage, format!("{block:?} is not a block's hash")))?;
    match open(config, 1) {
        Ok(opened) => {
            let runtime =
                tokio::runtime::Builder::new_current_thread().build().map_err(Failure::runtime)?;
            let change = runtime
                .block_on(opened.handle().accept_reorg(BlockId(id)))
                .map_err(Failure::runtime)?;
            tell(change.retired.len(), change.adopted.len());
            Ok(())
        }
        Err(failure) if failure.code == Code::DataLocked => through_the_node(config, block),
        Err(failure) => Err(failure),
    }
}

fn through_the_node(config: &Config, block: &str) -> Result<(), Failure> {
    let change =
        call(config.rpc.listen, "admin_acceptReorg", &json!([block.trim()])).map_err(|error| {
            Failure::runtime(format!(
                "the running node did not take the branch: {error} (it serves this with \
                 \"admin\" in rpc.namespaces)"
            ))
        })?;
    let count =
        |field: &str| change.get(field).and_then(|list| list.as_array()).map_or(0, Vec::len);
    tell(count("retired"), count("adopted"));
    Ok(())
}

fn tell(retired: usize, adopted: usize) {
    print_line(&format!("branch taken: {retired} blocks left the chain, {adopted} joined it"));
}
