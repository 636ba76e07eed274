//! Proof that a proxy contradicted itself.

use primitive_types::H256;

use super::{ProxyOp, Signed};
use crate::{Address, InvalidSignature};

/// Two operations of one proxy that tell different things of one transfer: reason to slash and to
/// evict it. Signing the same transfer again on other warrants or in a later epoch is no offence.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Equivocation {
    /// One of them.
    pub first: Signed<ProxyOp>,
    /// The other.
    pub second: Signed<ProxyOp>,
}

/// Why two operations prove nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EquivocationError {
    /// They are of different proxies.
    #[error("operations of {first:?} and {second:?}")]
    DifferentProxies {
        /// Of the first.
        first: Address,
        /// Of the second.
        second: Address,
    },
    /// They are of different leagues or transfers.
    #[error("operations of different transfers")]
    DifferentTransfers,
    /// They tell the same.
    #[error("both operations tell the same")]
    SameContent,
    /// One is not signed by its proxy.
    #[error("not signed by the proxy: {0}")]
    Signature(InvalidSignature),
}

impl Equivocation {
    /// Returns who contradicted itself, given the separator of PAPC's domain.
    ///
    /// # Errors
    /// See [`EquivocationError`].
    pub fn offender(&self, separator: H256) -> Result<Address, EquivocationError> {
        let (first, second) = (&self.first.message, &self.second.message);
        if first.proxy != second.proxy {
            let (first, second) = (first.proxy, second.proxy);
            return Err(EquivocationError::DifferentProxies { first, second });
        }
        if (first.league, first.transfer_id) != (second.league, second.transfer_id) {
            return Err(EquivocationError::DifferentTransfers);
        }
        if first.same_content(second) {
            return Err(EquivocationError::SameContent);
        }
        for op in [&self.first, &self.second] {
            op.verify(separator, first.proxy).map_err(EquivocationError::Signature)?;
        }
        Ok(first.proxy)
    }
}
