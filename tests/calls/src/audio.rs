//! Recognises recordings in the audio that Asterisk sent, by comparing samples.

use std::path::Path;

use aikagi_domain::guidance::Language;
use aikagi_ivr::prompts::{ENDING, manifest};
use aikagi_ivr::script::Prompt;
use anyhow::{Context, Result};
use memchr::memmem;

/// The length of a signature in samples: 100 ms, from the first loud sample.
const LENGTH: usize = 800;
/// A sample with a larger amplitude is loud.
const LOUD: u16 = 1500;
/// The maximum number of samples of a signature that may differ. The first [`FIRST`] samples must be equal.
const TOLERANCE: usize = 20;
const FIRST: usize = 8;
/// The pause is never searched for, because it is silence, and all recordings contain silence.
const PAUSE: Prompt = Prompt::Pause;

/// The recordings of one language, encoded as on a telephone line.
pub(super) struct Recordings {
    all: Vec<Recording>,
}

struct Recording {
    /// The recordings with this signature. For each: its id, and the number of samples from the start of the signature
    /// to the end of the recording.
    like: Vec<(String, usize)>,
    /// The samples to look for, in G.711 mu-law.
    signature: Vec<u8>,
}

/// The position of a recording in the audio, in samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RecordingSpan {
    /// The end of its signature.
    pub(super) known: usize,
    /// The end of the recording.
    pub(super) end: usize,
}

impl Recordings {
    /// Loads the recordings that a manifest lists.
    pub(super) fn load(path: &Path, language: Language) -> Result<Self> {
        let manifest = manifest(path)?;
        let files = manifest
            .get(language.tag())
            .context("the manifest lacks the language")?;
        let directory = path.parent().context("the manifest has no directory")?;
        let mut all: Vec<Recording> = Vec::new();
        for prompt in Prompt::all().into_iter().filter(|prompt| *prompt != PAUSE) {
            let id = prompt.id();
            let file = files.get(&id).context("the manifest lacks a recording")?;
            let file = directory.join(format!("{file}.{ENDING}"));
            let samples: Vec<i16> = hound::WavReader::open(&file)?
                .into_samples()
                .collect::<Result<_, _>>()?;
            let start = samples
                .iter()
                .position(|sample| sample.unsigned_abs() > LOUD)
                .with_context(|| format!("{id} is silent"))?;
            let signature: Vec<u8> = samples
                .iter()
                .skip(start)
                .take(LENGTH)
                .copied()
                .map(mu_law)
                .collect();
            let named = (id, samples.len() - start);
            // Some recordings begin with the same words, so they have the same signature.
            match all.iter_mut().find(|known| known.signature == signature) {
                Some(known) => known.like.push(named),
                None => all.push(Recording {
                    like: vec![named],
                    signature,
                }),
            }
        }
        Ok(Self { all })
    }

    /// The id that [`heard`](Self::heard) returns for a recording.
    pub(super) fn sounds_like(&self, id: &str) -> String {
        let found = self.named(id);
        found.map_or_else(|| id.to_owned(), |(recording, _)| recording.id().to_owned())
    }

    /// Searches the audio for a recording, starting at sample `from`. Returns `None` until its whole signature was
    /// heard.
    pub(super) fn find(&self, id: &str, line: &[u8], from: usize) -> Option<RecordingSpan> {
        let (recording, length) = self.named(id)?;
        let at = recording.find(line, from)?;
        Some(RecordingSpan {
            known: at + recording.signature.len(),
            end: at + length,
        })
    }

    /// The ids of all recordings in the audio, in order. If several recordings have the same signature, returns the id
    /// of the first.
    pub(super) fn heard(&self, line: &[u8]) -> Vec<String> {
        let mut found: Vec<(usize, &str)> = Vec::new();
        for recording in &self.all {
            let mut from = 0;
            while let Some(at) = recording.find(line, from) {
                found.push((at, recording.id()));
                from = at + recording.signature.len();
            }
        }
        found.sort_unstable();
        found.into_iter().map(|(_, id)| id.to_owned()).collect()
    }

