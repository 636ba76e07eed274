//! Arguments and results by a function's signature, as Solidity encodes them.

use alloy_dyn_abi::{DynSolType, DynSolValue, FunctionExt, JsonAbiExt, Specifier};
use alloy_json_abi::{Constructor, Function, JsonAbi, Param};
use mbt_examples::exit::{Code, Failure};
use serde_json::Value;

use super::output::Wallet;

/// Reads a signature such as "write(uint256)" or "pages(address)(uint256)".
pub(crate) fn function(signature: &str) -> Result<Function, Failure> {
    Function::parse(signature).map_err(|error| usage(format!("signature \"{signature}\": {error}")))
}

/// Returns call data: the selector and the arguments.
pub(crate) fn call_data(
    wallet: &Wallet,
    function: &Function,
    arguments: &[String],
) -> Result<Vec<u8>, Failure> {
    let values = values(wallet, &function.inputs, arguments)?;
    function.abi_encode_input(&values).map_err(usage)
}

/// Reads what a function returned.
pub(crate) fn results(function: &Function, data: &[u8]) -> Result<Vec<String>, Failure> {
    let values = function.abi_decode_output(data).map_err(|error| {
        let what = function.full_signature();
        Failure::runtime(format!("the answer does not fit {what}: {error}"))
    })?;
    Ok(values.iter().map(show).collect())
}

/// Returns a constructor's arguments, by its parameters' types or by the contract's abi.
pub(crate) fn constructor_data(
    wallet: &Wallet,
    types: Option<&str>,
    abi: Option<&Value>,
    arguments: &[String],
) -> Result<Vec<u8>, Failure> {
    let constructor = match (types, abi) {
        (Some(types), _) => Some(
            Constructor::parse(&format!("constructor{types}"))
                .map_err(|error| usage(format!("constructor \"{types}\": {error}")))?,
        ),
        (None, Some(abi)) => {
            let abi: JsonAbi = serde_json::from_value(abi.clone())
                .map_err(|error| usage(format!("the contract's abi: {error}")))?;
            abi.constructor
        }
        (None, None) => None,
    };
    match constructor {
        Some(constructor) => {
            let values = values(wallet, &constructor.inputs, arguments)?;
            constructor.abi_encode_input(&values).map_err(usage)
        }
        None if arguments.is_empty() => Ok(Vec::new()),
        None => Err(usage(
            "arguments are given, but the constructor has none, or the file has no abi: \
             give --constructor \"(types)\"",
        )),
    }
}

fn values(
    wallet: &Wallet,
    params: &[Param],
    arguments: &[String],
) -> Result<Vec<DynSolValue>, Failure> {
    if params.len() != arguments.len() {
        let (found, expected) = (arguments.len(), params.len());
        return Err(usage(format!("{found} arguments, expected {expected}")));
    }
    let mut values = Vec::with_capacity(params.len());
    for (place, (param, argument)) in (1..).zip(params.iter().zip(arguments)) {
        let value = value(wallet, param, argument)
            .map_err(|reason| usage(format!("argument {place}, {}: {reason}", param.ty)))?;
        values.push(value);
    }
    Ok(values)
}

fn value(wallet: &Wallet, param: &Param, argument: &str) -> Result<DynSolValue, String> {
    let ty: DynSolType = param.resolve().map_err(|error| error.to_string())?;
    if ty == DynSolType::Address {
        // A name or either form of an address; the library knows the hexadecimal one alone.
        let address = wallet.address(argument).map_err(|failure| failure.sentence)?;
        return Ok(DynSolValue::Address(address.0.into()));
    }
    ty.coerce_str(argument).map_err(|error| error.to_string())
}

/// Shows a value on one line.
pub(crate) fn show(value: &DynSolValue) -> String {
    let list = |values: &[DynSolValue]| values.iter().map(show).collect::<Vec<_>>().join(", ");
    match value {
        DynSolValue::Bool(value) => value.to_string(),
        DynSolValue::Int(value, _) => value.to_string(),
        DynSolValue::Uint(value, _) => value.to_string(),
        DynSolValue::FixedBytes(word, size) => {
            format!("0x{}", hex::encode(word.get(..*size).unwrap_or(word.as_slice())))
        }
        DynSolValue::Address(address) => address.to_checksum(None),
        DynSolValue::Function(function) => function.to_string(),
        DynSolValue::Bytes(bytes) => format!("0x{}", hex::encode(bytes)),
        // Quoted, so that no text of a contract can dress up as output of this program.
        DynSolValue::String(text) => format!("{text:?}"),
        DynSolValue::Array(values) | DynSolValue::FixedArray(values) => {
            format!("[{}]", list(values))
        }
        DynSolValue::Tuple(values) | DynSolValue::CustomStruct { tuple: values, .. } => {
            format!("({})", list(values))
        }
    }
}

fn usage(sentence: impl std::fmt::Display) -> Failure {
    Failure::new(Code::Usage, sentence)
}
