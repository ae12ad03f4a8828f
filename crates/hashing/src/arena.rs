//! The memory of one hashing thread. Argon2id runs in this memory.

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Params, Version};
use rand::TryRng;
use rand::rngs::SysRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::engine::{Engine, Memory};
use crate::error::HashError;
use crate::secret::{Hash, SecretBytes};

const SALT_BYTES: usize = 16;
const OUTPUT_BYTES: usize = Params::DEFAULT_OUTPUT_LEN;

/// One thread's engine and memory. The memory is wiped after each use.
pub(crate) struct Arena {
    engine: Engine,
    memory: Memory,
}

impl Arena {
    /// An arena without memory. The first hash allocates it.
    pub(crate) fn new(engine: Engine) -> Self {
        Self {
            engine,
            memory: Memory::default(),
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
    /// the stored hash.
    pub(crate) fn verify(&mut self, secret: &SecretBytes, hash: &Hash) -> Result<bool, HashError> {
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

    fn small() -> Params {
        Params::new(64, 1, 1, None).unwrap()
    }

    #[test]
    fn a_hash_verifies_for_its_own_secret_only() {
        let mut arena = Arena::new(Engine::Vectorised);
        let hash = arena.hash(&small(), &"Right1word".into()).unwrap();
        assert!(arena.verify(&"Right1word".into(), &hash).unwrap());
        assert!(!arena.verify(&"right1word".into(), &hash).unwrap());
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
        assert!(arena.verify(&"abcd1234".into(), &old).unwrap());
    }

    #[test]
    fn a_hash_of_another_algorithm_is_malformed() {
        assert!(matches!(Hash::parse(b"secret"), Err(HashError::Malformed)));
        assert!(matches!(Hash::parse(&[0xff]), Err(HashError::Malformed)));
        let other = Hash::parse(b"$pbkdf2-sha256$i=1$AAAAAAAAAAAAAAAAAAAAAA").unwrap();
        let verified = Arena::new(Engine::Vectorised).verify(&"abcd1234".into(), &other);
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
