//! What a header must satisfy behind its parent.

use mbt_crypto::{H256, U256};

use crate::{
    ChainConfig, Header, ImportError, InvalidHeader,
    header::EXTRA_DATA_BYTES_MAX,
    rules::{gas_limit_follows, next_base_fee, seal::effective_target},
};

/// What the ancestors of a header ask of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected {
    /// The scheduled target.
    pub(crate) target: U256,
    /// The commitment to all earlier blocks.
    pub(crate) ancestors_root: H256,
}

/// Checks all that needs neither body nor state, work before the dearer rules.
pub(crate) fn check_header(
    config: &ChainConfig,
    now: u64,
    parent: &Header,
    header: &Header,
    expected: &Expected,
) -> Result<(), ImportError> {
    check_schedule(parent, header, expected.target)?;
    check_fields(parent, header, expected)?;
    let latest = now.saturating_add(config.future_max_s());
    if header.timestamp > latest {
        return Err(ImportError::Future { timestamp: header.timestamp, latest });
    }
    Ok(())
}

/// Checks number, time and work.
pub(crate) fn check_schedule(
    parent: &Header,
    header: &Header,
    scheduled: U256,
) -> Result<(), InvalidHeader> {
    let number = parent.number.saturating_add(1);
    if header.number != number {
        return Err(InvalidHeader::Number { found: header.number, expected: number });
    }
    if header.timestamp < parent.timestamp {
        return Err(InvalidHeader::TimestampBelowParent {
            found: header.timestamp,
            parent: parent.timestamp,
        });
    }
    if header.target != scheduled {
        return Err(InvalidHeader::Target { found: header.target, expected: scheduled });
    }
    if header.lot.is_some() {
        return Err(InvalidHeader::LotsNotActive);
    }
    let (work, target) = (header.work_hash(), effective_target(header));
    if work >= target {
        return Err(InvalidHeader::Work { work, target });
    }
    Ok(())
}

fn check_fields(
    parent: &Header,
    header: &Header,
    expected: &Expected,
) -> Result<(), InvalidHeader> {
    if !gas_limit_follows(parent.gas_limit, header.gas_limit) {
        return Err(InvalidHeader::GasLimit { found: header.gas_limit, parent: parent.gas_limit });
    }
    if header.gas_used > header.gas_limit {
        return Err(InvalidHeader::GasUsedAboveLimit {
            used: header.gas_used,
            limit: header.gas_limit,
        });
    }
    let base_fee = next_base_fee(parent);
    if header.base_fee != base_fee {
        return Err(InvalidHeader::BaseFee { found: header.base_fee, expected: base_fee });
    }
    if header.extra_data.len() > EXTRA_DATA_BYTES_MAX {
        return Err(InvalidHeader::ExtraData {
            found: header.extra_data.len(),
            max: EXTRA_DATA_BYTES_MAX,
        });
    }
    if header.ancestors_root != expected.ancestors_root {
        return Err(InvalidHeader::AncestorsRoot {
            found: header.ancestors_root,
            expected: expected.ancestors_root,
        });
    }
    Ok(())
}
