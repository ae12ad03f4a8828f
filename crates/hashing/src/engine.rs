//! The implementation of Argon2id that a process uses.
//!
//! RustCrypto's `argon2` is the reference. `argon2` also parses parameters and PHC strings. `argon2-rust` computes
//! the same function with the machine's vector instructions. At start both hash the same known inputs. If a result
//! differs, the process does not start (docs/decisions/0022). The setting `hashing.engine` can select the reference
//! alone, without this comparison.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use argon2_rust::params::{Memory as Kibibytes, TagLen};
use argon2_rust::{
    Algorithm as VectorAlgorithm, Argon2 as VectorArgon2, Hasher, Params as VectorParams,
    Version as VectorVersion,
};
use zeroize::Zeroizing;

use crate::HashError;
use crate::settings::{EngineChoice, SettingsError};

/// An implementation of Argon2id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// `argon2-rust`.
    Vectorised,
    /// `argon2`.
    Portable,
}

/// Memory (KiB), passes and output bytes of the known inputs, which both implementations hash at start. They include
/// the least memory, an odd number of blocks, a short output and a long one. The process's own parameters are added.
const KNOWN_COSTS: [(u32, u32, usize); 4] = [(8, 1, 32), (64, 3, 32), (77, 2, 16), (256, 2, 64)];
/// The passwords of the known inputs: an empty one, one as long as a subscriber's, one longer than a block of
/// `BLAKE2b`.
const KNOWN_SECRETS: [&[u8]; 3] = [b"", b"Himitsu2026", &[0xa5; 129]];
const KNOWN_SALT: &[u8; 16] = b"known to anybody";

impl Engine {
    /// The engine that the settings select. Fails if the implementations disagree on a known input.
    pub(crate) fn select(choice: EngineChoice, params: &Params) -> Result<Self, SettingsError> {
        if choice == EngineChoice::Portable {
            return Ok(Self::Portable);
        }
        let own = (params.m_cost(), params.t_cost(), Params::DEFAULT_OUTPUT_LEN);
        let (mut vectorised, mut portable) = (Memory::default(), Memory::default());
        for (memory_kib, passes, bytes) in KNOWN_COSTS.into_iter().chain([own]) {
            for secret in KNOWN_SECRETS {
                let params = Params::new(memory_kib, passes, 1, Some(bytes))
                    .map_err(|_| SettingsError::EnginesDisagree)?;
                let hashed = |memory: &mut Memory, engine: Self| {
                    let mut output = Zeroizing::new(vec![0; bytes]);
                    memory
                        .hash(
                            engine,
                            &params,
                            Version::V0x13,
                            secret,
                            KNOWN_SALT,
                            &mut output,
                        )
                        .map(|()| output)
                };
                match (
                    hashed(&mut vectorised, Self::Vectorised),
                    hashed(&mut portable, Self::Portable),
                ) {
                    (Ok(one), Ok(other)) if one == other => {}
                    _ => return Err(SettingsError::EnginesDisagree),
                }
            }
        }
        Ok(Self::Vectorised)
    }

    /// The name in metrics and logs: `portable`, or the vector instructions in use.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Vectorised => argon2_rust::detected_backend().name(),
            Self::Portable => "portable",
        }
    }

    /// True if this engine uses the vectorised implementation for these parameters and this version.
    /// Otherwise it uses the portable one.
    fn is_vectorised_for(self, params: &Params, version: Version) -> bool {
        self == Self::Vectorised
            && version == Version::V0x13
            && params.p_cost() == 1
            && params.keyid().is_empty()
            && params.data().is_empty()
    }
}

/// The working memory of one thread. It is wiped after each use. It is reused, so that a hash causes no page faults.
#[derive(Default)]
pub(crate) struct Memory {
    blocks: Vec<Block>,
    hasher: Option<Hasher>,
}

impl Memory {
    /// Writes the Argon2id hash of the secret into `output`.
    pub(crate) fn hash(
        &mut self,
        engine: Engine,
        params: &Params,
        version: Version,
        secret: &[u8],
        salt: &[u8],
        output: &mut [u8],
    ) -> Result<(), HashError> {
        if engine.is_vectorised_for(params, version) {
            self.vectorised(params, secret, salt, output)
        } else {
            self.portable(params, version, secret, salt, output)
        }
    }

    fn vectorised(
        &mut self,
        params: &Params,
        secret: &[u8],
        salt: &[u8],
        output: &mut [u8],
    ) -> Result<(), HashError> {
        let params = VectorParams::builder()
            .memory(Kibibytes::kib(params.m_cost().into()))
            .passes(params.t_cost())
            .lanes(1)
            .tag_len(TagLen::bytes(output.len() as u64))
            .build()
            .map_err(|_| HashError::Malformed)?;
        let argon2 = VectorArgon2::new(VectorAlgorithm::Argon2id, VectorVersion::V0x13, params);
        let hasher = match &mut self.hasher {
            // A hasher keeps the largest memory that it has needed, so it is replaced if the parameters change.
            Some(hasher) if *hasher.params() == params => hasher,
            memory => memory.insert(argon2.hasher()),
        };
        // The hasher wipes its memory before it returns (its feature `zeroize-memory`).
        hasher
            .hash_into(secret, salt, output)
            .map_err(|_| HashError::Malformed)
    }

