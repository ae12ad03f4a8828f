//! What nobody has to choose, made once and kept in the vault, and each container's share of it: a directory (a
//! volume) with the files that it needs and no others.
//!
//! What is in the vault already is never replaced, except certificates that end soon. To bring secrets of your own,
//! put them into the vault under the same names.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use aikagi_devkit::certs::{Authority, Identity};
use aikagi_devkit::paths::{hexadecimal, private_directory, write_private, write_public};
use aikagi_devkit::random::random_hexadecimal;
use aikagi_devkit::settings::Service;
use aikagi_devkit::system::OUTSIDERS;
use aikagi_hashing::seal::KeyRing;
use aikagi_ttl::acl;
use anyhow::{Context, Result};
use sha2::{Digest as _, Sha256};

/// The first key's id.
const FIRST_KEY: &str = "1";
/// The stores, which show a certificate too, and every name under which one of it answers.
const STORES: [(&str, &[&str]); 2] = [
    ("postgres", &["postgres", "postgres-standby"]),
    (
        "redis",
        &[
            "redis",
            "redis-replica",
            "sentinel-1",
            "sentinel-2",
            "sentinel-3",
        ],
    ),
];
/// The jobs with a role in PostgreSQL: one seals again under a new key, one removes old months of the audit trail.
const JOBS: [(&str, &str); 2] = [(RESEAL, "aikagi_reseal"), ("retention", "aikagi_retention")];
const RESEAL: &str = "reseal";
/// Those outside who run in containers here, too: the operator's command line, and a telephone.
const GUESTS: [&str; 2] = ["operator", "ivr"];
/// PostgreSQL's users that are neither service nor job.
const POSTGRES_USERS: [&str; 2] = ["superuser", "replication"];
/// Redis's users that are no service: who may do everything, who follows a primary, and who watches it.
const REDIS_ADMINISTRATOR: &str = "administrator";
const REDIS_REPLICA: &str = "replica";
const REDIS_SENTINEL: &str = "sentinel";

/// What one of Redis's own users may do.
const REDIS_USERS: [(&str, &str); 3] = [
    (REDIS_ADMINISTRATOR, "~* &* +@all"),
    (REDIS_REPLICA, "+psync +replconf +ping"),
    (
        REDIS_SENTINEL,
        "&* +multi +slaveof +ping +exec +subscribe +config|rewrite +role +publish +info +client|setname \
         +client|kill +script|kill",
    ),
];

/// The key ring that every share's copy comes from.
pub(crate) fn key_ring(directory: &Path) -> PathBuf {
    directory.join("vault/key-ring.toml")
}

/// Makes what is missing, and gives each container its share. `say` hears what was made anew.
pub(crate) fn make(
    directory: &Path,
    public_names: &[String],
    renew: bool,
    mut say: impl FnMut(&str),
) -> Result<()> {
    let vault = Vault::open(directory)?;
    if renew {
        vault.forget_certificates()?;
        say("every certificate is made anew");
    }
    let ring = key_ring(directory);
    if !ring.is_file() {
        let text = KeyRing::generate_file_text(FIRST_KEY, &mut rand::rng());
        write_private(&ring, text.as_bytes())?;
        say("made the key ring: keep a copy of it where the database's backups are not");
    }

    for service in Service::ALL {
        let share = vault.share(service.name())?;
        share.identity(&vault.issue(service.name(), &[service.name()])?)?;
        if let Some(role) = service.postgres_role() {
            share.private("postgres.password", &vault.password("postgres", &role)?)?;
        }
        if let Some(user) = service.redis_user() {
            share.private("redis.password", &vault.password("redis", user)?)?;
        }
    }
    share_key_ring(directory)?;

    let gateway = vault.share(Service::Gateway.name())?;
    let names: Vec<&str> = public_names.iter().map(String::as_str).collect();
    let public = vault.issue("public", &names)?;
    gateway.copy(&public.certificate, "public.pem")?;
    gateway.copy(&public.key, "public.key")?;

    for (store, names) in STORES {
        vault.share(store)?.identity(&vault.issue(store, names)?)?;
    }
    let postgres = vault.share("postgres")?;
    let migrate = vault.share("migrate")?;
    for user in POSTGRES_USERS {
        let password = vault.password("postgres", user)?;
        postgres.private(&format!("{user}.password"), &password)?;
    }
    let superuser = vault.password("postgres", "superuser")?;
    migrate.private("superuser.password", &superuser)?;
    migrate.copy(&vault.authority.certificate(), "authorities.pem")?;
    for role in Service::ALL.into_iter().filter_map(Service::postgres_role) {
        migrate.private(
            &format!("{role}.password"),
            &vault.password("postgres", &role)?,
        )?;
    }
    for (job, role) in JOBS {
        let password = vault.password("postgres", role)?;
        migrate.private(&format!("{role}.password"), &password)?;
        let share = vault.share(job)?;
        share.private("postgres.password", &password)?;
        share.copy(&vault.authority.certificate(), "authorities.pem")?;
    }

    let redis = vault.share("redis")?;
    redis.private("users.acl", &vault.redis_users()?)?;
    for (user, _) in REDIS_USERS {
        redis.private(&format!("{user}.password"), &vault.password("redis", user)?)?;
    }

    let outside = vault.share("outside")?;
    outside.copy(&vault.authority.certificate(), "authorities.pem")?;
    for name in OUTSIDERS {
        let identity = vault.issue(name, &[])?;
        outside.copy(&identity.certificate, &format!("{name}.pem"))?;
        outside.copy(&identity.key, &format!("{name}.key"))?;
        if GUESTS.contains(&name) {
            vault.share(name)?.identity(&identity)?;
        }
    }
    Ok(())
}

