//! The recordings. A manifest names a file for each prompt, so that an operator can replace any of them. The adapter
//! checks all files before the first call.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use aikagi_agi::{Sound, SoundError};
use aikagi_domain::guidance::Language;
use data_encoding::HEXLOWER;
use hound::{SampleFormat, WavReader, WavSpec};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::script::Prompt;

/// The format of every recording. It has the quality of a telephone line, and Asterisk plays it without conversion.
pub const FORMAT: WavSpec = WavSpec {
    channels: 1,
    sample_rate: 8000,
    bits_per_sample: 16,
    sample_format: SampleFormat::Int,
};

/// The extension of the files. Asterisk adds it to the file names.
pub const ENDING: &str = "wav";

/// A manifest maps a language and the id of a prompt to a file. The path of the file is relative to the manifest and
/// has no extension.
pub type Manifest = BTreeMap<String, BTreeMap<String, String>>;

/// The content of `made-from.toml`, which is beside the manifest. It maps a language and the id of a prompt to the
/// source of the recording. A test compares it with the catalogue. The adapter does not read it.
pub type MadeFrom = BTreeMap<String, BTreeMap<String, Recording>>;

/// The source of a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// The spoken text.
    pub text: String,
    /// The SHA-256 of the file, in lower-case hexadecimal.
    pub sha256: String,
}

impl Recording {
    /// Returns the source of `file`, in which `text` is spoken. Fails if the file cannot be read.
    pub fn of(text: &str, file: &Path) -> std::io::Result<Self> {
        let digest = Sha256::digest(std::fs::read(file)?);
        Ok(Self {
            text: text.to_owned(),
            sha256: HEXLOWER.encode(&digest),
        })
    }
}

/// `[prompts]`: the recordings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromptSettings {
    /// The path of the manifest, which names a file for every prompt. The files are in its directory or below. The
    /// adapter checks them once, at start.
    pub manifest: PathBuf,
    /// The path of the manifest's directory on Asterisk's machine.
    pub sounds: String,
    /// The default language, `ja` or `en`. It is used if Asterisk names neither language for a caller.
    #[serde(default = "PromptSettings::default_language")]
    pub language: Language,
}

impl PromptSettings {
    fn default_language() -> Language {
        Language::Ja
    }
}

/// An error in the recordings. It names the prompt or the file.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// The manifest cannot be read.
    #[error("prompts: {path}: {text}")]
    Manifest {
        /// The path of the manifest.
        path: PathBuf,
        /// The cause.
        text: String,
    },
    /// The manifest names no file for a prompt.
    #[error("prompts: the manifest has no file for `{id}` in `{language}`")]
    Missing {
        /// The id of the prompt.
        id: String,
        /// The tag of the language, `ja` or `en`.
        language: &'static str,
    },
    /// A file cannot be played.
    #[error("prompts: `{id}`: {path}: {text}")]
    File {
        /// The id of the prompt.
        id: String,
        /// The path of the file.
        path: PathBuf,
        /// The cause.
        text: String,
    },
    /// The path contains characters that cannot be sent to Asterisk.
    #[error("prompts: `{id}`: {source}")]
    Sound {
        /// The id of the prompt.
        id: String,
        /// The cause.
        source: SoundError,
    },
}

/// The checked recordings of all languages.
#[derive(Debug, Clone)]
pub struct Prompts {
    ja: HashMap<Prompt, Sound>,
    en: HashMap<Prompt, Sound>,
    default: Language,
}

impl Prompts {
    /// Reads the manifest and checks every file that it names.
    pub fn load(settings: &PromptSettings) -> Result<Self, PromptError> {
        let manifest = manifest(&settings.manifest)?;
        let directory = settings.manifest.parent().unwrap_or(Path::new("."));
        let sounds = |language: Language| -> Result<HashMap<Prompt, Sound>, PromptError> {
            Prompt::all()
                .into_iter()
                .map(|prompt| {
                    let file = file_of(&manifest, prompt, language)?;
                    check(prompt, &directory.join(format!("{file}.{ENDING}")))?;
                    let path = format!("{}/{file}", settings.sounds.trim_end_matches('/'));
                    let sound = Sound::try_from(path).map_err(|source| PromptError::Sound {
                        id: prompt.id(),
                        source,
                    })?;
                    Ok((prompt, sound))
                })
                .collect()
        };
        Ok(Self {
            ja: sounds(Language::Ja)?,
            en: sounds(Language::En)?,
            default: settings.language,
        })
    }

    /// Returns the language for a caller. `named` is the language that Asterisk sends, such as `en` or `en_GB`. The
    /// default is used if it is missing or unknown.
    pub fn language(&self, named: Option<&str>) -> Language {
        let named = named.and_then(|name| name.split(['-', '_']).next());
        Language::ALL
            .into_iter()
            .find(|language| named == Some(language.tag()))
            .unwrap_or(self.default)
    }

    /// Returns the recording of a prompt. After [`Prompts::load`] every prompt has one.
    pub fn sound(&self, prompt: Prompt, language: Language) -> Option<&Sound> {
        match language {
            Language::Ja => self.ja.get(&prompt),
            Language::En => self.en.get(&prompt),
        }
    }
}

