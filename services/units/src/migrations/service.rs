//! The RPCs on the wire: each hands its message to its module and renders what comes back.

use aikagi_api::units::v1::migration_service_server::MigrationService;
use aikagi_api::units::v1::{
    MigrateRequest, MigrateResponse, PreviewMigrationRequest, PreviewMigrationResponse,
};
use aikagi_mesh::errors::answer;
use tonic::{Request, Response, Status};

use super::{Migrations, migrate, preview_migration};

#[tonic::async_trait]
impl MigrationService for Migrations {
    async fn preview_migration(
        &self,
        request: Request<PreviewMigrationRequest>,
    ) -> Result<Response<PreviewMigrationResponse>, Status> {
        answer(preview_migration::preview_migration(self, request.into_inner()).await)
    }

    async fn migrate(
        &self,
        request: Request<MigrateRequest>,
    ) -> Result<Response<MigrateResponse>, Status> {
        answer(migrate::migrate(self, request.into_inner()).await)
    }
}
