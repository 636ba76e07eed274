//! Secrets come from a prompt, a file or a variable, never from the command line, which other users
//! of the machine can read.

use std::{
    env, fs,
    io::{self, BufRead, IsTerminal, Read},
    path::Path,
};

use mbt_examples::exit::{Code, Failure};
use zeroize::Zeroizing;

/// Longest secret that is read: a keystore may be this long.
const SECRET_BYTES_MAX: usize = 1 << 16;

/// The variable that holds a password.
const PASSWORD_VARIABLE: &str = "MBT_WALLET_PASSWORD";

/// The variable that holds the password that is to replace another.
const NEW_PASSWORD_VARIABLE: &str = "MBT_WALLET_NEW_PASSWORD";

/// The variable that holds the passphrase of words.
const PASSPHRASE_VARIABLE: &str = "MBT_WALLET_PASSPHRASE";

/// Returns the password of a key that is there.
pub(crate) fn password(file: Option<&Path>, of: &str) -> Result<Zeroizing<String>, Failure> {
    match given(file, PASSWORD_VARIABLE)? {
        Some(password) => Ok(password),
        None => prompt(&format!("Password of {of}: "), PASSWORD_HINT),
    }
}

/// Returns the password for a new key, asked for twice.
pub(crate) fn new_password(file: Option<&Path>, of: &str) -> Result<Zeroizing<String>, Failure> {
    let given = given(file, PASSWORD_VARIABLE)?;
    not_empty(given.map_or_else(
        || prompt_twice(&format!("New password of {of}: "), "passwords", PASSWORD_HINT),
        Ok,
    )?)
}

/// Returns the password that is to replace an account's, asked for twice.
pub(crate) fn next_password(file: Option<&Path>, of: &str) -> Result<Zeroizing<String>, Failure> {
    let hint = "give --new-password-file or the variable MBT_WALLET_NEW_PASSWORD";
    let given = given(file, NEW_PASSWORD_VARIABLE)?;
    not_empty(
        given.map_or_else(
            || prompt_twice(&format!("New password of {of}: "), "passwords", hint),
            Ok,
        )?,
    )
}

/// Returns the passphrase of words. One for new words is asked for twice: any other gives another
/// account, and nothing could tell.
pub(crate) fn passphrase(file: Option<&Path>, new: bool) -> Result<Zeroizing<String>, Failure> {
    let hint = "give --passphrase-file or the variable MBT_WALLET_PASSPHRASE";
    let text = "Passphrase of the words: ";
    let passphrase = match given(file, PASSPHRASE_VARIABLE)? {
        Some(passphrase) => passphrase,
        None if new => prompt_twice(text, "passphrases", hint)?,
        None => prompt(text, hint)?,
    };
    if passphrase.is_empty() {
        return Err(Failure::new(Code::Usage, "an empty passphrase is none: leave it away"));
    }
    Ok(passphrase)
}

fn not_empty(password: Zeroizing<String>) -> Result<Zeroizing<String>, Failure> {
    if password.is_empty() {
        return Err(Failure::new(Code::Usage, "an empty password protects nothing"));
    }
    Ok(password)
}

fn given(file: Option<&Path>, variable: &str) -> Result<Option<Zeroizing<String>>, Failure> {
    if let Some(file) = file {
        let text = read_file(file)?;
        let line = text.lines().next().unwrap_or_default();
        return Ok(Some(Zeroizing::new(line.to_owned())));
    }
    match env::var(variable) {
        Ok(secret) => Ok(Some(Zeroizing::new(secret))),
        Err(env::VarError::NotPresent) => Ok(None),
        // The error itself would show what the variable holds.
        Err(env::VarError::NotUnicode(_)) => {
            Err(Failure::new(Code::Usage, format!("{variable} is not UTF-8")))
        }
    }
}

/// Reads a secret from a file, or asks for it.
pub(crate) fn secret(file: Option<&Path>, what: &str) -> Result<Zeroizing<String>, Failure> {
    match file {
        Some(file) => read_file(file),
        None => prompt(&format!("{what}: "), "give a file"),
    }
}

/// What to do where nothing can be asked.
const PASSWORD_HINT: &str = "give --password-file or the variable MBT_WALLET_PASSWORD";

fn prompt_twice(text: &str, what: &str, hint: &str) -> Result<Zeroizing<String>, Failure> {
    let first = prompt(text, hint)?;
    if *prompt("The same again: ", hint)? == *first {
        Ok(first)
    } else {
        Err(Failure::runtime(format!("the two {what} differ")))
    }
}

fn prompt(text: &str, hint: &str) -> Result<Zeroizing<String>, Failure> {
    let failed = |error: io::Error| {
        Failure::runtime(format!("{text}there is no terminal to ask on, {hint} ({error})"))
    };
    let mut line = if io::stdin().is_terminal() {
        rpassword::prompt_password(text).map(Zeroizing::new).map_err(failed)?
    } else {
        let mut line = empty();
        io::stdin().lock().take(limit()).read_line(&mut line).map_err(failed)?;
        if line.is_empty() {
            return Err(failed(io::ErrorKind::UnexpectedEof.into()));
        }
        bounded(line, "the input")?
    };
    let length = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(length);
    Ok(line)
}

fn read_file(file: &Path) -> Result<Zeroizing<String>, Failure> {
    let failed = |error: io::Error| Failure::runtime(format!("{}: {error}", file.display()));
    let mut text = empty();
    fs::File::open(file)
        .and_then(|opened| opened.take(limit()).read_to_string(&mut text))
        .map_err(failed)?;
    bounded(text, &file.display().to_string())
}

/// Returns room for any secret, so that growing leaves no copy behind.
fn empty() -> Zeroizing<String> {
    Zeroizing::new(String::with_capacity(SECRET_BYTES_MAX + 32))
}

/// One byte more than is taken, to see that there is too much: what is cut is another secret.
fn limit() -> u64 {
    u64::try_from(SECRET_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1)
}

fn bounded(text: Zeroizing<String>, from: &str) -> Result<Zeroizing<String>, Failure> {
    if text.len() > SECRET_BYTES_MAX {
        let sentence = format!("{from}: longer than {SECRET_BYTES_MAX} bytes, which no secret is");
        return Err(Failure::new(Code::Usage, sentence));
    }
    Ok(text)
}
