//! What a transaction does, in words, before it is signed or sent.

use mbt_account::{AssignedChain, Transaction, format_amount};
use mbt_crypto::{Address, U256};
use mbt_examples::exit::{Code, Failure};

use super::output::Wallet;

/// Describes a transaction. `what` says in words what the input means, where that is known.
pub(crate) fn transaction(
    wallet: &Wallet,
    from: Address,
    transaction: &Transaction,
    what: Option<&str>,
) -> Result<Vec<String>, Failure> {
    let chain = wallet.chain()?;
    let chain_id = transaction.chain_id().map_or("any".to_owned(), |id| id.to_string());
    let to = match transaction.to {
        Some(to) => wallet.show(to)?,
        None => format!("new contract {}", wallet.show(from.create(transaction.nonce))?),
    };
    let fee = transaction.max_fee_per_gas().checked_mul(transaction.gas_limit.into());
    let fee = fee.map_or("more than there is".to_owned(), format_amount);
    let mut lines = vec![
        format!("chain     {} ({chain_id})", chain.name),
        format!("from      {}, transaction {}", wallet.show(from)?, transaction.nonce),
        format!("to        {to}"),
        format!("amount    {} MBTC", format_amount(transaction.value)),
        format!("fee       at most {fee} MBTC for {} gas", transaction.gas_limit),
    ];
    let length = transaction.input.len();
    match (what, transaction.input.get(..4)) {
        (Some(what), _) => lines.push(format!("does      {what}")),
        (None, Some(selector)) if transaction.to.is_some() => {
            let selector = hex::encode(selector);
            lines.push(format!("does      calls 0x{selector} with {length} bytes of input"));
        }
        (None, Some(_)) => lines.push(format!("does      runs {length} bytes of code")),
        (None, None) => {}
    }
    Ok(lines)
}

/// Refuses to sign for a chain outside this network's scheme: the same key may hold coin there, and
/// the signature would be good.
pub(crate) fn check_chain(chain_id: Option<U256>, allow_foreign: bool) -> Result<(), Failure> {
    let assigned = |id| u64::try_from(id).ok().and_then(AssignedChain::from_id).is_some();
    if allow_foreign || chain_id.is_some_and(assigned) {
        return Ok(());
    }
    let id = chain_id.map_or("none".to_owned(), |id| id.to_string());
    Err(Failure::new(
        Code::Usage,
        format!(
            "chain id {id} is none of this network's: give --allow-foreign-chain to sign for it"
        ),
    ))
}
