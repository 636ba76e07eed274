//! `accounts` and `read`: what a chain knows.

use mbt_account::format_amount;
use mbt_crypto::U256;
use mbt_examples::exit::{Code, Failure};
use serde_json::{Value, json};

use super::{
    abi,
    args::{AccountsCommand, Read},
    node::{Node, bytes, number},
    output::Wallet,
};

pub(crate) fn run(wallet: &Wallet, command: AccountsCommand) -> Result<(), Failure> {
    match command {
        AccountsCommand::Show { account } => show(wallet, &account),
        AccountsCommand::List => list(wallet),
    }
}

fn show(wallet: &Wallet, account: &str) -> Result<(), Failure> {
    let address = wallet.address(account)?;
    let node = Node::connect(&wallet.chain()?)?;
    let record = node.ask("mbt_getAccount", &json!([address.to_hex(), "latest"]))?;
    let quantity = |name: &str| {
        record.get(name).and_then(number).ok_or_else(|| missing("mbt_getAccount", name))
    };
    let (balance, nonce) = (quantity("balance")?, quantity("nonce")?);
    let text = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or("-");
    let lines = [
        format!("address       {}", wallet.show(address)?),
        format!("balance       {} MBTC", format_amount(balance)),
        format!("nonce         {nonce}"),
        format!("code hash     {}", text("codeHash")),
        format!("storage root  {}", text("storageRoot")),
        format!("league        {}", text("leagueGenesisRoot")),
    ];
    wallet.print(&record, &lines);
    Ok(())
}

fn missing(method: &str, name: &str) -> Failure {
    Failure::runtime(format!("{method} answered without {name}"))
}

fn list(wallet: &Wallet) -> Result<(), Failure> {
    let node = Node::connect(&wallet.chain()?)?;
    let network = wallet.network()?;
    let (mut json, mut lines) = (Vec::new(), Vec::new());
    let mut total = U256::zero();
    for account in wallet.home.accounts()? {
        let balance = node.balance(account.address)?;
        total = total.saturating_add(balance);
        let (name, base58) = (&account.name, account.address.to_base58(network));
        lines.push(format!("{name:<16} {base58}  {} MBTC", format_amount(balance)));
        json.push(json!({
            "name": name, "address": base58, "balance": format!("{balance:#x}"),
        }));
    }
    lines.push(format!("{:<16} {:<34}  {} MBTC", "total", "", format_amount(total)));
    wallet.print(&json.into(), &lines);
    Ok(())
}

/// `read`: asks a contract without a transaction.
pub(crate) fn read(wallet: &Wallet, command: &Read) -> Result<(), Failure> {
    let function = abi::function(&command.signature)?;
    if function.outputs.is_empty() {
        let hint = "as in \"pages(address)(uint256)\"";
        let sentence =
            format!("signature \"{}\" does not say what it returns, {hint}", command.signature);
        return Err(Failure::new(Code::Usage, sentence));
    }
    let to = wallet.address(&command.to)?;
    let data = abi::call_data(wallet, &function, &command.arguments)?;
    let mut request = json!({ "to": to.to_hex(), "data": format!("0x{}", hex::encode(data)) });
    if let Some(from) = &command.from {
        request["from"] = json!(wallet.address(from)?.to_hex());
    }
    let block = match command.block.parse::<u64>() {
        Ok(number) => format!("{number:#x}"),
        Err(_) => command.block.clone(),
    };
    let node = Node::connect(&wallet.chain()?)?;
    let answer = node.ask("eth_call", &json!([request, block]))?;
    let data =
        bytes(&answer).ok_or_else(|| Failure::runtime(format!("eth_call answered {answer}")))?;
    if data.is_empty() {
        let address = wallet.show(to)?;
        return Err(Failure::runtime(format!("there is no contract at {address}")));
    }
    let results = abi::results(&function, &data)?;
    wallet.print(&json!({ "results": results, "data": answer }), &results);
    Ok(())
}
