//! The command line.

use std::path::PathBuf;

use clap::{Args as Arguments, Parser, Subcommand, ValueEnum};
use mbt_account::parse_amount;
use mbt_crypto::{
    U256,
    hd::{DerivationPath, ExtendedKey, Language},
};
use mbt_examples::exit::{self, Code, Failure};

/// Holds keys and uses them: one account on the public chain and on every league.
#[derive(Debug, Parser)]
#[command(version, after_help = exit::HELP)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes.
#[derive(Debug, Arguments)]
pub(crate) struct Options {
    /// Where keys, chains and history lie; by default .mbt-wallet in the home folder.
    #[arg(long, value_name = "DIR", global = true, env = "MBT_WALLET_HOME")]
    pub(crate) home: Option<PathBuf>,
    /// The chain to act on instead of the current one.
    #[arg(long, value_name = "NAME", global = true, env = "MBT_WALLET_CHAIN")]
    pub(crate) chain: Option<String>,
    /// Reads the password from the first line of this file instead of asking for it. The variable
    /// MBT_WALLET_PASSWORD serves as well.
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) password_file: Option<PathBuf>,
    /// Prints JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Does not ask before it signs, sends or removes.
    #[arg(short, long, global = true)]
    pub(crate) yes: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Makes, brings in, shows and removes keys.
    Keys {
        #[command(subcommand)]
        command: KeysCommand,
    },
    /// Shows what a chain knows of an account.
    Accounts {
        #[command(subcommand)]
        command: AccountsCommand,
    },
    /// Sends coin.
    Transfer(Transfer),
    /// Creates a contract.
    Deploy(Deploy),
    /// Calls a contract in a transaction.
    Call(Call),
    /// Asks a contract without a transaction.
    Read(Read),
    /// Sends a transaction that was signed before.
    Broadcast {
        /// The raw transaction as 0x-hex, or @FILE.
        transaction: String,
        #[command(flatten)]
        wait: Wait,
    },
    /// Shows what became of a transaction.
    Receipt {
        /// The transaction's hash.
        hash: String,
    },
    /// Lists the transactions that this wallet sent.
    History {
        /// Only this account's.
        account: Option<String>,
    },
    /// Signs a message or a document.
    Sign {
        #[command(subcommand)]
        command: SignCommand,
    },
    /// Checks who signed a message or document.
    Verify {
        #[command(subcommand)]
        command: VerifyCommand,
    },
    /// Encrypts a file to a public key, or to an account of this wallet.
    Encrypt {
        /// A compressed public key as 0x-hex, or an account's name.
        to: String,
        /// The file to encrypt.
        input: PathBuf,
        /// The file to write.
        output: PathBuf,
    },
    /// Decrypts a file that was encrypted to an account of this wallet.
    Decrypt {
        /// The account's name.
        account: String,
        /// The file to decrypt.
        input: PathBuf,
        /// The file to write, which only its owner may read.
        output: PathBuf,
    },
    /// Lists, adds and chooses chains. The accounts are the same on all of them.
    Chains {
        #[command(subcommand)]
        command: ChainsCommand,
    },
    /// Prints a shell's completions.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Makes words and the account at a path below them; the words are shown once.
    New {
        /// Name of the account.
        name: String,
        /// How many words.
        #[arg(long, value_name = "N", default_value = "12",
            value_parser = ["12", "15", "18", "21", "24"])]
        words: String,
        /// In which language.
        #[arg(long, default_value = "english")]
        language: WordList,
        #[command(flatten)]
        derivation: Derivation,
        #[command(flatten)]
        passphrase: Passphrase,
        #[command(flatten)]
        cost: Cost,
    },
    /// Brings in words, a key or a keystore, read from a file or from the input, never from the
    /// command line.
    Import {
        /// Name of the account.
        name: String,
        /// What is brought in.
        kind: Import,
        /// The file that has it; without it, it is asked for.
        file: Option<PathBuf>,
        #[command(flatten)]
        derivation: Derivation,
        #[command(flatten)]
        passphrase: Passphrase,
        #[command(flatten)]
        cost: Cost,
    },
    /// Adds another account below the words of one that is there.
    Derive {
        /// The account whose words are used.
        from: String,
        /// Name of the new account.
        name: String,
        #[command(flatten)]
        derivation: Derivation,
        /// Reads the passphrase from the first line of this file, if the words have one. The variable
        /// MBT_WALLET_PASSPHRASE serves as well.
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
        #[command(flatten)]
        cost: Cost,
    },
    /// Gives an account another password.
    Password {
        /// Name of the account.
        name: String,
        /// Reads the new password from the first line of this file instead of asking for it. The
        /// variable MBT_WALLET_NEW_PASSWORD serves as well.
        #[arg(long, value_name = "FILE")]
        new_password_file: Option<PathBuf>,
        #[command(flatten)]
        cost: Cost,
    },
    /// Lists the accounts.
    List,
    /// Writes an account's keystore, key or words into a file that only its owner may read.
    Export {
        /// Name of the account.
        name: String,
        /// What is written.
        kind: Secret,
        /// The file to write.
        file: PathBuf,
    },
    /// Removes an account from this wallet. The coin stays where it is; without a copy of the
    /// words or the key nobody can spend it any more.
    Remove {
        /// Name of the account.
        name: String,
    },
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Secret {
    /// The words (BIP-39).
    Mnemonic,
    /// The key, 64 hexadecimal digits.
    Key,
    /// A keystore file of geth, ethers, cast or this wallet.
    Keystore,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Import {
    /// The words (BIP-39).
    Mnemonic,
    /// An extended key (BIP-32): with a master key everything is as with words; below another one
    /// the path begins at it and must be given.
    Xprv,
    /// The key, 64 hexadecimal digits.
    Key,
    /// A keystore file of geth, ethers, cast or this wallet.
    Keystore,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum WordList {
    English,
    SimplifiedChinese,
    TraditionalChinese,
}

impl From<WordList> for Language {
    fn from(list: WordList) -> Self {
        match list {
            WordList::English => Self::English,
            WordList::SimplifiedChinese => Self::SimplifiedChinese,
            WordList::TraditionalChinese => Self::TraditionalChinese,
        }
    }
}

/// Which key below the words.
#[derive(Debug, Arguments)]
pub(crate) struct Derivation {
    /// The key's path; by default m/44'/60'/0'/0/INDEX.
    #[arg(long, value_name = "PATH", conflicts_with = "index")]
    path: Option<DerivationPath>,
    /// The account's number below the words.
    #[arg(long, value_name = "INDEX", default_value_t = 0,
        value_parser = clap::value_parser!(u32).range(..1 << 31))]
    index: u32,
}

