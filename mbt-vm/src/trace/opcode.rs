//! Names of opcodes, as geth writes them.

use std::borrow::Cow;

const LOW: [&str; 0x60] = [
    "STOP",
    "ADD",
    "MUL",
    "SUB",
    "DIV",
    "SDIV",
    "MOD",
    "SMOD",
    "ADDMOD",
    "MULMOD",
    "EXP",
    "SIGNEXTEND",
    "",
    "",
    "",
    "",
    "LT",
    "GT",
    "SLT",
    "SGT",
    "EQ",
    "ISZERO",
    "AND",
    "OR",
    "XOR",
    "NOT",
    "BYTE",
    "SHL",
    "SHR",
    "SAR",
    "",
    "",
    "KECCAK256",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "ADDRESS",
    "BALANCE",
    "ORIGIN",
    "CALLER",
    "CALLVALUE",
    "CALLDATALOAD",
    "CALLDATASIZE",
    "CALLDATACOPY",
    "CODESIZE",
    "CODECOPY",
    "GASPRICE",
    "EXTCODESIZE",
    "EXTCODECOPY",
    "RETURNDATASIZE",
    "RETURNDATACOPY",
    "EXTCODEHASH",
    "BLOCKHASH",
    "COINBASE",
    "TIMESTAMP",
    "NUMBER",
    "DIFFICULTY",
    "GASLIMIT",
    "CHAINID",
    "SELFBALANCE",
    "BASEFEE",
    "BLOBHASH",
    "BLOBBASEFEE",
    "",
    "",
    "",
    "",
    "",
    "POP",
    "MLOAD",
    "MSTORE",
    "MSTORE8",
    "SLOAD",
    "SSTORE",
    "JUMP",
    "JUMPI",
    "PC",
    "MSIZE",
    "GAS",
    "JUMPDEST",
    "TLOAD",
    "TSTORE",
    "MCOPY",
    "PUSH0",
];

/// Opcodes that tracers look at.
pub(crate) mod op {
    pub(crate) const BALANCE: u8 = 0x31;
    pub(crate) const EXTCODESIZE: u8 = 0x3b;
    pub(crate) const EXTCODECOPY: u8 = 0x3c;
    pub(crate) const EXTCODEHASH: u8 = 0x3f;
    pub(crate) const SLOAD: u8 = 0x54;
    pub(crate) const SSTORE: u8 = 0x55;
    pub(crate) const LOG0: u8 = 0xa0;
    pub(crate) const LOG4: u8 = 0xa4;
    pub(crate) const CALL: u8 = 0xf1;
    pub(crate) const CALLCODE: u8 = 0xf2;
    pub(crate) const DELEGATECALL: u8 = 0xf4;
    pub(crate) const STATICCALL: u8 = 0xfa;
    pub(crate) const SELFDESTRUCT: u8 = 0xff;
}

/// Returns an opcode's name.
pub(crate) fn name(opcode: u8) -> Cow<'static, str> {
    let numbered = |name: &str, first: u8| Cow::Owned(format!("{name}{}", opcode - first));
    match opcode {
        0x00..=0x5f if !LOW[usize::from(opcode)].is_empty() => LOW[usize::from(opcode)].into(),
        0x60..=0x7f => numbered("PUSH", 0x5f),
        0x80..=0x8f => numbered("DUP", 0x7f),
        0x90..=0x9f => numbered("SWAP", 0x8f),
        0xa0..=0xa4 => numbered("LOG", 0xa0),
        0xf0 => "CREATE".into(),
        0xf1 => "CALL".into(),
        0xf2 => "CALLCODE".into(),
        0xf3 => "RETURN".into(),
        0xf4 => "DELEGATECALL".into(),
        0xf5 => "CREATE2".into(),
        0xfa => "STATICCALL".into(),
        0xfd => "REVERT".into(),
        0xfe => "INVALID".into(),
        0xff => "SELFDESTRUCT".into(),
        _ => format!("opcode {opcode:#x} not defined").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_at_their_numbers() {
        for (opcode, expected) in [
            (0x01, "ADD"),
            (0x20, "KECCAK256"),
            (0x3f, "EXTCODEHASH"),
            (0x5f, "PUSH0"),
            (0x60, "PUSH1"),
            (0x7f, "PUSH32"),
            (0x80, "DUP1"),
            (0x9f, "SWAP16"),
            (0xa4, "LOG4"),
            (0x0c, "opcode 0xc not defined"),
        ] {
            assert_eq!(name(opcode), expected);
        }
    }
}
