//! Keys, accounts and transactions of one person, on every chain with the same account.
//!
//!     mbt-wallet keys new alice                     words, a key, an address
//!     mbt-wallet chains add local --chain-id 31337 --rpc http://127.0.0.1:8545
//!     mbt-wallet transfer alice tV8mjF9ZJ67KLDY6qucHXSkXByS5TFiQYr "1.5 MBTC"
//!     mbt-wallet read 0xe7f1... "pages(address)(uint256)" alice
//!
//! Leaves out what is not there yet: leagues, the bridge and the exchange.

mod abi;
mod accounts;
mod args;
mod chains;
mod history;
mod home;
mod keys;
mod node;
mod output;
mod preview;
mod sealed;
mod secret;
mod sign;
mod transaction;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use mbt_examples::exit::{Failure, finish, print_line};

use args::{Args, Command};

fn main() -> ExitCode {
    finish(execute(Args::parse()))
}

fn execute(args: Args) -> Result<(), Failure> {
    let wallet = output::Wallet::open(args.options)?;
    match args.command {
        Command::Keys { command } => keys::run(&wallet, command),
        Command::Accounts { command } => accounts::run(&wallet, command),
        Command::Transfer(command) => transaction::transfer(&wallet, &command),
        Command::Deploy(command) => transaction::deploy(&wallet, &command),
        Command::Call(command) => transaction::call(&wallet, &command),
        Command::Read(command) => accounts::read(&wallet, &command),
        Command::Broadcast { transaction, wait } => {
            transaction::broadcast(&wallet, &transaction, wait)
        }
        Command::Receipt { hash } => history::receipt(&wallet, &hash),
        Command::History { account } => history::list(&wallet, account.as_deref()),
        Command::Sign { command } => sign::sign(&wallet, command),
        Command::Verify { command } => sign::verify(&wallet, command),
        Command::Encrypt { to, input, output } => sealed::encrypt(&wallet, &to, &input, &output),
        Command::Decrypt { account, input, output } => {
            sealed::decrypt(&wallet, &account, &input, &output)
        }
        Command::Chains { command } => chains::run(&wallet, command),
        Command::Completions { shell } => {
            // Not straight to the output, which a reader may have closed.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Args::command(), "mbt-wallet", &mut script);
            print_line(String::from_utf8_lossy(&script).trim_end());
            Ok(())
        }
    }
}
