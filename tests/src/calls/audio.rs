//! What was heard: the recordings found again in what Asterisk sent, sample by sample.

use std::path::Path;

use aikagi_domain::guidance::Language;
use aikagi_ivr::prompts::{ENDING, manifest};
use aikagi_ivr::script::Prompt;
use anyhow::{Context, Result};

/// How much of a recording is looked for: 100 ms of it, from where it becomes loud.
const LENGTH: usize = 800;
const LOUD: u16 = 1500;
/// How many of those samples may differ.
const TOLERANCE: usize = 20;
/// Silence is the same everywhere.
const PAUSE: Prompt = Prompt::Pause;

/// The recordings of one language, as a telephone line carries them.
pub(super) struct Recordings {
    all: Vec<Recording>,
}

struct Recording {
    id: String,
    /// Others that sound alike.
    like: Vec<String>,
    /// What to look for, in G.711 mu-law.
    sign: Vec<u8>,
}

impl Recordings {
    /// The recordings that a manifest names.
    pub(super) fn load(path: &Path, language: Language) -> Result<Self> {
        let manifest = manifest(path)?;
        let files = manifest.get(language.tag()).context("the language")?;
        let directory = path.parent().context("the manifest's directory")?;
        let mut all: Vec<Recording> = Vec::new();
        for prompt in Prompt::all().into_iter().filter(|prompt| *prompt != PAUSE) {
            let id = prompt.id();
            let file = directory.join(format!("{}.{ENDING}", files.get(&id).context("a file")?));
            let samples: Vec<i16> = hound::WavReader::open(&file)?
                .into_samples()
                .collect::<Result<_, _>>()?;
            let start = samples
                .iter()
                .position(|sample| sample.unsigned_abs() > LOUD)
                .with_context(|| format!("{id} is silent"))?;
            let sign: Vec<u8> = samples
                .iter()
                .skip(start)
                .take(LENGTH)
                .copied()
                .map(mu_law)
                .collect();
            // Some begin alike to the sample, being the same words: whoever hears them cannot tell them apart.
            match all.iter_mut().find(|known| known.sign == sign) {
                Some(known) => known.like.push(id),
                None => all.push(Recording {
                    id,
                    like: Vec::new(),
                    sign,
                }),
            }
        }
        Ok(Self { all })
    }

    /// What [`heard`](Self::heard) calls a recording.
    pub(super) fn sounds_like(&self, id: &str) -> String {
        let alike = |recording: &&Recording| recording.like.iter().any(|like| like == id);
        let found = self.all.iter().find(alike);
        found.map_or_else(|| id.to_owned(), |recording| recording.id.clone())
    }

    /// The recordings in what was heard, in order. Of two that sound alike the first of the catalogue is named.
    pub(super) fn heard(&self, line: &[u8]) -> Vec<String> {
        let mut found: Vec<(usize, &str)> = Vec::new();
        for recording in &self.all {
            let mut from = 0;
            while let Some(window) = line.get(from..from + recording.sign.len()) {
                if is_like(window, &recording.sign) {
                    found.push((from, &recording.id));
                    from += recording.sign.len();
                } else {
                    from += 1;
                }
            }
        }
        found.sort_unstable();
        found.into_iter().map(|(_, id)| id.to_owned()).collect()
    }
}

fn is_like(window: &[u8], sign: &[u8]) -> bool {
    let mut differences = 0;
    window.iter().zip(sign).all(|(one, other)| {
        differences += usize::from(one != other);
        differences <= TOLERANCE
    })
}

/// G.711 mu-law, as Asterisk encodes: by a table for every four samples, which has the last one's code.
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
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let manifest = root.join("deploy/asterisk/sounds/manifest.toml");
        Recordings::load(&manifest, Language::Ja).unwrap()
    }

    /// Values of ITU-T G.711: silence, the loudest, and steps between.
    #[test]
    fn mu_law_is_that_of_the_standard() {
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

    /// Each recording is found where it is played, and nowhere else.
    #[test]
    fn recordings_are_told_apart() {
        let recordings = recordings();
        let mut line = vec![0xff; 1000];
        let mut expected = Vec::new();
        for recording in recordings.all.iter().rev() {
            line.extend(&recording.sign);
            line.extend([0xff; 777]);
            expected.push(recording.id.clone());
        }
        assert_eq!(recordings.heard(&line), expected);
        assert!(recordings.heard(&[0xff; 5000]).is_empty());
    }
}
