//! The memory of one hashing thread. Argon2id runs in this memory.

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Params, Version};
use rand::TryRng;
use rand::rngs::SysRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::cost::Cost;
use crate::engine::{Engine, Memory};
use crate::error::HashError;
use crate::secret::{Hash, SecretBytes};

const SALT_BYTES: usize = 16;
const OUTPUT_BYTES: usize = Params::DEFAULT_OUTPUT_LEN;

/// One thread's engine and memory. The memory is wiped after each use.
pub(crate) struct Arena {
    engine: Engine,
    memory: Memory,
    /// The work of all hashes so far ([`Cost::work`]).
    #[cfg(test)]
    work: u64,
}

impl Arena {
    /// An arena without memory. The first hash allocates it.
    pub(crate) fn new(engine: Engine) -> Self {
        Self {
            engine,
            memory: Memory::default(),
            #[cfg(test)]
            work: 0,
        }
    }

    /// Hashes the secret with these parameters and a salt from the operating system.
    pub(crate) fn hash(
        &mut self,
        params: &Params,
        secret: &SecretBytes,
    ) -> Result<Hash, HashError> {
        let salt = random::<SALT_BYTES>()?;
        let mut output = Zeroizing::new([0; OUTPUT_BYTES]);
        self.run(
            params,
            Version::V0x13,
            secret,
            salt.as_slice(),
            output.as_mut_slice(),
        )?;
        phc(params, salt.as_slice(), output.as_slice())
    }

    /// Returns true if the hash was made from this secret. The computation uses the parameters in
    /// the stored hash. If they are cheaper than `dearest`, a second hash does the rest of the work
    /// (LOGIN-10).
    pub(crate) fn verify(
        &mut self,
        secret: &SecretBytes,
        hash: &Hash,
        dearest: Cost,
    ) -> Result<bool, HashError> {
        let parts = hash.parts()?;
        if parts.algorithm != ARGON2ID_IDENT {
            return Err(HashError::Malformed);
        }
        let version = match parts.version {
            Some(version) => Version::try_from(version).map_err(|_| HashError::Malformed)?,
            None => Version::V0x10,
        };
        let params = Params::try_from(&parts).map_err(|_| HashError::Malformed)?;
        let (Some(salt), Some(expected)) = (parts.salt, parts.hash) else {
            return Err(HashError::Malformed);
        };
        let mut output = Zeroizing::new(vec![0; expected.len()]);
        self.run(&params, version, secret, salt.as_ref(), &mut output)?;
        if let Some(rest) = Cost::from(&params).rest(dearest) {
            let params = rest.params().map_err(|_| HashError::Failed)?;
            let mut unused = Zeroizing::new([0; OUTPUT_BYTES]);
            self.run(
                &params,
                version,
                secret,
                salt.as_ref(),
                unused.as_mut_slice(),
            )?;
        }
        Ok(output.as_slice().ct_eq(expected.as_bytes()).into())
    }

    fn run(
        &mut self,
        params: &Params,
        version: Version,
        secret: &SecretBytes,
        salt: &[u8],
        output: &mut [u8],
    ) -> Result<(), HashError> {
        #[cfg(test)]
        {
            self.work += Cost::from(params).work();
        }
        let secret = secret.expose();
        self.memory
            .hash(self.engine, params, version, secret, salt, output)
    }
}

/// A random hash, which no secret matches. Comparing with it costs as much as with a real hash of these parameters.
pub(crate) fn decoy(params: &Params) -> Result<Hash, HashError> {
    phc(
        params,
        random::<SALT_BYTES>()?.as_slice(),
        random::<OUTPUT_BYTES>()?.as_slice(),
    )
}

fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, HashError> {
    let mut bytes = Zeroizing::new([0; N]);
    SysRng
        .try_fill_bytes(bytes.as_mut_slice())
        .map_err(|_| HashError::Failed)?;
    Ok(bytes)
}

fn phc(params: &Params, salt: &[u8], output: &[u8]) -> Result<Hash, HashError> {
    Ok(Hash::of(&PasswordHash {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).map_err(|_| HashError::Failed)?,
        salt: Some(Salt::new(salt).map_err(|_| HashError::Failed)?),
        hash: Some(Output::new(output).map_err(|_| HashError::Failed)?),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Cost = Cost {
        memory_kib: 64,
        iterations: 1,
        parallelism: 1,
    };

    fn small() -> Params {
        SMALL.params().unwrap()
    }

    #[test]
    fn a_hash_verifies_for_its_own_secret_only() {
        let mut arena = Arena::new(Engine::Vectorised);
        let hash = arena.hash(&small(), &"Right1word".into()).unwrap();
        assert!(arena.verify(&"Right1word".into(), &hash, SMALL).unwrap());
        assert!(!arena.verify(&"right1word".into(), &hash, SMALL).unwrap());
        let again = arena.hash(&small(), &"Right1word".into()).unwrap();
        assert!(hash != again, "each hash has its own salt");
    }

    #[test]
    fn a_hash_verifies_with_its_own_parameters() {
        let mut arena = Arena::new(Engine::Vectorised);
        let old = arena
            .hash(&Params::new(32, 3, 1, None).unwrap(), &"abcd1234".into())
            .unwrap();
        arena.hash(&small(), &"abcd1234".into()).unwrap();
        assert!(arena.verify(&"abcd1234".into(), &old, SMALL).unwrap());
    }

    /// LOGIN-5, LOGIN-10: a comparison does the same work for each stored cost and for the decoy.
    #[test]
    fn every_comparison_does_the_work_of_the_dearest_cost() {
        let dearest = Cost {
            memory_kib: 96,
            iterations: 3,
            parallelism: 1,
        };
        let mut arena = Arena::new(Engine::Vectorised);
        let cheap = arena.hash(&small(), &"abcd1234".into()).unwrap();
        let dear = arena
            .hash(&dearest.params().unwrap(), &"abcd1234".into())
            .unwrap();
        let decoy = decoy(&dearest.params().unwrap()).unwrap();
        for (hash, secret, right) in [
            (&cheap, "abcd1234", true),
            (&cheap, "abcd1235", false),
            (&dear, "abcd1234", true),
            (&decoy, "abcd1234", false),
        ] {
            let before = arena.work;
            let matches = arena.verify(&secret.into(), hash, dearest).unwrap();
            assert_eq!(matches, right);
            // The memory of a hash is in whole KiB. So the second hash of a cheap one can do a few KiB less
            // than the missing work.
            let missed = dearest.work() - (arena.work - before);
            assert!(missed < 3, "{missed} KiB");
        }
    }

    #[test]
    fn a_hash_of_another_algorithm_is_malformed() {
        assert!(matches!(Hash::parse(b"secret"), Err(HashError::Malformed)));
        assert!(matches!(Hash::parse(&[0xff]), Err(HashError::Malformed)));
        let other = Hash::parse(b"$pbkdf2-sha256$i=1$AAAAAAAAAAAAAAAAAAAAAA").unwrap();
        let verified = Arena::new(Engine::Vectorised).verify(&"abcd1234".into(), &other, SMALL);
        assert!(matches!(verified, Err(HashError::Malformed)));
    }

    /// INV-8: Debug shows neither a password nor a hash.
    #[test]
    fn debug_shows_no_secret() {
        let hash = Arena::new(Engine::Vectorised)
            .hash(&small(), &"abcd1234".into())
            .unwrap();
        assert_eq!(format!("{hash:?}"), "Hash(..)");
        assert_eq!(
            format!("{:?}", SecretBytes::from("abcd1234")),
            "SecretBytes(..)"
        );
    }
}
