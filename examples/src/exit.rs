//! How a program says what went wrong: one sentence on stderr, and a code that scripts can tell
//! apart.

use std::{fmt, io, process::ExitCode};

/// Why a program ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum Code {
    /// Something failed while it ran.
    Failed = 1,
    /// It was called wrongly.
    Usage = 2,
    /// The configuration is not valid.
    Config = 3,
    /// The data folder is in use by another process.
    DataLocked = 4,
    /// The data folder holds another chain.
    GenesisMismatch = 5,
    /// A port is in use by another process.
    PortInUse = 6,
}

/// What `--help` says about exit codes.
pub const HELP: &str = "Exit codes: 0 ok, 1 failed, 2 usage, 3 configuration not valid, \
4 data folder in use, 5 data folder holds another chain, 6 port in use";

/// An error with its code.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{sentence}")]
pub struct Failure {
    /// What a script sees.
    pub code: Code,
    /// What a person reads: lower case, no full stop.
    pub sentence: String,
}

impl Failure {
    /// Joins a code and a sentence.
    pub fn new(code: Code, sentence: impl fmt::Display) -> Self {
        Self { code, sentence: sentence.to_string() }
    }

    /// Tells that something failed while the program ran.
    pub fn runtime(sentence: impl fmt::Display) -> Self {
        Self::new(Code::Failed, sentence)
    }

    /// Tells that an address cannot be listened on.
    #[must_use]
    pub fn bind(what: &str, address: impl fmt::Display, error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::AddrInUse {
            let sentence = format!("{what} address {address} is in use by another process");
            Self::new(Code::PortInUse, sentence)
        } else {
            Self::runtime(format!("{what} address {address} cannot be listened on: {error}"))
        }
    }
}

/// Ends a program: prints a failure's sentence, and returns its code.
pub fn finish(result: Result<(), Failure>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprint_line(&format!("error: {failure}"));
            ExitCode::from(failure.code as u8)
        }
    }
}

/// Prints a line for people. A closed stdout is not an error: nobody reads any more.
#[allow(clippy::print_stdout, reason = "the one place that writes to stdout")]
pub fn print_line(line: &str) {
    use io::Write;
    let mut out = io::stdout().lock();
    drop(writeln!(out, "{line}").and_then(|()| out.flush()));
}

/// Prints a line to stderr, made [`plain`].
pub fn eprint_line(line: &str) {
    use io::Write;
    drop(writeln!(io::stderr().lock(), "{}", plain(line)));
}

/// Escapes what steers a terminal or turns the direction of writing: text that comes from others, a
/// contract's reason to revert for one, must not dress up as a program's own.
#[must_use]
pub fn plain(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    for letter in line.chars() {
        let turns = matches!(letter, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
            || matches!(letter, '\u{61c}' | '\u{2066}'..='\u{2069}');
        if turns || (letter.is_control() && letter != '\n') {
            plain.extend(letter.escape_unicode());
        } else {
            plain.push(letter);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_is_printed() {
        let reason = "execution reverted: \u{1b}[2Jsent 5\r\u{9b}1m\u{202e}\n\u{4f60}\u{597d}";
        let shown =
            "execution reverted: \\u{1b}[2Jsent 5\\u{d}\\u{9b}1m\\u{202e}\n\u{4f60}\u{597d}";
        assert_eq!(plain(reason), shown);
    }
}