impl Derivation {
    pub(crate) fn path(&self) -> DerivationPath {
        self.path.clone().unwrap_or_else(|| DerivationPath::account(self.index))
    }

    /// Returns the path below an extended key, which need not be a master key.
    pub(crate) fn path_below(&self, parent: &ExtendedKey) -> Result<DerivationPath, Failure> {
        if parent.depth() > 0 && self.path.is_none() {
            let depth = parent.depth();
            let sentence = format!(
                "this extended key is {depth} steps below its master key: give the path from it on, \
                 as in --path m/0/0"
            );
            return Err(Failure::new(Code::Usage, sentence));
        }
        Ok(self.path())
    }
}

/// The passphrase of words (BIP-39).
#[derive(Debug, Arguments)]
pub(crate) struct Passphrase {
    /// Asks for a passphrase that belongs to the words. Every passphrase gives another account.
    #[arg(long)]
    pub(crate) passphrase: bool,
    /// Reads the passphrase from the first line of this file instead of asking for it. The variable
    /// MBT_WALLET_PASSPHRASE serves as well.
    #[arg(long, value_name = "FILE", requires = "passphrase")]
    pub(crate) passphrase_file: Option<PathBuf>,
}

/// What guessing the password costs.
#[derive(Debug, Arguments)]
pub(crate) struct Cost {
    /// How hard the password is to guess, and how long it takes to use the key.
    #[arg(long, value_name = "PROFILE", default_value = "standard")]
    pub(crate) kdf: Profile,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Profile {
    /// 256 MiB of memory, about a second.
    Standard,
    /// 32 MiB, about a tenth of a second.
    Light,
    /// 4 MiB: for development keys only.
    Minimal,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AccountsCommand {
    /// Shows balance, nonce and the account's record.
    Show {
        /// A name or an address in either form.
        account: String,
    },
    /// Shows the balances of all accounts of this wallet.
    List,
}

#[derive(Debug, Arguments)]
pub(crate) struct Transfer {
    /// The account that pays.
    pub(crate) from: String,
    /// Who is paid: a name or an address in either form.
    pub(crate) to: String,
    /// How much: "1.5 MBTC", "20 gwei"; a number alone is MBTC.
    #[arg(value_parser = amount)]
    pub(crate) amount: U256,
    #[command(flatten)]
    pub(crate) send: Send,
}

#[derive(Debug, Arguments)]
pub(crate) struct Deploy {
    /// The account that pays.
    pub(crate) from: String,
    /// A compiled contract: JSON with abi and bytecode, or hexadecimal digits.
    pub(crate) file: PathBuf,
    /// The constructor's arguments.
    #[arg(allow_negative_numbers = true)]
    pub(crate) arguments: Vec<String>,
    /// The constructor's parameters, "(uint256,address)", where the file has no abi.
    #[arg(long, value_name = "TYPES")]
    pub(crate) constructor: Option<String>,
    /// Coin to send along.
    #[arg(long, default_value = "0", value_parser = amount)]
    pub(crate) value: U256,
    #[command(flatten)]
    pub(crate) send: Send,
}

#[derive(Debug, Arguments)]
pub(crate) struct Call {
    /// The account that pays.
    pub(crate) from: String,
    /// The contract.
    pub(crate) to: String,
    /// The function: "write(uint256)".
    pub(crate) signature: String,
    /// Its arguments.
    #[arg(allow_negative_numbers = true)]
    pub(crate) arguments: Vec<String>,
    /// Coin to send along.
    #[arg(long, default_value = "0", value_parser = amount)]
    pub(crate) value: U256,
    #[command(flatten)]
    pub(crate) send: Send,
}

#[derive(Debug, Arguments)]
pub(crate) struct Read {
    /// The contract.
    pub(crate) to: String,
    /// The function with what it returns: "pages(address)(uint256)".
    pub(crate) signature: String,
    /// Its arguments.
    #[arg(allow_negative_numbers = true)]
    pub(crate) arguments: Vec<String>,
    /// Who asks.
    #[arg(long)]
    pub(crate) from: Option<String>,
    /// As of which block: a number or latest, safe, finalized, pending, earliest.
    #[arg(long, default_value = "latest")]
    pub(crate) block: String,
}

/// How a transaction is priced and sent.
#[derive(Debug, Arguments)]
pub(crate) struct Send {
    /// Signs without asking a node, and prints the raw transaction. Wants nonce, gas limit and fees.
    #[arg(long, requires_all = ["nonce", "gas_limit", "max_fee", "priority_fee"])]
    pub(crate) offline: bool,
    /// Writes the raw transaction into this file instead of sending it.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Number of the account's transactions before this one; else the node is asked.
    #[arg(long)]
    pub(crate) nonce: Option<u64>,
    /// Most gas that may be used; else the node estimates it.
    #[arg(long)]
    pub(crate) gas_limit: Option<u64>,
    /// Most that is paid for a unit of gas: "30 gwei".
    #[arg(long, value_name = "AMOUNT", value_parser = fee)]
    pub(crate) max_fee: Option<U256>,
    /// Most that goes to the miner for a unit of gas: "1 gwei".
    #[arg(long, value_name = "AMOUNT", value_parser = fee)]
    pub(crate) priority_fee: Option<U256>,
    #[command(flatten)]
    pub(crate) wait: Wait,
    /// Signs for a chain id that is none of this network's, where the same key may hold coin.
    #[arg(long)]
    pub(crate) allow_foreign_chain: bool,
}

/// Until when a transaction is followed.
#[derive(Clone, Copy, Debug, Arguments)]
pub(crate) struct Wait {
    /// Does not wait until the transaction is in a block.
    #[arg(long)]
    pub(crate) no_wait: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SignCommand {
    /// Signs a message (EIP-191).
    Message {
        /// The account that signs.
        account: String,
        /// The message, or @FILE.
        message: String,
    },
    /// Signs a document (EIP-712).
    Typed {
        /// The account that signs.
        account: String,
        /// The document's file.
        file: PathBuf,
        /// Signs for a chain id that is none of this network's, where the same key may hold coin.
        #[arg(long)]
        allow_foreign_chain: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum VerifyCommand {
    /// Checks a message's signature (EIP-191).
    Message {
        /// Who should have signed: a name or an address.
        account: String,
        /// The message, or @FILE.
        message: String,
        /// The signature, 0x-hex of 65 bytes.
        signature: String,
    },
    /// Checks a document's signature (EIP-712).
    Typed {
        /// Who should have signed: a name or an address.
        account: String,
        /// The document's file.
        file: PathBuf,
        /// The signature, 0x-hex of 65 bytes.
        signature: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ChainsCommand {
    /// Lists the chains.
    List,
    /// Adds a chain, or changes one.
    Add {
        /// Its name here.
        name: String,
        /// Its chain id.
        #[arg(long)]
        chain_id: u64,
        /// A node's URL.
        #[arg(long)]
        rpc: String,
    },
    /// Makes a chain the current one.
    Use {
        /// Its name.
        name: String,
    },
    /// Removes a chain.
    Remove {
        /// Its name.
        name: String,
    },
}

fn amount(text: &str) -> Result<U256, mbt_account::AmountError> {
    parse_amount(text)
}

/// Reads a price of gas. Here a number alone is a slip: MBTC is a billion times too much.
fn fee(text: &str) -> Result<U256, String> {
    if !text.contains(|c: char| c.is_ascii_alphabetic()) {
        return Err("the unit is missing, as in \"30 gwei\"".to_owned());
    }
    parse_amount(text).map_err(|error| error.to_string())
}
