//! What gas costs.

use std::collections::BTreeMap;

use mbt_consensus::{BlockId, SealedHeader, next_base_fee};
use mbt_crypto::U256;
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::{Number, Value};

use crate::rpc::{
    api::Api,
    error::RequestError,
    method::{Answer, Method, answer},
    params::Params,
    types::{
        block_ref::BlockTag,
        hex::{Quantity, quantity},
        param::{Param, ParamError, list, number, wrong_type},
    },
    view::View,
};

/// Methods of this file.
pub(crate) const METHODS: &[Method] = &[
    Method::read("eth_gasPrice", 0, gas_price),
    Method::read("eth_maxPriorityFeePerGas", 0, max_priority_fee),
    Method::inline("eth_blobBaseFee", 0, blob_base_fee),
    Method::inline("eth_baseFee", 0, base_fee),
    Method::read("eth_feeHistory", 3, fee_history),
];

/// Blocks that the suggested tip is taken from.
const SAMPLED_BLOCKS: u64 = 20;
/// Tips taken of each, the smallest that were enough.
const SAMPLES_PER_BLOCK: usize = 3;
/// The tip suggested on an idle chain: 1 gwei.
const TIP_DEFAULT: u64 = 1_000_000_000;
/// The highest tip suggested: 500 gwei.
const TIP_MAX: u64 = 500_000_000_000;
/// Most blocks of a fee history.
const HISTORY_MAX: u64 = 1024;
/// Most percentiles of a fee history.
const PERCENTILES_MAX: usize = 100;

/// Smallest tips of recent blocks, so that each block is read once.
#[derive(Debug, Default)]
pub(crate) struct TipSamples(Mutex<BTreeMap<(u64, BlockId), Vec<U256>>>);

impl TipSamples {
    fn of(&self, view: &View, block: &SealedHeader) -> Result<Vec<U256>, RequestError> {
        let key = (block.number, block.id);
        if let Some(known) = self.0.lock().get(&key) {
            return Ok(known.clone());
        }
        let mut tips: Vec<U256> = view
            .transactions(block)?
            .unwrap_or_default()
            .iter()
            .filter_map(|transaction| transaction.effective_tip(block.base_fee))
            .collect();
        tips.sort_unstable();
        tips.truncate(SAMPLES_PER_BLOCK);
        let mut samples = self.0.lock();
        samples.insert(key, tips.clone());
        while samples.len() as u64 > 2 * SAMPLED_BLOCKS {
            samples.pop_first();
        }
        Ok(tips)
    }
}

/// Returns the tip that got transactions into recent blocks (the 60th percentile).
pub(crate) fn suggested_tip(api: &Api, view: &View) -> Result<U256, RequestError> {
    let head = view.head().number;
    let mut tips = Vec::new();
    for number in (head.saturating_sub(SAMPLED_BLOCKS - 1)..=head).rev() {
        if let Some(block) = view.at_number(number)? {
            tips.extend(api.tips.of(view, &block)?);
        }
    }
    tips.sort_unstable();
    let last = tips.len().saturating_sub(1);
    let tip = tips.get(last * 60 / 100).copied().unwrap_or_else(|| TIP_DEFAULT.into());
    Ok(tip.min(TIP_MAX.into()))
}

fn gas_price(api: &Api, _: &mut Params) -> Answer {
    let view = api.view()?;
    let tip = suggested_tip(api, &view)?;
    answer(&quantity(tip.saturating_add(next_base_fee(view.head()))))
}

fn max_priority_fee(api: &Api, _: &mut Params) -> Answer {
    answer(&quantity(suggested_tip(api, &api.view()?)?))
}

fn blob_base_fee(_: &Api, _: &mut Params) -> Answer {
    answer(&quantity(1_u64))
}

