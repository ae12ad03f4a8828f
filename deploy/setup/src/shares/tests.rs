//! The shares of an installation.

use aikagi_hashing::{CallKeys, SealingRing};

use super::*;

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn make_shares(renew: bool, directory: &Path) {
    make(
        directory,
        &["settings.example.jp".to_owned()],
        renew,
        |_| {},
    )
    .unwrap();
}

/// A container has the secrets that the architecture's table lists for it, and no others.
/// INV-9: only authentication and the job `reseal` can open hashes.
#[test]
fn each_container_gets_its_share_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    make_shares(false, dir.path());
    let identity = [
        "authorities.pem",
        "deny-list.txt",
        "identity.key",
        "identity.pem",
    ];
    let with = |more: &[&str]| {
        let mut all: Vec<String> = identity.iter().chain(more).map(|&x| x.to_owned()).collect();
        all.sort();
        all
    };
    let (ring, sealing) = ("key-ring.toml", "sealing-ring.toml");
    let (postgres, redis) = ("postgres.password", "redis.password");
    let dir = dir.path();
    assert_eq!(
        names(&dir.join("edge")),
        with(&[redis, "public.key", "public.pem"])
    );
    assert_eq!(
        names(&dir.join("authentication")),
        with(&[postgres, redis, ring])
    );
    assert_eq!(
        names(&dir.join("issuance")),
        with(&[postgres, redis, sealing, "call-keys.toml"])
    );
    for name in ["password", "units"] {
        assert_eq!(names(&dir.join(name)), with(&[postgres, sealing]));
    }
    assert_eq!(
        names(&dir.join("reseal")),
        ["authorities.pem", ring, postgres]
    );
    assert_eq!(names(&dir.join("retention")), ["authorities.pem", postgres]);
    for name in ["gateway", "operator", "ivr"] {
        assert_eq!(names(&dir.join(name)), identity);
    }
    assert!(!dir.join("backend").exists());
}

/// INV-9: in an installation of version 0.1 every service that seals has the key ring. The next run takes it away from
/// those that only seal, and gives them what they need.
#[test]
fn services_that_only_seal_lose_the_key_ring() {
    let dir = tempfile::tempdir().unwrap();
    make_shares(false, dir.path());
    let path = |share: &str, name: &str| dir.path().join(share).join(name);
    let ring = std::fs::read(path("vault", "key-ring.toml")).unwrap();
    let sealers = ["issuance", "password", "units"];
    let before = names(&dir.path().join("units"));
    for share in sealers {
        write_private(&path(share, "key-ring.toml"), &ring).unwrap();
        std::fs::remove_file(path(share, "sealing-ring.toml")).unwrap();
    }
    std::fs::remove_file(path("issuance", "call-keys.toml")).unwrap();

    make_shares(false, dir.path());
    assert_eq!(names(&dir.path().join("units")), before);
    for share in sealers {
        assert!(!path(share, "key-ring.toml").exists(), "{share}");
        SealingRing::load(&path(share, "sealing-ring.toml")).unwrap();
    }
    CallKeys::load(&path("issuance", "call-keys.toml")).unwrap();
    for share in ["authentication", "reseal", "vault"] {
        assert_eq!(std::fs::read(path(share, "key-ring.toml")).unwrap(), ring);
    }
}

/// INV-9: a change of the key ring reaches every share. The services that only seal get the new active key only.
#[test]
fn a_change_of_the_key_ring_reaches_every_share() {
    let dir = tempfile::tempdir().unwrap();
    make_shares(false, dir.path());
    let read = |share: &str, name: &str| {
        std::fs::read_to_string(dir.path().join(share).join(name)).unwrap()
    };
    let before = read("units", "sealing-ring.toml");
    let change = |change| {
        crate::keys::change(&key_ring(dir.path()), &change).unwrap();
        share_key_files(dir.path()).unwrap();
    };
    change(crate::keys::Change::Add { id: "2".to_owned() });
    assert_eq!(read("units", "sealing-ring.toml"), before);
    assert!(read("issuance", "call-keys.toml").contains("\n2 = "));
    change(crate::keys::Change::Activate { id: "2".to_owned() });
    for share in ["issuance", "password", "units"] {
        let sealing = read(share, "sealing-ring.toml");
        assert!(sealing.contains("active = \"2\"") && sealing != before);
    }
    assert_eq!(
        read("authentication", "key-ring.toml"),
        read("vault", "key-ring.toml")
    );
}

/// The source is like a secret that Kubernetes mounts: links to files in a hidden directory. Everyone may read them.
#[test]
fn only_the_owner_can_read_a_copy() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let dir = tempfile::tempdir().unwrap();
    let (given, own) = (dir.path().join("given"), dir.path().join("own"));
    std::fs::create_dir_all(given.join("..data")).unwrap();
    for name in ["identity.key", "authorities.pem"] {
        write_public(&given.join("..data").join(name), name.as_bytes()).unwrap();
        symlink(Path::new("..data").join(name), given.join(name)).unwrap();
    }
    copy(&given, &own).unwrap();
    assert_eq!(names(&own), ["authorities.pem", "identity.key"]);
    let key = own.join("identity.key");
    assert_eq!(std::fs::read(&key).unwrap(), b"identity.key");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&own), mode(&key)), (0o700, 0o600));
}

/// A second run changes nothing. With `renew` it changes only certificates and their keys.
#[test]
fn only_a_renewal_replaces_certificates() {
    let dir = tempfile::tempdir().unwrap();
    let read = |name: &str| std::fs::read(dir.path().join(name)).unwrap();
    make_shares(false, dir.path());
    let kept = [
        "units/sealing-ring.toml",
        "redis/users.acl",
        "units/authorities.pem",
    ];
    let before = kept.map(read);
    let certificate = read("gateway/identity.pem");
    make_shares(false, dir.path());
    assert_eq!(read("gateway/identity.pem"), certificate);
    make_shares(true, dir.path());
    assert_ne!(read("gateway/identity.pem"), certificate);
    assert_eq!(kept.map(read), before);
}

/// The passphrase of the backups is generated once. The operator can add settings to its file in the vault. The share
/// of PostgreSQL then gets the whole file.
#[test]
fn backups_have_one_passphrase() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).join(BACKUPS);
    make_shares(false, dir.path());
    let first = std::fs::read_to_string(path("postgres")).unwrap();
    let passphrase = first.split("repo1-cipher-pass=").nth(1).unwrap().trim_end();
    assert_eq!(passphrase.len(), 64);
    let changed = format!("{first}repo1-type=s3\n");
    write_private(&path("vault"), changed.as_bytes()).unwrap();
    make_shares(true, dir.path());
    assert_eq!(std::fs::read_to_string(path("postgres")).unwrap(), changed);
}

/// The default user is off, and every other user has a password.
#[test]
fn every_redis_user_has_a_password() {
    let dir = tempfile::tempdir().unwrap();
    make_shares(false, dir.path());
    let text = std::fs::read_to_string(dir.path().join("redis/users.acl")).unwrap();
    let users: Vec<&str> = text.lines().collect();
    assert_eq!(users.len(), 7);
    assert_eq!(users[0], "user default reset");
    assert!(
        users[1..].iter().all(|user| user.contains(" on #")),
        "{text}"
    );
}