/// Copies a share to a directory of our own.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    let share = Share(private_directory(to)?);
    let files =
        std::fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))?;
    for file in files.flatten() {
        let name = file.file_name();
        let name = name.to_string_lossy();
        // Kubernetes keeps the files themselves, and where they are now, under such names.
        if !name.starts_with('.') {
            share.copy(&file.path(), &name)?;
        }
    }
    Ok(())
}

/// Gives the key ring to everyone who seals or opens.
pub(crate) fn share_key_ring(directory: &Path) -> Result<()> {
    let ring = key_ring(directory);
    let services = [
        Service::Issuance,
        Service::Authentication,
        Service::Password,
        Service::Units,
    ];
    for name in services.map(Service::name).into_iter().chain([RESEAL]) {
        Share::open(directory, name)?.copy(&ring, "key-ring.toml")?;
    }
    Ok(())
}

/// Everything, for nobody but this job.
struct Vault {
    directory: PathBuf,
    authority: Authority,
}

impl Vault {
    fn open(directory: &Path) -> Result<Self> {
        let vault = private_directory(&directory.join("vault"))?;
        Ok(Self {
            directory: directory.to_owned(),
            authority: Authority::open(&vault.join("certificates"))?,
        })
    }

    fn issue(&self, name: &str, dns_names: &[&str]) -> Result<Identity> {
        let names: Vec<&str> = ["localhost"].iter().chain(dns_names).copied().collect();
        self.authority.issue(name, &names)
    }

    /// Removes every certificate but the authority's, so that each is made anew.
    fn forget_certificates(&self) -> Result<()> {
        let certificates = self.directory.join("vault/certificates");
        let entries = std::fs::read_dir(&certificates)
            .with_context(|| format!("cannot read {}", certificates.display()))?;
        for entry in entries.flatten() {
            let path = entry.path();
            let is_certificate = path.extension().is_some_and(|ending| ending == "pem");
            if is_certificate && path != self.authority.certificate() {
                std::fs::remove_file(&path)
                    .with_context(|| format!("cannot remove {}", path.display()))?;
            }
        }
        Ok(())
    }

    fn password(&self, store: &str, user: &str) -> Result<Vec<u8>> {
        let file = self
            .directory
            .join(format!("vault/{store}-{user}.password"));
        if let Ok(password) = std::fs::read(&file) {
            return Ok(password);
        }
        let password = random_hexadecimal()?.into_bytes();
        write_private(&file, &password)?;
        Ok(password)
    }

    fn redis_users(&self) -> Result<Vec<u8>> {
        let digest = |user: &str| -> Result<String> {
            let digest = Sha256::digest(self.password("redis", user)?);
            Ok(hexadecimal(&digest, digest.len()))
        };
        let mut text = format!("{}\n", acl::DEFAULT_OFF);
        for user in acl::User::ALL {
            text.push_str(&user.rule(&digest(user.name())?));
            text.push('\n');
        }
        for (user, rights) in REDIS_USERS {
            let _ = writeln!(text, "user {user} reset on #{} {rights}", digest(user)?);
        }
        Ok(text.into_bytes())
    }

