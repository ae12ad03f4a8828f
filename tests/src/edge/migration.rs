//! Changing the auth unit on the settings site.

use aikagi_api::edge::v1::{MigrateRequest, PreviewMigrationRequest, PreviewMigrationResponse};
use aikagi_api::units::v1::{AccountPassword, AuthUnit, Login};
use tonic::Status;

use super::{LoggedIn, bearing};

impl LoggedIn {
    /// What a migration asks for, and who logs in afterwards.
    pub async fn preview(&self, unit: AuthUnit) -> Result<PreviewMigrationResponse, Status> {
        let request = PreviewMigrationRequest { unit: unit.into() };
        let request = bearing(&self.token, request);
        Ok(self
            .client
            .clone()
            .preview_migration(request)
            .await?
            .into_inner())
    }

    /// Looks, and migrates with these passwords, each with its number. Who logs in afterwards.
    pub async fn migrate(
        &self,
        unit: AuthUnit,
        passwords: &[(&str, &str)],
    ) -> Result<Vec<Login>, Status> {
        let preview = self.preview(unit).await?;
        self.migrate_with(unit, passwords, &preview.revision).await
    }

    /// Migrates with everything said.
    pub async fn migrate_with(
        &self,
        unit: AuthUnit,
        passwords: &[(&str, &str)],
        revision: &str,
    ) -> Result<Vec<Login>, Status> {
        let password = |(number, password): &(&str, &str)| AccountPassword {
            number: (*number).to_owned(),
            password: (*password).to_owned(),
        };
        let request = MigrateRequest {
            unit: unit.into(),
            revision: revision.to_owned(),
            passwords: passwords.iter().map(password).collect(),
        };
        let request = bearing(&self.token, request);
        let mut answer = self.client.clone().migrate(request).await?.into_inner();
        Ok(std::mem::take(&mut answer.logins))
    }
}
