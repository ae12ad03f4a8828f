//! Measures a hash on the pool, the sealing and opening of a hash, and the opening of the record of a session. The first
//! and the last are compared with the cryptographic library alone. The sealing of a hash is compared with the hash.

use std::error::Error;
use std::fs::OpenOptions;
use std::hint::black_box;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;

use aikagi_domain::credential::Epoch;
use aikagi_domain::session::{SessionToken, TokenDigest};
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_hashing::seal::{Context, KeyRing};
use aikagi_hashing::{Pool, SecretBytes, Settings};
use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use criterion::Criterion;
use tokio::runtime::Runtime;

const PASSWORD: &[u8] = b"Himitsu2026";
const SALT: &[u8] = b"sixteen bytes...";
/// A value as long as a session's record.
const RECORD: [u8; 256] = [b'.'; 256];

fn main() -> Result<(), Box<dyn Error>> {
    let mut criterion = Criterion::default().configure_from_args();
    hash(&mut criterion)?;
    seal(&mut criterion)?;
    open(&mut criterion)?;
    criterion.final_summary();
    Ok(())
}

/// The pool reuses its arenas; the bare library allocates memory for each hash.
fn hash(criterion: &mut Criterion) -> Result<(), Box<dyn Error>> {
    let settings = Settings::default();
    let runtime = Runtime::new()?;
    let pool = Pool::new(&settings)?;
    let params = Params::new(settings.memory_kib, settings.iterations, 1, None)?;
    let bare = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut group = criterion.benchmark_group("a hash");
    group.sample_size(20);
    group.bench_function("on the pool", |bencher| {
        bencher.iter(|| {
            runtime.block_on(async {
                let mut permit = pool.permit(None).await?;
                let hash = permit.hash(SecretBytes::from(PASSWORD)).await;
                Ok::<_, aikagi_hashing::Busy>(black_box(hash))
            })
        });
    });
    group.bench_function("in fresh memory", |bencher| {
        let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
        bencher.iter(|| bare.hash_password_into(black_box(PASSWORD), SALT, &mut output));
    });
    group.finish();
    Ok(())
}

/// A login opens one hash and computes one. A change of the password seals one.
fn seal(criterion: &mut Criterion) -> Result<(), Box<dyn Error>> {
    let ring = KeyRing::parse(&KeyRing::generate_file_text("bench", &mut rand::rng()))?;
    let number = TelephoneNumber::parse("0312345678")?;
    let context = Context::Permanent {
        number: &number,
        epoch: Epoch(1),
    };
    let sealed = ring.sealing_ring().seal(context, &[b'.'; 97])?;
    let mut group = criterion.benchmark_group("a sealed hash");
    group.bench_function("sealed by the sealing ring", |bencher| {
        bencher.iter(|| ring.sealing_ring().seal(context, black_box(&[b'.'; 97])));
    });
    group.bench_function("opened by the key ring", |bencher| {
        bencher.iter(|| ring.open(context, black_box(&sealed)));
    });
    group.finish();
    Ok(())
}

fn open(criterion: &mut Criterion) -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("key-ring.toml");
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    file.write_all(KeyRing::generate_file_text("bench", &mut rand::rng()).as_bytes())?;
    let ring = KeyRing::load(&path)?;
    let digest: TokenDigest = SessionToken::generate(&mut rand::rng()).digest();
    let sealed = ring.seal_session(&digest, &RECORD)?;

    let cipher = XChaCha20Poly1305::new(&Key::from([7; 32]));
    let nonce = XNonce::from([7; 24]);
    let bound = Payload {
        msg: RECORD.as_slice(),
        aad: digest.0.as_slice(),
    };
    let encrypted = cipher.encrypt(&nonce, bound)?;

    let mut group = criterion.benchmark_group("a session's record");
    group.bench_function("opened by the key ring", |bencher| {
        bencher.iter(|| ring.open_session(&digest, black_box(&sealed)));
    });
    group.bench_function("decrypted", |bencher| {
        bencher.iter(|| {
            let bound = Payload {
                msg: black_box(&encrypted),
                aad: digest.0.as_slice(),
            };
            cipher.decrypt(&nonce, bound)
        });
    });
    group.finish();
    Ok(())
}