    fn portable(
        &mut self,
        params: &Params,
        version: Version,
        secret: &[u8],
        salt: &[u8],
        output: &mut [u8],
    ) -> Result<(), HashError> {
        let blocks = params.block_count();
        if self.blocks.len() != blocks {
            self.blocks.clear();
            self.blocks.resize(blocks, Block::new());
            self.blocks.shrink_to_fit();
        }
        let result = Argon2::new(Algorithm::Argon2id, version, params.clone())
            .hash_password_into_with_memory(secret, salt, output, &mut self.blocks);
        // The blocks are used later, so the compiler cannot remove this write.
        self.blocks.fill(Block::new());
        result.map_err(|_| HashError::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::FileExt as _;

    use proptest::prelude::*;

    use super::*;

    fn hashed(
        engine: Engine,
        params: &Params,
        version: Version,
        secret: &[u8],
        salt: &[u8],
    ) -> Vec<u8> {
        let mut output = vec![0; params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN)];
        Memory::default()
            .hash(engine, params, version, secret, salt, &mut output)
            .unwrap();
        output
    }

    #[test]
    fn the_choice_selects_the_engine() {
        let params = Params::new(64, 1, 1, None).unwrap();
        let auto = Engine::select(EngineChoice::Auto, &params).unwrap();
        assert_eq!(auto, Engine::Vectorised);
        assert_ne!(auto.name(), "portable");
        let portable = Engine::select(EngineChoice::Portable, &params).unwrap();
        assert_eq!(portable.name(), "portable");
    }

    proptest! {
        /// Both engines compute the same output for any input. For some inputs both engines use the portable
        /// implementation.
        #[test]
        fn the_engines_agree(
            memory_kib in 16_u32..300,
            passes in 1_u32..4,
            lanes in 1_u32..3,
            bytes in 4_usize..130,
            old in any::<bool>(),
            secret in prop::collection::vec(any::<u8>(), 0..200),
            salt in prop::collection::vec(any::<u8>(), 8..48),
        ) {
            let params = Params::new(memory_kib, passes, lanes, Some(bytes)).unwrap();
            let version = if old { Version::V0x10 } else { Version::V0x13 };
            prop_assert_eq!(
                hashed(Engine::Vectorised, &params, version, &secret, &salt),
                hashed(Engine::Portable, &params, version, &secret, &salt)
            );
        }
    }

    /// One memory can hash with different parameters, one hash after another.
    #[test]
    fn a_memory_changes_with_the_parameters() {
        let mut memory = Memory::default();
        for memory_kib in [64, 256, 8, 64] {
            let params = Params::new(memory_kib, 1, 1, None).unwrap();
            let mut output = vec![0; 32];
            memory
                .hash(
                    Engine::Vectorised,
                    &params,
                    Version::V0x13,
                    b"abcd1234",
                    KNOWN_SALT,
                    &mut output,
                )
                .unwrap();
            let expected = hashed(
                Engine::Portable,
                &params,
                Version::V0x13,
                b"abcd1234",
                KNOWN_SALT,
            );
            assert_eq!(output, expected);
            let kept = memory.hasher.as_ref().map(Hasher::reserved_blocks);
            assert_eq!(kept, Some(params.block_count()));
        }
    }

    /// INV-8: after a hash, the process's memory contains no data of the hash's blocks. The whole writable memory is
    /// searched.
    #[test]
    fn the_memory_is_wiped_after_each_use() {
        let params = Params::new(64, 1, 1, None).unwrap();
        let mut blocks = vec![Block::new(); params.block_count()];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
            .hash_password_into_with_memory(b"abcd1234", KNOWN_SALT, &mut [0; 32], &mut blocks)
            .unwrap();
        // The words are inverted, so that the search does not find this list. The last block is left out, because it is
        // still on the stack of the hash function.
        let inverted: Vec<u64> = blocks
            .iter()
            .step_by(6)
            .map(|block| !block.as_ref()[40])
            .collect();
        assert_eq!(
            found(&inverted),
            inverted.len(),
            "the search finds words that exist"
        );
        blocks.fill(Block::new());
        drop(std::hint::black_box(blocks));

        for engine in [Engine::Vectorised, Engine::Portable] {
            let mut memory = Memory::default();
            memory
                .hash(
                    engine,
                    &params,
                    Version::V0x13,
                    b"abcd1234",
                    KNOWN_SALT,
                    &mut [0; 32],
                )
                .unwrap();
            assert_eq!(found(&inverted), 0, "{engine:?}");
            drop(memory);
        }
    }

    /// The number of these inverted words whose originals are in the writable memory of this process.
    fn found(inverted: &[u64]) -> usize {
        const CHUNK: usize = 1 << 16;
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let memory = File::open("/proc/self/mem").unwrap();
        let mut seen = vec![false; inverted.len()];
        let mut bytes = vec![0_u8; CHUNK];
        for line in maps.lines().filter(|line| line.contains(" rw")) {
            let (from, to) = line.split(' ').next().unwrap().split_once('-').unwrap();
            let to = u64::from_str_radix(to, 16).unwrap();
            let mut at = u64::from_str_radix(from, 16).unwrap();
            while at < to {
                let wanted = usize::try_from(to - at).unwrap().min(CHUNK);
                if memory.read_exact_at(&mut bytes[..wanted], at).is_ok() {
                    for word in bytes[..wanted].chunks_exact(8) {
                        let word = !u64::from_ne_bytes(word.try_into().unwrap());
                        if let Some(index) = inverted.iter().position(|other| *other == word) {
                            seen[index] = true;
                        }
                    }
                }
                bytes.fill(0);
                at += wanted as u64;
            }
        }
        seen.iter().filter(|seen| **seen).count()
    }
}