    fn named(&self, id: &str) -> Option<(&Recording, usize)> {
        self.all.iter().find_map(|recording| {
            let mut like = recording.like.iter();
            let (_, length) = like.find(|(known, _)| known == id)?;
            Some((recording, *length))
        })
    }
}

impl Recording {
    fn id(&self) -> &str {
        self.like.first().map_or("", |(id, _)| id)
    }

    fn find(&self, line: &[u8], mut from: usize) -> Option<usize> {
        let first = self.signature.get(..FIRST)?;
        loop {
            let at = from + memmem::find(line.get(from..)?, first)?;
            if is_like(line.get(at..at + self.signature.len())?, &self.signature) {
                return Some(at);
            }
            from = at + 1;
        }
    }
}

fn is_like(window: &[u8], signature: &[u8]) -> bool {
    let mut differences = 0;
    window.iter().zip(signature).all(|(one, other)| {
        differences += usize::from(one != other);
        differences <= TOLERANCE
    })
}

/// Encodes a sample in G.711 mu-law as Asterisk does. Each entry of Asterisk's table is for four consecutive sample
/// values, and has the code of the last of them.
fn mu_law(sample: i16) -> u8 {
    const BIAS: i32 = 0x84;
    const CLIP: i32 = 32_635;
    let sample = i32::from(sample) | 3;
    let sign = if sample < 0 { 0x80 } else { 0 };
    let magnitude = sample.abs().min(CLIP) + BIAS;
    let exponent = (24 - magnitude.leading_zeros().min(24)).clamp(0, 7);
    let mantissa = (magnitude >> (exponent + 3)) & 0x0f;
    let code = sign | i32::try_from(exponent << 4).unwrap_or(0) | mantissa;
    !u8::try_from(code).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recordings() -> Recordings {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let manifest = root.join("deploy/asterisk/sounds/manifest.toml");
        Recordings::load(&manifest, Language::Ja).unwrap()
    }

    /// Checks values of ITU-T G.711: silence, the loudest samples, and values in between.
    #[test]
    fn mu_law_matches_the_standard() {
        for (sample, code) in [
            (0, 0xff),
            (32_124, 0x80),
            (-32_124, 0x00),
            (i16::MAX, 0x80),
            (i16::MIN, 0x00),
            (1000, 0xce),
            (-1000, 0x4e),
        ] {
            assert_eq!(mu_law(sample), code, "{sample}");
        }
    }

    /// Each recording is found, in the order in which the recordings are played.
    #[test]
    fn recordings_are_distinguished() {
        let recordings = recordings();
        let mut line = vec![0xff; 1000];
        let mut expected = Vec::new();
        for recording in recordings.all.iter().rev() {
            line.extend(&recording.signature);
            line.extend([0xff; 777]);
            expected.push(recording.id().to_owned());
        }
        assert_eq!(recordings.heard(&line), expected);
        assert!(recordings.heard(&[0xff; 5000]).is_empty());
    }

    /// A recording is found as soon as its signature has been heard; its end is the end of its file.
    #[test]
    fn a_recording_is_found_before_it_ends() {
        let recordings = recordings();
        let (recording, length) = recordings.named("enter-unit").unwrap();
        let mut line = vec![0xff; 300];
        line.extend(&recording.signature[..LENGTH - 1]);
        assert_eq!(recordings.find("enter-unit", &line, 0), None);
        line.extend(&recording.signature[LENGTH - 1..]);
        let span = RecordingSpan {
            known: 300 + LENGTH,
            end: 300 + length,
        };
        assert!(span.end > span.known);
        assert_eq!(recordings.find("enter-unit", &line, 0), Some(span));
        assert_eq!(recordings.find("enter-unit", &line, 301), None);
    }
}