    fn share(&self, name: &str) -> Result<Share> {
        Share::open(&self.directory, name)
    }
}

/// What one container gets.
struct Share(PathBuf);

impl Share {
    fn open(directory: &Path, name: &str) -> Result<Self> {
        private_directory(&directory.join(name)).map(Self)
    }

    fn identity(&self, identity: &Identity) -> Result<()> {
        // The key first: a service that looks in between finds that they do not fit, and keeps what it has.
        self.copy(&identity.key, "identity.key")?;
        self.copy(&identity.certificate, "identity.pem")?;
        self.copy(&identity.authorities, "authorities.pem")
    }

    fn copy(&self, from: &Path, name: &str) -> Result<()> {
        let content =
            std::fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
        if Path::new(name).extension().is_some_and(|end| end == "pem") {
            self.put(name, &content, write_public)
        } else {
            self.private(name, &content)
        }
    }

    fn private(&self, name: &str, content: &[u8]) -> Result<()> {
        self.put(name, content, write_private)
    }

    /// Writes a file unless it holds just that: services look at the times of their files.
    fn put(&self, name: &str, content: &[u8], write: fn(&Path, &[u8]) -> Result<()>) -> Result<()> {
        let file = self.0.join(name);
        if std::fs::read(&file).is_ok_and(|there| there == content) {
            return Ok(());
        }
        write(&file, content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn made(renew: bool, directory: &Path) {
        make(
            directory,
            &["settings.example.jp".to_owned()],
            renew,
            |_| {},
        )
        .unwrap();
    }

    /// The architecture's table: a container has the secrets of its own row and no others.
    #[test]
    fn each_container_gets_its_share_and_no_more() {
        let dir = tempfile::tempdir().unwrap();
        made(false, dir.path());
        let identity = ["authorities.pem", "identity.key", "identity.pem"];
        let with = |more: &[&str]| {
            let mut all: Vec<String> = identity.iter().chain(more).map(|&x| x.to_owned()).collect();
            all.sort();
            all
        };
        let ring = "key-ring.toml";
        let (postgres, redis) = ("postgres.password", "redis.password");
        let dir = dir.path();
        assert_eq!(
            names(&dir.join("gateway")),
            with(&[redis, "public.key", "public.pem"])
        );
        for name in ["issuance", "authentication"] {
            assert_eq!(names(&dir.join(name)), with(&[postgres, redis, ring]));
        }
        for name in ["password", "units"] {
            assert_eq!(names(&dir.join(name)), with(&[postgres, ring]));
        }
        assert_eq!(
            names(&dir.join("reseal")),
            ["authorities.pem", ring, postgres]
        );
        assert_eq!(names(&dir.join("retention")), ["authorities.pem", postgres]);
        for name in GUESTS {
            assert_eq!(names(&dir.join(name)), identity);
        }
    }

    /// As Kubernetes mounts a secret: links to files that everyone may read, one step aside.
    #[test]
    fn a_copy_is_for_nobody_else() {
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

    /// Run again, it changes nothing; asked to renew, it changes certificates and keys and nothing else.
    #[test]
    fn only_what_is_asked_for_is_made_anew() {
        let dir = tempfile::tempdir().unwrap();
        let read = |name: &str| std::fs::read(dir.path().join(name)).unwrap();
        made(false, dir.path());
        let kept = [
            "units/key-ring.toml",
            "redis/users.acl",
            "units/authorities.pem",
        ];
        let before = kept.map(read);
        let certificate = read("gateway/identity.pem");
        made(false, dir.path());
        assert_eq!(read("gateway/identity.pem"), certificate);
        made(true, dir.path());
        assert_ne!(read("gateway/identity.pem"), certificate);
        assert_eq!(kept.map(read), before);
    }

    /// A user of Redis that is no service has no more rights than its task needs, and everyone has a password.
    #[test]
    fn redis_lets_nobody_in_without_a_password() {
        let dir = tempfile::tempdir().unwrap();
        made(false, dir.path());
        let text = std::fs::read_to_string(dir.path().join("redis/users.acl")).unwrap();
        let users: Vec<&str> = text.lines().collect();
        assert_eq!(users.len(), 1 + acl::User::ALL.len() + REDIS_USERS.len());
        assert_eq!(users[0], acl::DEFAULT_OFF);
        assert!(
            users[1..].iter().all(|user| user.contains(" on #")),
            "{text}"
        );
    }
}
