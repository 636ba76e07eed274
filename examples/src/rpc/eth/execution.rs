//! Calls that leave no trace: `eth_call`, `eth_estimateGas`, `eth_createAccessList`.

use mbt_account::InvalidTransaction;
use mbt_consensus::BlockContext;
use mbt_crypto::Address;
use mbt_trie::StateView;
use mbt_vm::{BlockOverrides, CallError, CallOutcome, CallRequest, CallResult, StateOverrides};
use serde_json::json;

use crate::rpc::{
    api::Api,
    error::{RequestError, reverted},
    method::{Answer, Method, answer},
    params::Params,
    types::{
        block_ref::{BlockRef, BlockTag},
        call::RpcCall,
        hex::{prefixed, quantity},
        transaction::RpcAccess,
    },
    view::View,
};

/// Methods of this file.
pub(crate) const METHODS: &[Method] = &[
    Method::heavy("eth_call", 4, call),
    Method::heavy("eth_estimateGas", 4, estimate_gas),
    Method::heavy("eth_createAccessList", 3, create_access_list),
];

/// What a call is about, read from its parameters.
pub(crate) struct Prepared {
    pub(crate) call: RpcCall,
    block: BlockRef,
    overrides: StateOverrides,
    block_overrides: BlockOverrides,
}

impl Prepared {
    /// Reads call, block, state overrides and block overrides.
    pub(crate) fn read(params: &mut Params) -> Result<Self, RequestError> {
        let call: RpcCall = params.required("transaction")?;
        let block = params.optional("block")?.unwrap_or_default();
        Ok(Self {
            call,
            block,
            overrides: params.optional("stateOverrides")?.unwrap_or_default(),
            block_overrides: params.optional("blockOverrides")?.unwrap_or_default(),
        })
    }

    /// Joins parts that were read elsewhere.
    pub(crate) const fn new(
        call: RpcCall,
        block: BlockRef,
        overrides: StateOverrides,
        block_overrides: BlockOverrides,
    ) -> Self {
        Self { call, block, overrides, block_overrides }
    }

    /// Calls `run` with the block's context, the call and the state it sees.
    pub(crate) fn run<T>(
        &self,
        api: &Api,
        view: &View,
        run: impl FnOnce(&BlockContext<'_>, &CallRequest, &Scene<'_>) -> Result<T, RequestError>,
    ) -> Result<T, RequestError> {
        if let Some(chain_id) = self.call.chain_id
            && chain_id != api.node.chain_config().chain_id
        {
            let want = api.node.chain_config().chain_id;
            let reason = InvalidTransaction::WrongChain { have: chain_id, want };
            return Err(RequestError::Refused(reason.to_string()));
        }
        let block = view.find(self.block)?;
        let owned = if self.block == BlockRef::Tag(BlockTag::Pending) {
            view.chain().next_context(api.node.now(), Address::ZERO)
        } else {
            view.chain().block_context(block.number)?.ok_or(RequestError::UnknownBlock)?
        };
        let context = self.block_overrides.apply(&owned.context());
        let state = view.state(block.number)?;
        let scene = Scene { state: &state, overrides: &self.overrides };
        run(&context, &self.request(api), &scene)
    }

    fn request(&self, api: &Api) -> CallRequest {
        let call = &self.call;
        let gas_max = api.config.call_gas_max;
        CallRequest {
            from: call.from.unwrap_or(Address::ZERO),
            to: call.to,
            gas_limit: call.gas.unwrap_or(gas_max).min(gas_max),
            value: call.value.unwrap_or_default(),
            input: call.input.clone(),
            access_list: call.access_list.clone().unwrap_or_default(),
            nonce: call.nonce,
            gas_price: call.gas_price,
            max_fee_per_gas: call.max_fee_per_gas,
            max_priority_fee_per_gas: call.max_priority_fee_per_gas,
        }
    }
}

/// The state that a call sees.
pub(crate) struct Scene<'a> {
    pub(crate) state: &'a dyn StateView,
    pub(crate) overrides: &'a StateOverrides,
}

/// Turns the outcome of a call into its output, or into geth's error.
pub(crate) fn output(outcome: CallOutcome) -> Result<Vec<u8>, RequestError> {
    match outcome.result {
        CallResult::Success => Ok(outcome.output),
        CallResult::Reverted => Err(reverted(outcome.output)),
        CallResult::Halted(halt) => Err(RequestError::Refused(halt.to_string())),
    }
}

/// Turns the machine's refusal into geth's error.
pub(crate) fn refused(error: CallError) -> RequestError {
    match error {
        CallError::State(error) => error.into(),
        CallError::Reverted { output } => reverted(output),
        other => RequestError::Refused(other.to_string()),
    }
}

fn call(api: &Api, params: &mut Params) -> Answer {
    let prepared = Prepared::read(params)?;
    let view = api.view()?.until(params.deadline());
    let outcome = prepared.run(api, &view, |context, request, scene| {
        api.node.evm().call(context, request, scene.state, scene.overrides).map_err(refused)
    })?;
    answer(&prefixed(&output(outcome)?))
}

fn estimate_gas(api: &Api, params: &mut Params) -> Answer {
    let prepared = Prepared::read(params)?;
    let view = api.view()?.until(params.deadline());
    answer(&quantity(estimate(api, &view, &prepared)?))
}

/// Returns the least gas with which a call succeeds.
pub(crate) fn estimate(api: &Api, view: &View, prepared: &Prepared) -> Result<u64, RequestError> {
    prepared.run(api, view, |context, request, scene| {
        // A transaction that no block can hold is not an answer.
        let gas_limit = request.gas_limit.min(context.gas_limit);
        let request = CallRequest { gas_limit, ..request.clone() };
        let evm = api.node.evm();
        evm.estimate_gas(context, &request, scene.state, scene.overrides).map_err(refused)
    })
}

fn create_access_list(api: &Api, params: &mut Params) -> Answer {
    let prepared = Prepared::read(params)?;
    let view = api.view()?.until(params.deadline());
    let created = prepared.run(api, &view, |context, request, scene| {
        api.node
            .evm()
            .create_access_list(context, request, scene.state, scene.overrides)
            .map_err(refused)
    })?;
    let list: Vec<RpcAccess> = created.access_list.iter().map(RpcAccess::from).collect();
    let mut shown = json!({ "accessList": list, "gasUsed": quantity(created.gas_used) });
    if let Some(error) = created.error {
        shown["error"] = error.into();
    }
    answer(&shown)
}