/// Reads a manifest.
pub fn manifest(path: &Path) -> Result<Manifest, PromptError> {
    let error = |text: String| PromptError::Manifest {
        path: path.to_owned(),
        text,
    };
    let text = std::fs::read_to_string(path).map_err(|failed| error(failed.to_string()))?;
    toml::from_str(&text).map_err(|failed| error(failed.to_string()))
}

fn file_of(manifest: &Manifest, prompt: Prompt, language: Language) -> Result<&str, PromptError> {
    let files = manifest.get(language.tag());
    files
        .and_then(|files| files.get(&prompt.id()))
        .map(String::as_str)
        .ok_or_else(|| PromptError::Missing {
            id: prompt.id(),
            language: language.tag(),
        })
}

/// Checks that a recording exists, is in [`FORMAT`] and is not empty.
fn check(prompt: Prompt, path: &Path) -> Result<(), PromptError> {
    let error = |text: String| PromptError::File {
        id: prompt.id(),
        path: path.to_owned(),
        text,
    };
    let reader = WavReader::open(path).map_err(|failed| error(failed.to_string()))?;
    if reader.spec() != FORMAT {
        return Err(error("must be 8000 Hz, 16 bits, mono".to_owned()));
    }
    if reader.len() == 0 {
        return Err(error("the recording is empty".to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use hound::WavWriter;

    use super::*;

    /// Creates a directory with a manifest and a short recording of each prompt.
    fn directory() -> (tempfile::TempDir, PromptSettings) {
        let dir = tempfile::tempdir().unwrap();
        let mut manifest = Manifest::new();
        for language in Language::ALL {
            for prompt in Prompt::all() {
                let file = format!("{}-{}", language.tag(), prompt.id());
                write(&dir.path().join(format!("{file}.wav")), FORMAT, 10);
                let files = manifest.entry(language.tag().to_owned()).or_default();
                files.insert(prompt.id(), file);
            }
        }
        let path = dir.path().join("manifest.toml");
        std::fs::write(&path, toml::to_string(&manifest).unwrap()).unwrap();
        let settings = PromptSettings {
            manifest: path,
            sounds: "/sounds/aikagi/".to_owned(),
            language: Language::Ja,
        };
        (dir, settings)
    }

    fn write(path: &Path, format: WavSpec, samples: usize) {
        let mut writer = WavWriter::create(path, format).unwrap();
        for _ in 0..samples {
            writer.write_sample(1_i16).unwrap();
        }
        writer.finalize().unwrap();
    }

    #[test]
    fn a_prompt_has_a_path_for_asterisk() {
        let (_dir, settings) = directory();
        let prompts = Prompts::load(&settings).unwrap();
        let sound = prompts.sound(Prompt::Digit(7), Language::En).unwrap();
        assert_eq!(sound.as_str(), "/sounds/aikagi/en-digit-7");
        for (named, expected) in [
            (Some("en"), Language::En),
            (Some("en_GB"), Language::En),
            (Some("ja"), Language::Ja),
            (Some("de"), Language::Ja),
            (Some(""), Language::Ja),
            (None, Language::Ja),
        ] {
            assert_eq!(prompts.language(named), expected, "{named:?}");
        }
    }

    /// Loading fails if a prompt cannot be played, and the error names its id.
    #[test]
    fn an_unplayable_prompt_is_reported_at_start() {
        type Harm = fn(&Path, &Path);
        let harms: [(&str, Harm); 6] = [
            ("No such file", |file, _| {
                std::fs::remove_file(file).unwrap();
            }),
            ("8000 Hz", |file, _| {
                let format = WavSpec {
                    sample_rate: 44_100,
                    ..FORMAT
                };
                write(file, format, 10);
            }),
            ("8000 Hz", |file, _| {
                let format = WavSpec {
                    channels: 2,
                    ..FORMAT
                };
                write(file, format, 10);
            }),
            ("empty", |file, _| write(file, FORMAT, 0)),
            ("digit-7", |file, _| {
                std::fs::write(file, "no sound").unwrap();
            }),
            ("no file for `digit-7` in `en`", |_, manifest| {
                let text = std::fs::read_to_string(manifest).unwrap();
                let text = text.replace("digit-7 = \"en-digit-7\"\n", "");
                std::fs::write(manifest, text).unwrap();
            }),
        ];
        for (expected, harm) in harms {
            let (dir, settings) = directory();
            harm(&dir.path().join("en-digit-7.wav"), &settings.manifest);
            let error = Prompts::load(&settings).unwrap_err().to_string();
            assert!(
                error.contains(expected) && error.contains("digit-7"),
                "{error}"
            );
        }
    }

    #[test]
    fn a_path_with_forbidden_characters_is_refused() {
        let (_dir, settings) = directory();
        let settings = PromptSettings {
            sounds: "sounds with spaces".to_owned(),
            ..settings
        };
        assert!(matches!(
            Prompts::load(&settings),
            Err(PromptError::Sound { .. })
        ));
    }
}
