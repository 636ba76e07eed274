//! Secrets come from a prompt, a file or a variable, never from the command line, which other users
//! of the machine can read.

use std::{
    env, fs,
    io::{self, BufRead, IsTerminal, Read},
    path::Path,
};

use mbt_examples::exit::{Code, Failure};
use zeroize::Zeroizing;

/// Longest secret that is read from a file.
const SECRET_BYTES_MAX: u64 = 1 << 16;

/// The variable that holds a password.
const PASSWORD_VARIABLE: &str = "MBT_WALLET_PASSWORD";

/// Returns the password of a key that is there.
pub(crate) fn password(file: Option<&Path>, of: &str) -> Result<Zeroizing<String>, Failure> {
    match given(file)? {
        Some(password) => Ok(password),
        None => prompt(&format!("Password of {of}: ")),
    }
}

/// Returns the password for a new key, asked for twice.
pub(crate) fn new_password(file: Option<&Path>, of: &str) -> Result<Zeroizing<String>, Failure> {
    let password = match given(file)? {
        Some(password) => password,
        None => {
            let first = prompt(&format!("New password of {of}: "))?;
            if *prompt("The same again: ")? != *first {
                return Err(Failure::runtime("the two passwords differ"));
            }
            first
        }
    };
    if password.is_empty() {
        return Err(Failure::new(Code::Usage, "an empty password protects nothing"));
    }
    Ok(password)
}

fn given(file: Option<&Path>) -> Result<Option<Zeroizing<String>>, Failure> {
    if let Some(file) = file {
        let text = read_file(file)?;
        let line = text.lines().next().unwrap_or_default();
        return Ok(Some(Zeroizing::new(line.to_owned())));
    }
    match env::var(PASSWORD_VARIABLE) {
        Ok(password) => Ok(Some(Zeroizing::new(password))),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(error) => Err(Failure::new(Code::Usage, format!("{PASSWORD_VARIABLE}: {error}"))),
    }
}

/// Reads a secret from a file, or asks for it.
pub(crate) fn secret(file: Option<&Path>, what: &str) -> Result<Zeroizing<String>, Failure> {
    match file {
        Some(file) => read_file(file),
        None => prompt(&format!("{what}: ")),
    }
}

fn prompt(text: &str) -> Result<Zeroizing<String>, Failure> {
    let read = if io::stdin().is_terminal() {
        rpassword::prompt_password(text)
    } else {
        let mut line = String::new();
        io::stdin().lock().take(SECRET_BYTES_MAX).read_line(&mut line).and_then(|length| {
            if length == 0 { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(line) }
        })
    };
    let mut line = Zeroizing::new(read.map_err(|error| {
        let hint = "there is no terminal to ask on: give --password-file or the variable";
        Failure::runtime(format!("{}{error} ({hint} {PASSWORD_VARIABLE})", text))
    })?);
    let length = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(length);
    Ok(line)
}

fn read_file(file: &Path) -> Result<Zeroizing<String>, Failure> {
    let failed = |error: io::Error| Failure::runtime(format!("{}: {error}", file.display()));
    let mut text = Zeroizing::new(String::new());
    fs::File::open(file)
        .and_then(|opened| opened.take(SECRET_BYTES_MAX).read_to_string(&mut text))
        .map_err(failed)?;
    Ok(text)
}
