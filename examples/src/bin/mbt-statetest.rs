//! Runs ethereum/tests' GeneralStateTests: one JSON line a case, a summary at the end.
//!
//! `cargo run --release --bin mbt-statetest -- PATH...`

use std::{
    collections::BTreeMap,
    fs,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, ValueEnum};
use mbt_examples::exit::{Code, Failure, finish};
use mbt_vm::conformance::{self, Case, Verdict};
use rayon::prelude::*;
use serde_json::{Value, json};

/// Runs ethereum/tests' GeneralStateTests. Prints a JSON line a case that was run, and as the last
/// line the sums, where those that were skipped are counted by reason.
/// Exit status: 0 all passed or skipped, 1 a case failed or a file is unreadable, 2 wrong usage.
#[derive(Debug, Parser)]
#[command(name = "mbt-statetest", version)]
struct Arguments {
    /// What executes.
    #[arg(long, value_enum, default_value_t)]
    engine: Engine,
    /// Files, or folders of files.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
}

/// The engines that can be asked for.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Engine {
    /// The machine that the chains run.
    #[default]
    Interpreter,
    /// Contracts compiled to machine code. It does not exist yet.
    Native,
    /// The plain interpreter that the others are compared with. It does not exist yet.
    Reference,
}

impl Engine {
    fn machine(self) -> Result<conformance::Engine, Failure> {
        let name = match self {
            Self::Interpreter => return Ok(conformance::Engine::Interpreter),
            Self::Native => "native",
            Self::Reference => "reference",
        };
        let sentence = format!("engine {name} does not exist yet: there is only interpreter");
        Err(Failure::new(Code::Usage, sentence))
    }
}

fn main() -> ExitCode {
    finish(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let engine = arguments.engine.machine()?;
    let mut files = Vec::new();
    for path in &arguments.paths {
        collect(path, &mut files)
            .map_err(|error| Failure::runtime(format!("{}: {error}", path.display())))?;
    }
    files.sort();
    let results: Vec<_> = files.par_iter().map(|file| run_file(file, engine)).collect();
    let failed = report(&files, results, &mut BufWriter::new(io::stdout().lock()))
        .map_err(Failure::runtime)?;
    match failed {
        0 => Ok(()),
        failed => Err(Failure::runtime(format!("{failed} failed"))),
    }
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !path.is_dir() {
        fs::metadata(path)?;
        files.push(path.to_path_buf());
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        let entry = entry?.path();
        if entry.is_dir() || entry.extension().is_some_and(|extension| extension == "json") {
            collect(&entry, files)?;
        }
    }
    Ok(())
}

fn run_file(file: &Path, engine: conformance::Engine) -> Result<Vec<Case>, String> {
    let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
    conformance::run_state_tests(&text, engine).map_err(|error| error.to_string())
}

/// Prints the cases and their sums. Returns how many failed.
fn report(
    files: &[PathBuf],
    results: Vec<Result<Vec<Case>, String>>,
    out: &mut impl Write,
) -> io::Result<u64> {
    let (mut passed, mut failed) = (0_u64, 0_u64);
    let mut skipped: BTreeMap<&str, u64> = BTreeMap::new();
    for (file, result) in files.iter().zip(results) {
        let cases = match result {
            Ok(cases) => cases,
            Err(error) => {
                failed += 1;
                let line =
                    json!({ "file": file.display().to_string(), "pass": false, "error": error });
                writeln!(out, "{line}")?;
                continue;
            }
        };
        for case in cases {
            let error = match &case.verdict {
                Verdict::Passed => {
                    passed += 1;
                    Value::Null
                }
                Verdict::Failed(reason) => {
                    failed += 1;
                    reason.as_str().into()
                }
                Verdict::Skipped(reason) => {
                    *skipped.entry(reason).or_default() += 1;
                    continue;
                }
            };
            let line = json!({
                "file": file.display().to_string(),
                "name": case.name,
                "fork": case.fork,
                "d": case.data,
                "g": case.gas,
                "v": case.value,
                "pass": error.is_null(),
                "error": error,
            });
            writeln!(out, "{line}")?;
        }
    }
    writeln!(out, "{}", json!({ "passed": passed, "failed": failed, "skipped": skipped }))?;
    out.flush()?;
    Ok(failed)
}
