//! Exceptions, in geth's words.

use evm::interpreter::{ExitError, ExitException};

/// Why a frame ended by an exception. All its gas is gone and its changes are undone.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Halt {
    /// The gas ran out.
    #[error("out of gas")]
    OutOfGas,
    /// The stack has too few words for the opcode.
    #[error("stack underflow")]
    StackUnderflow,
    /// The stack would hold more than 1024 words.
    #[error("stack limit reached 1024")]
    StackOverflow,
    /// The target of a jump is no JUMPDEST.
    #[error("invalid jump destination")]
    InvalidJump,
    /// The opcode does not exist, or not in a static call.
    #[error("invalid opcode: {0:#x}")]
    InvalidOpcode(u8),
    /// More than 1024 frames.
    #[error("max call depth exceeded")]
    CallTooDeep,
    /// The caller holds less than it wants to move.
    #[error("insufficient balance for transfer")]
    InsufficientBalance,
    /// There is an account at the address of a new contract.
    #[error("contract address collision")]
    Collision,
    /// Code or init code is too long.
    #[error("max code size exceeded")]
    CodeTooLong,
    /// Code may not begin with 0xef (EIP-3541).
    #[error("invalid code: must not begin with 0xef")]
    InvalidCode,
    /// The bytes asked for are not there.
    #[error("return data out of bounds")]
    OutOfBounds,
    /// The nonce cannot grow.
    #[error("nonce uint64 overflow")]
    NonceOverflow,
    /// A precompiled contract refuses its input.
    #[error("precompiled contract failed")]
    Precompile,
}

impl Halt {
    /// Returns the halt of an error that is not a revert.
    pub(crate) fn of(error: &ExitError) -> Option<Self> {
        let ExitError::Exception(exception) = error else {
            return match error {
                ExitError::Reverted => None,
                _ => Some(Self::OutOfGas),
            };
        };
        Some(match exception {
            ExitException::StackUnderflow => Self::StackUnderflow,
            ExitException::StackOverflow => Self::StackOverflow,
            ExitException::InvalidJump => Self::InvalidJump,
            ExitException::InvalidOpcode(opcode) => Self::InvalidOpcode(opcode.as_u8()),
            ExitException::DesignatedInvalid => Self::InvalidOpcode(0xfe),
            ExitException::CallTooDeep => Self::CallTooDeep,
            ExitException::OutOfFund => Self::InsufficientBalance,
            ExitException::CreateCollision => Self::Collision,
            ExitException::CreateContractLimit => Self::CodeTooLong,
            ExitException::OutOfOffset => Self::OutOfBounds,
            ExitException::MaxNonce => Self::NonceOverflow,
            ExitException::Other(_) => Self::Precompile,
            _ => Self::OutOfGas,
        })
    }

    /// Returns the error that gives this halt back.
    pub(crate) fn to_exit(self) -> ExitError {
        match self {
            Self::OutOfGas => ExitException::OutOfGas.into(),
            _ => ExitException::Other("precompiled contract failed".into()).into(),
        }
    }
}
