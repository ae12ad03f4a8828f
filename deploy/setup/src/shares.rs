//! Generates certificates, passwords and the key ring, and keeps them in the vault. Each container gets its share: a
//! directory (a volume) with only the files that it needs.
//!
//! The job `secrets` never replaces a file in the vault, except a certificate that ends soon or needs other host names.
//! With `--renew`, it replaces every certificate except the authority's. To use your own secrets, put them into the
//! vault under the same names.

use std::path::{Path, PathBuf};

use aikagi_installation::certificates::{Authority, Identity};
use aikagi_installation::files::{private_directory, write_private, write_public};
use aikagi_installation::key_files::{KeyFile, ensure_key_ring, read_key_ring};
use aikagi_installation::random::random_hexadecimal;
use aikagi_installation::redis_users::{AdministrativeUser, RedisUser, acl_file};
use aikagi_installation::workloads::{
    Job, OutsideWorkload, POSTGRES_SUPERUSER, POSTGRES_USERS, Service, Store, postgres_roles,
};
use anyhow::{Context as _, Result};

use crate::deny_list;

/// The path of the key ring in the vault.
pub(crate) fn key_ring(directory: &Path) -> PathBuf {
    directory.join("vault").join(KeyFile::KeyRing.file_name())
}

/// The name of the deny list in the vault and in each share.
const DENY_LIST: &str = "deny-list.txt";

/// The path of the deny list in the vault.
pub(crate) fn deny_list(directory: &Path) -> PathBuf {
    directory.join("vault").join(DENY_LIST)
}

/// The settings of pgBackRest in the vault, and their copy for PostgreSQL's container. They have the passphrase of the
/// backups. An operator may add settings of the repository in which pgBackRest keeps backups.
const BACKUPS: &str = "pgbackrest.conf";

/// Generates missing secrets, and gives each container its share. With `renew`, replaces every certificate except the
/// authority's. `say` reports replaced certificates, a new key ring, and a new passphrase of the backups.
pub(crate) fn make(
    directory: &Path,
    public_names: &[String],
    renew: bool,
    mut say: impl FnMut(&str),
) -> Result<()> {
    let vault = Vault::open(directory)?;
    if renew {
        vault.remove_certificates()?;
        say("all certificates except the authority's are replaced");
    }
    if ensure_key_ring(&key_ring(directory))? {
        say(
            "new key ring generated: keep a copy of it, but not together with the database's backups",
        );
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
    share_key_files(directory)?;

    let edge = vault.share(Service::Edge.name())?;
    let names: Vec<&str> = public_names.iter().map(String::as_str).collect();
    let public = vault.issue("public", &names)?;
    edge.copy(&public.certificate, "public.pem")?;
    edge.copy(&public.key, "public.key")?;

    for store in Store::ALL {
        let identity = vault.issue(store.name(), store.host_names())?;
        vault.share(store.name())?.identity(&identity)?;
    }
    let postgres = vault.share(Store::PostgreSql.name())?;
    for user in POSTGRES_USERS {
        let password = vault.password(Store::PostgreSql, user)?;
        postgres.private(&format!("{user}.password"), &password)?;
    }
    let (backups, is_new) = vault.backups()?;
    if is_new {
        say("new passphrase for backups generated: keep a copy of it, but not beside the backups");
    }
    postgres.private(BACKUPS, &backups)?;
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
    deny_list::ensure_list(&deny_list(directory))?;
    share_deny_list(directory)
}

/// Copies a share to a directory that only this user may read.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    let share = Share(private_directory(to)?);
    let files =
        std::fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))?;
    for file in files.flatten() {
        let name = file.file_name();
        let name = name.to_string_lossy();
        // Kubernetes stores the files in a hidden directory, and links to them under their names.
        if !name.starts_with('.') {
            share.copy(&file.path(), &name)?;
        }
    }
    Ok(())
}

/// INV-9: gives every service and job the files of keys that it needs. Removes every other file of keys from its share.
/// Earlier versions gave the key ring to services that only seal.
pub(crate) fn share_key_files(directory: &Path) -> Result<()> {
    let ring = read_key_ring(&key_ring(directory))?;
    let services = Service::ALL.map(|service| (service.name(), service.key_files()));
    let jobs = Job::ALL.map(|job| (job.name(), job.key_files()));
    for (name, needed) in services.into_iter().chain(jobs) {
        let share = Share::open(directory, name)?;
        for file in needed {
            share.private(file.file_name(), file.text(&ring)?.as_bytes())?;
        }
        for file in KeyFile::ALL {
            if !needed.contains(&file) {
                share.remove(file.file_name())?;
            }
        }
    }
    Ok(())
}

/// Copies the deny list to the share of every workload, and to the files for outside workloads.
pub(crate) fn share_deny_list(directory: &Path) -> Result<()> {
    let list = deny_list(directory);
    let outside = OutsideWorkload::ALL
        .into_iter()
        .filter(|workload| workload.has_container())
        .map(OutsideWorkload::name);
    let services = Service::ALL.into_iter().map(Service::name);
    for name in services.chain(outside).chain(["outside"]) {
        Share::open(directory, name)?.copy(&list, DENY_LIST)?;
    }
    Ok(())
}

/// All generated secrets. Only `aikagi-setup` reads the vault.
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
    fn remove_certificates(&self) -> Result<()> {
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

    /// The settings of pgBackRest, and true if they were generated. Existing settings are never replaced: without
    /// their passphrase no backup can be read.
    fn backups(&self) -> Result<(Vec<u8>, bool)> {
        let file = self.directory.join("vault").join(BACKUPS);
        if file.try_exists()? {
            let settings =
                std::fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
            return Ok((settings, false));
        }
        let passphrase = [random_hexadecimal()?, random_hexadecimal()?].concat();
        let settings =
            format!("[global]\nrepo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass={passphrase}\n");
        write_private(&file, settings.as_bytes())?;
        Ok((settings.into_bytes(), true))
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

/// The directory with the files of one container.
struct Share(PathBuf);

impl Share {
    fn open(directory: &Path, name: &str) -> Result<Self> {
        private_directory(&directory.join(name)).map(Self)
    }

    fn identity(&self, identity: &Identity) -> Result<()> {
        // A service may reload between these writes. The service then finds a key that does not match the certificate,
        // and keeps the old pair.
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

    /// Removes a file, if the share has it.
    fn remove(&self, name: &str) -> Result<()> {
        let file = self.0.join(name);
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", file.display()))
            }
            _ => Ok(()),
        }
    }

    /// Writes a file, unless it already has this content. Services reload a file when its modification time changes.
    fn put(&self, name: &str, content: &[u8], write: fn(&Path, &[u8]) -> Result<()>) -> Result<()> {
        let file = self.0.join(name);
        if std::fs::read(&file).is_ok_and(|old| old == content) {
            return Ok(());
        }
        write(&file, content)
    }
}

#[cfg(test)]
mod tests;
