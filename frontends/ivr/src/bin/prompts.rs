//! Makes the recordings. Open JTalk speaks Japanese, and espeak-ng speaks English. sox converts their output to the
//! format of the recordings. `cargo xtask prompts` installs these programs and runs `aikagi-prompts`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use aikagi_domain::guidance::Language;
use aikagi_ivr::prompts::{ENDING, FORMAT, MadeFrom, Manifest, Recording};
use aikagi_ivr::script::Prompt;
use anyhow::{Context, Result, ensure};
use clap::Parser;

/// The pause between two groups of digits, in seconds.
const PAUSE: &str = "0.25";
/// The silence before and after a digit, in seconds.
const AROUND_DIGIT: [&str; 2] = ["0.02", "0.06"];
/// The silence before and after a sentence, in seconds.
const AROUND_SENTENCE: [&str; 2] = ["0.05", "0.25"];

/// Makes the recordings of all prompts in all languages.
#[derive(Debug, Parser)]
#[command(name = "aikagi-prompts")]
struct Arguments {
    /// The directory to write to.
    #[arg(long)]
    out: PathBuf,
    /// The voice for Open JTalk.
    #[arg(long)]
    voice: PathBuf,
    /// The dictionary for Open JTalk.
    #[arg(long, default_value = "/var/lib/mecab/dic/open-jtalk/naist-jdic")]
    dictionary: PathBuf,
}

#[allow(clippy::print_stderr, reason = "a command line's errors")]
fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("aikagi-prompts: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let mut manifest = Manifest::new();
    let mut made_from = MadeFrom::new();
    for language in Language::ALL {
        let directory = arguments.out.join(language.tag());
        std::fs::create_dir_all(&directory)
            .with_context(|| format!("cannot create {}", directory.display()))?;
        let mut files = BTreeMap::new();
        let mut recordings = BTreeMap::new();
        for prompt in Prompt::all() {
            let file = directory.join(format!("{}.{ENDING}", prompt.id()));
            record(arguments, prompt, language, &file)
                .with_context(|| format!("cannot record {} in {}", prompt.id(), language.tag()))?;
            let text = prompt.text(language);
            recordings.insert(prompt.id(), Recording::of(text, &file)?);
            files.insert(prompt.id(), format!("{}/{}", language.tag(), prompt.id()));
        }
        manifest.insert(language.tag().to_owned(), files);
        made_from.insert(language.tag().to_owned(), recordings);
    }
    let write = |name: &str, text: String| {
        let path = arguments.out.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    write("manifest.toml", toml::to_string(&manifest)?)?;
    write("made-from.toml", toml::to_string(&made_from)?)
}

fn record(arguments: &Arguments, prompt: Prompt, language: Language, file: &Path) -> Result<()> {
    if prompt == Prompt::Pause {
        return sox(&["-n".as_ref()], file, &["trim", "0", PAUSE]);
    }
    let spoken = file.with_extension("spoken");
    let (program, mut options) = match language {
        Language::Ja => {
            let mut command = Command::new("open_jtalk");
            command.arg("-x").arg(&arguments.dictionary);
            command.arg("-m").arg(&arguments.voice);
            command.arg("-ow").arg(&spoken);
            ("open_jtalk", command)
        }
        Language::En => {
            let mut command = Command::new("espeak-ng");
            command.args(["-v", "en-us", "-s", "150", "--stdin", "-w"]);
            command.arg(&spoken);
            ("espeak-ng", command)
        }
    };
    run_to_end(
        options.stdin(Stdio::piped()),
        program,
        Some(prompt.text(language)),
    )?;
    let [before, after] = match prompt {
        Prompt::Digit(_) => AROUND_DIGIT,
        _ => AROUND_SENTENCE,
    };
    // Remove the silence at both ends, and then bring all recordings to the same loudness, 4 dB below the maximum.
    let trim = "silence 1 0.005 0.2% reverse silence 1 0.005 0.2% reverse";
    let mut effects: Vec<&str> = trim.split(' ').collect();
    effects.extend(["gain", "-n", "-4", "pad", before, after]);
    sox(&[spoken.as_os_str()], file, &effects)?;
    std::fs::remove_file(&spoken).context("cannot remove the unprocessed recording")
}

/// Runs sox with an input and effects, and writes the result in the format of recordings. The same input gives the same
/// output.
fn sox(input: &[&std::ffi::OsStr], output: &Path, effects: &[&str]) -> Result<()> {
    let (rate, channels, bits) = (
        FORMAT.sample_rate.to_string(),
        FORMAT.channels.to_string(),
        FORMAT.bits_per_sample.to_string(),
    );
    let mut command = Command::new("sox");
    command.args(["-D", "-R"]);
    if input.first().is_some_and(|first| *first != "-n") {
        command.args(["-t", "wav"]);
    } else {
        command.args(["-r", &rate, "-c", &channels, "-b", &bits]);
    }
    command.args(input);
    command.args(["-r", &rate, "-c", &channels, "-b", &bits]);
    command.arg(output).args(effects);
    run_to_end(command.stdin(Stdio::null()), "sox", None)
}

/// Runs a program until it exits. Writes `text`, if there is one, to its standard input. Fails if the program fails.
fn run_to_end(command: &mut Command, name: &str, text: Option<&str>) -> Result<()> {
    let mut child = command
        .stdout(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {name}"))?;
    if let Some((text, mut input)) = text.zip(child.stdin.take()) {
        writeln!(input, "{text}").with_context(|| format!("cannot write to {name}"))?;
    }
    let status = child
        .wait()
        .with_context(|| format!("cannot wait for {name}"))?;
    ensure!(status.success(), "{name} failed: {status}");
    Ok(())
}
