//! Logs of blocks, by range and filter.

use mbt_account::{Receipt, RecoveredTransaction};
use mbt_consensus::SealedHeader;

use crate::rpc::{
    api::Api,
    error::RequestError,
    method::{Answer, Method, answer},
    params::Params,
    types::{
        log_filter::{LogFilter, LogMatcher, LogRange},
        receipt::{RpcLog, Standing},
    },
    view::{View, place},
};

/// Methods of this file.
pub(crate) const METHODS: &[Method] = &[Method::heavy("eth_getLogs", 1, get_logs)];

fn get_logs(api: &Api, params: &mut Params) -> Answer {
    let filter: LogFilter = params.required("filter")?;
    answer(&query(api, &api.view()?.until(params.deadline()), &filter)?)
}

/// Returns the logs that a filter asks for, within the server's bounds.
pub(crate) fn query(
    api: &Api,
    view: &View,
    filter: &LogFilter,
) -> Result<Vec<RpcLog>, RequestError> {
    let mut found = Found::new(api.config.log_results_max);
    match filter.range {
        LogRange::Block(id) => {
            let block = view.named(&id)?.ok_or(RequestError::UnknownBlock)?;
            found.scan(view, &block, &filter.matcher, Standing::Canonical)?;
        }
        LogRange::Between { from, to } => {
            let (from, to) = (view.number_of(from), view.number_of(to));
            if from > to {
                return Err(RequestError::Params("invalid block range params".to_owned()));
            }
            let to = to.min(view.head().number);
            let max = api.config.log_blocks_max;
            if to.saturating_sub(from) >= max {
                let words = format!("exceed maximum block range: {max}");
                return Err(RequestError::Limit(words));
            }
            for number in from..=to {
                let block = view.at_number(number)?.ok_or(RequestError::UnknownBlock)?;
                found.scan(view, &block, &filter.matcher, Standing::Canonical)?;
            }
        }
    }
    Ok(found.logs)
}

/// Logs found so far, and how many there may be.
#[derive(Debug)]
pub(crate) struct Found {
    /// The logs.
    pub(crate) logs: Vec<RpcLog>,
    max: usize,
}

impl Found {
    /// Starts with none.
    pub(crate) const fn new(max: usize) -> Self {
        Self { logs: Vec::new(), max }
    }

    /// Adds a block's logs. Blocks whose bloom excludes a match are not read.
    pub(crate) fn scan(
        &mut self,
        view: &View,
        block: &SealedHeader,
        matcher: &LogMatcher,
        standing: Standing,
    ) -> Result<(), RequestError> {
        if !matcher.may_match(&block.logs_bloom) {
            return Ok(());
        }
        let Some(receipts) = view.receipts(block)? else { return Ok(()) };
        let transactions = view.transactions(block)?.unwrap_or_default();
        self.collect(block, &transactions, &receipts, matcher, standing)
    }

    fn collect(
        &mut self,
        block: &SealedHeader,
        transactions: &[RecoveredTransaction],
        receipts: &[Receipt],
        matcher: &LogMatcher,
        standing: Standing,
    ) -> Result<(), RequestError> {
        let mut log_index = 0_usize;
        for (index, (transaction, receipt)) in transactions.iter().zip(receipts).enumerate() {
            for log in &receipt.logs {
                if matcher.matches(log) {
                    if self.logs.len() >= self.max {
                        return Err(RequestError::Limit(format!(
                            "query returned more than {} results",
                            self.max
                        )));
                    }
                    let (hash, place) = (transaction.hash(), place(block, index));
                    self.logs.push(RpcLog::new(log, log_index, hash, place, standing));
                }
                log_index = log_index.saturating_add(1);
            }
        }
        Ok(())
    }
}