fn base_fee(api: &Api, _: &mut Params) -> Answer {
    answer(&quantity(next_base_fee(api.view()?.head())))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FeeHistory {
    oldest_block: Quantity,
    base_fee_per_gas: Vec<Quantity>,
    gas_used_ratio: Vec<f64>,
    base_fee_per_blob_gas: Vec<Quantity>,
    blob_gas_used_ratio: Vec<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reward: Option<Vec<Vec<Quantity>>>,
}

/// A number of blocks: a quantity, or a plain number as older clients send it.
struct BlockCount(u64);

impl Param for BlockCount {
    fn read(value: &Value) -> Result<Self, ParamError> {
        let count = match value {
            Value::Number(plain) => {
                plain.as_u64().ok_or_else(|| wrong_type("block count", value))?
            }
            Value::String(text) if text.starts_with("0x") => number(text)?.low_u64_saturating(),
            Value::String(text) => text.parse().map_err(|_| ParamError::MissingPrefix)?,
            other => return Err(wrong_type("block count", other)),
        };
        Ok(Self(count))
    }
}

trait LowSaturating {
    fn low_u64_saturating(self) -> u64;
}

impl LowSaturating for U256 {
    fn low_u64_saturating(self) -> u64 {
        u64::try_from(self).unwrap_or(u64::MAX)
    }
}

/// A percentile in millionths of a percent: no float is calculated with.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Percentile(u64);

const PERCENT: u64 = 1_000_000;

impl Param for Percentile {
    fn read(value: &Value) -> Result<Self, ParamError> {
        let Value::Number(number) = value else { return Err(wrong_type("percentile", value)) };
        match micro_percent(number) {
            Some(micro) if micro <= 100 * PERCENT => Ok(Self(micro)),
            _ => Err(ParamError::Contradiction("invalid reward percentile: not within 0 to 100")),
        }
    }
}

fn micro_percent(number: &Number) -> Option<u64> {
    let text = number.to_string();
    if text.contains("e-") {
        return (!text.starts_with('-')).then_some(0);
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let fraction: String = fraction.chars().chain("000000".chars()).take(6).collect();
    whole.parse::<u64>().ok()?.checked_mul(PERCENT)?.checked_add(fraction.parse().ok()?)
}

fn fee_history(api: &Api, params: &mut Params) -> Answer {
    let BlockCount(count) = params.required("blockCount")?;
    let newest: BlockTag = params.required("newestBlock")?;
    let percentiles: Option<Vec<Percentile>> =
        params.optional_with("rewardPercentiles", |value| {
            let read: Vec<Percentile> = list(value, "list of percentiles", PERCENTILES_MAX)?;
            if !read.is_sorted() {
                return Err(ParamError::Contradiction("invalid reward percentile: not ascending"));
            }
            Ok(read)
        })?;
    let view = api.view()?;
    let newest = view
        .at(newest)?
        .ok_or_else(|| RequestError::Refused("request beyond head block".to_owned()))?;
    let count = count.min(HISTORY_MAX).min(newest.number.saturating_add(1));
    let oldest = newest.number.saturating_add(1).saturating_sub(count);
    let mut history = FeeHistory {
        oldest_block: quantity(oldest),
        base_fee_per_gas: Vec::new(),
        gas_used_ratio: Vec::new(),
        base_fee_per_blob_gas: Vec::new(),
        blob_gas_used_ratio: Vec::new(),
        reward: percentiles.as_ref().map(|_| Vec::new()),
    };
    for number in oldest..oldest.saturating_add(count) {
        let block = view.at_number(number)?.ok_or(RequestError::UnknownBlock)?;
        history.base_fee_per_gas.push(quantity(block.base_fee));
        history.gas_used_ratio.push(ratio(block.gas_used, block.gas_limit));
        history.base_fee_per_blob_gas.push(quantity(1_u64));
        history.blob_gas_used_ratio.push(0);
        if let (Some(rewards), Some(percentiles)) = (&mut history.reward, &percentiles) {
            rewards.push(block_rewards(&view, &block, percentiles)?);
        }
    }
    if count > 0 {
        history.base_fee_per_gas.push(quantity(next_base_fee(&newest)));
        history.base_fee_per_blob_gas.push(quantity(1_u64));
    }
    answer(&history)
}

/// Returns `used / limit` for display, with nine digits.
fn ratio(used: u64, limit: u64) -> f64 {
    const DIGITS: u128 = 1_000_000_000;
    let scaled = u128::from(used) * DIGITS / u128::from(limit.max(1));
    format!("{}.{:09}", scaled / DIGITS, scaled % DIGITS).parse().unwrap_or_default()
}

/// Returns the tips at percentiles of a block's gas.
fn block_rewards(
    view: &View,
    block: &SealedHeader,
    percentiles: &[Percentile],
) -> Result<Vec<Quantity>, RequestError> {
    let receipts = view.receipts(block)?.unwrap_or_default();
    let transactions = view.transactions(block)?.unwrap_or_default();
    let mut before = 0_u64;
    let mut tips: Vec<(U256, u64)> = transactions
        .iter()
        .zip(&receipts)
        .map(|(transaction, receipt)| {
            let gas = receipt.cumulative_gas_used.saturating_sub(before);
            before = receipt.cumulative_gas_used;
            (transaction.effective_tip(block.base_fee).unwrap_or_default(), gas)
        })
        .collect();
    tips.sort_unstable();
    Ok(percentiles.iter().map(|at| quantity(tip_at(&tips, before, *at))).collect())
}

fn tip_at(tips: &[(U256, u64)], gas_used: u64, percentile: Percentile) -> U256 {
    let threshold = u128::from(gas_used) * u128::from(percentile.0) / u128::from(100 * PERCENT);
    let mut sum = 0_u128;
    for (tip, gas) in tips {
        sum += u128::from(*gas);
        if sum >= threshold {
            return *tip;
        }
    }
    tips.last().map_or_else(U256::zero, |(tip, _)| *tip)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn percentiles_are_exact_and_bounded() {
        for (value, micro) in [(json!(25), 25_000_000), (json!(99.5), 99_500_000), (json!(0), 0)] {
            assert_eq!(Percentile::read(&value), Ok(Percentile(micro)), "{value}");
        }
        for wrong in [json!(-1), json!(100.5), json!("5"), json!(1e300)] {
            assert!(Percentile::read(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn tips_are_weighted_by_gas() {
        let tips = [(U256::from(1), 90), (U256::from(50), 10)];
        let at = |percent: u64| tip_at(&tips, 100, Percentile(percent * PERCENT));
        assert_eq!(at(50), 1.into());
        assert_eq!(at(95), 50.into());
        assert_eq!(tip_at(&[], 0, Percentile(0)), U256::zero());
    }

    #[test]
    fn ratio_of_a_half_full_block_is_a_half() {
        assert_eq!(ratio(15_000_000, 30_000_000).to_string(), "0.5");
        assert_eq!(ratio(0, 0).to_string(), "0");
    }
}
