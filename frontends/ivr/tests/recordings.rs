//! Tests of the recordings in this repository: they exist, are audible and match the catalogue.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::path::{Path, PathBuf};

use aikagi_domain::guidance::Language;
use aikagi_ivr::PromptSettings;
use aikagi_ivr::prompts::{ENDING, MadeFrom, Prompts, Recording, manifest};
use aikagi_ivr::script::Prompt;

fn sounds() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/asterisk/sounds")
}

fn file(prompt: Prompt, language: Language) -> PathBuf {
    let manifest = manifest(&sounds().join("manifest.toml")).unwrap();
    let file = &manifest[language.tag()][&prompt.id()];
    sounds().join(format!("{file}.{ENDING}"))
}

/// The IVR adapter finds all recordings that it needs at its start.
#[test]
fn every_prompt_has_a_recording_that_asterisk_plays() {
    let settings = PromptSettings {
        manifest: sounds().join("manifest.toml"),
        sounds: "/usr/share/aikagi/sounds".to_owned(),
        language: Language::Ja,
    };
    Prompts::load(&settings).unwrap();
}

/// IVR-1 to IVR-8: each recording speaks the present wording of the catalogue. After a change of the catalogue, run
/// `cargo xtask prompts`.
#[test]
fn recordings_match_the_catalogue() {
    let text = std::fs::read_to_string(sounds().join("made-from.toml")).unwrap();
    let made_from: MadeFrom = toml::from_str(&text).unwrap();
    for language in Language::ALL {
        let recordings = &made_from[language.tag()];
        assert_eq!(recordings.len(), Prompt::all().len());
        for prompt in Prompt::all() {
            let now = Recording::of(prompt.text(language), &file(prompt, language)).unwrap();
            assert_eq!(
                recordings[&prompt.id()],
                now,
                "the recording is out of date: run `cargo xtask prompts`"
            );
        }
    }
}

/// Each recording is loud enough, and its duration fits the length of its text.
#[test]
fn recordings_are_audible() {
    for language in Language::ALL {
        for prompt in Prompt::all() {
            let reader = hound::WavReader::open(file(prompt, language)).unwrap();
            let samples: Vec<i16> = reader.into_samples().map(Result::unwrap).collect();
            let seconds = f64::from(u32::try_from(samples.len()).unwrap()) / 8000.0;
            let letters = u32::try_from(prompt.text(language).chars().count()).unwrap();
            if prompt == Prompt::Pause {
                assert!((0.1..1.0).contains(&seconds), "a pause of {seconds} s");
                continue;
            }
            let energy: f64 = samples
                .iter()
                .map(|sample| f64::from(*sample).powi(2))
                .sum();
            let loudness = (energy / f64::from(u32::try_from(samples.len()).unwrap())).sqrt();
            assert!(loudness > 1000.0, "{prompt:?} in {language:?}: {loudness}");
            let bounds = match (prompt, language) {
                (Prompt::Digit(_), _) => 0.2..0.9,
                // The bounds are the durations of fast and of slow speech, in seconds per letter.
                (_, Language::Ja) => f64::from(letters) * 0.09..f64::from(letters) * 0.30,
                (_, Language::En) => f64::from(letters) * 0.04..f64::from(letters) * 0.12,
            };
            assert!(
                bounds.contains(&seconds),
                "{prompt:?} in {language:?}: {seconds} s for {letters} letters"
            );
        }
    }
}
