//! Makes what nobody has to choose, keeps it in the vault, and gives each container its share: a directory (a volume)
//! with only the files that it needs.
//!
//! The vault's content is never replaced, except certificates that end soon. To bring your own secrets, put them into
//! the vault under the same names.

use std::path::{Path, PathBuf};

use aikagi_installation::certificates::{Authority, Identity};
use aikagi_installation::files::{private_directory, write_private, write_public};
use aikagi_installation::key_ring::ensure_key_ring;
use aikagi_installation::random::random_hexadecimal;
use aikagi_installation::redis_users::{AdministrativeUser, RedisUser, acl_file};
use aikagi_installation::workloads::{
    Job, OutsideWorkload, POSTGRES_SUPERUSER, POSTGRES_USERS, Service, Store, postgres_roles,
};
use anyhow::{Context as _, Result};

/// The key ring, which each share has a copy of.
pub(crate) fn key_ring(directory: &Path) -> PathBuf {
    directory.join("vault/key-ring.toml")
}

/// Makes what is missing, and gives each container its share. `say` gets a text for what is replaced or new.
pub(crate) fn make(
    directory: &Path,
    public_names: &[String],
    renew: bool,
    mut say: impl FnMut(&str),
) -> Result<()> {
    let vault = Vault::open(directory)?;
    if renew {
        vault.forget_certificates()?;
        say("every certificate is replaced");
    }
    if ensure_key_ring(&key_ring(directory))? {
        say("made the key ring: keep a copy of it where the database's backups are not");
    }

    for service in Service::ALL {
        let share = vault.share(service.name())?;
        share.identity(&vault.issue(service.name(), &[service.name()])?)?;
        if let Some(role) = service.postgres_role() {
            let password = vault.password(Store::PostgreSql, role)?;
            share.private("postgres.password", &password)?;
        }
        if let Some(user) = service.redis_user() {
            let password = vault.password(Store::Redis, user.name())?;
            share.private("redis.password", &password)?;
        }
    }
    share_key_ring(directory)?;

    let gateway = vault.share(Service::Gateway.name())?;
    let names: Vec<&str> = public_names.iter().map(String::as_str).collect();
    let public = vault.issue("public", &names)?;
    gateway.copy(&public.certificate, "public.pem")?;
    gateway.copy(&public.key, "public.key")?;

    for store in Store::ALL {
        let identity = vault.issue(store.name(), store.host_names())?;
        vault.share(store.name())?.identity(&identity)?;
    }
    let postgres = vault.share(Store::PostgreSql.name())?;
    for user in POSTGRES_USERS {
        let password = vault.password(Store::PostgreSql, user)?;
        postgres.private(&format!("{user}.password"), &password)?;
    }
    let migrate = vault.share("migrate")?;
    migrate.copy(&vault.authority.certificate(), "authorities.pem")?;
    for user in postgres_roles().chain([POSTGRES_SUPERUSER]) {
        let password = vault.password(Store::PostgreSql, user)?;
        migrate.private(&format!("{user}.password"), &password)?;
    }
    for job in Job::ALL {
        let share = vault.share(job.name())?;
        let password = vault.password(Store::PostgreSql, job.postgres_role())?;
        share.private("postgres.password", &password)?;
        share.copy(&vault.authority.certificate(), "authorities.pem")?;
    }

    let redis = vault.share(Store::Redis.name())?;
    redis.private("users.acl", vault.redis_users()?.as_bytes())?;
    for user in AdministrativeUser::ALL {
        let password = vault.password(Store::Redis, user.name())?;
        redis.private(&format!("{}.password", user.name()), &password)?;
    }

    let outside = vault.share("outside")?;
    outside.copy(&vault.authority.certificate(), "authorities.pem")?;
    for workload in OutsideWorkload::ALL {
        let name = workload.name();
        let identity = vault.issue(name, &[])?;
        outside.copy(&identity.certificate, &format!("{name}.pem"))?;
        outside.copy(&identity.key, &format!("{name}.key"))?;
        if workload.has_container() {
            vault.share(name)?.identity(&identity)?;
        }
    }
    Ok(())
}

/// Copies a share to a directory that only we may read.
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

/// Gives the key ring to every service and job that seals or opens.
pub(crate) fn share_key_ring(directory: &Path) -> Result<()> {
    let ring = key_ring(directory);
    let services = Service::ALL
        .into_iter()
        .filter(|service| service.has_key_ring());
    let jobs = Job::ALL.into_iter().filter(|job| job.has_key_ring());
    for name in services.map(Service::name).chain(jobs.map(Job::name)) {
        Share::open(directory, name)?.copy(&ring, "key-ring.toml")?;
    }
    Ok(())
}

/// Everything that was made. Only this job reads it.
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

    /// Removes every certificate except the authority's, so that new ones are issued.
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

    fn password(&self, store: Store, user: &str) -> Result<Vec<u8>> {
        let file = format!("vault/{}-{user}.password", store.name());
        let file = self.directory.join(file);
        if let Ok(password) = std::fs::read(&file) {
            return Ok(password);
        }
        let password = random_hexadecimal()?.into_bytes();
        write_private(&file, &password)?;
        Ok(password)
    }

    /// The ACL file of an installation's Redis.
    fn redis_users(&self) -> Result<String> {
        let mut rules = Vec::new();
        for user in RedisUser::ALL {
            rules.push(user.rule(self.password(Store::Redis, user.name())?));
        }
        for user in AdministrativeUser::ALL {
            rules.push(user.rule(self.password(Store::Redis, user.name())?));
        }
        Ok(acl_file(rules))
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
        // The key first: a service that reloads now sees that they do not match, and keeps the old pair.
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

    /// Writes a file unless it has this content: services reload files whose time has changed.
    fn put(&self, name: &str, content: &[u8], write: fn(&Path, &[u8]) -> Result<()>) -> Result<()> {
        let file = self.0.join(name);
        if std::fs::read(&file).is_ok_and(|old| old == content) {
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
        for name in ["operator", "ivr"] {
            assert_eq!(names(&dir.join(name)), identity);
        }
        assert!(!dir.join("backend").exists());
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
        assert_eq!(users.len(), 7);
        assert_eq!(users[0], "user default reset");
        assert!(
            users[1..].iter().all(|user| user.contains(" on #")),
            "{text}"
        );
    }
}
