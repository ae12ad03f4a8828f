//! The RPCs on the wire: each hands its message to its module and renders what comes back.

use aikagi_api::units::v1::directory_service_server::DirectoryService;
use aikagi_api::units::v1::migration_service_server::MigrationService;
use aikagi_api::units::v1::{
    AddLineRequest, AddLineResponse, GetLineRequest, GetLineResponse, MigrateRequest,
    MigrateResponse, PreviewMigrationRequest, PreviewMigrationResponse,
};
use aikagi_mesh::errors::answer;
use aikagi_mesh::guard::actor_of;
use tonic::{Request, Response, Status};

use crate::migrations::{Migrations, migrate, preview_migration};
use crate::{Units, add_line, get_line};

#[tonic::async_trait]
impl DirectoryService for Units {
    async fn add_line(
        &self,
        request: Request<AddLineRequest>,
    ) -> Result<Response<AddLineResponse>, Status> {
        let actor = actor_of(&request);
        answer(add_line::add_line(self, &actor, request.into_inner()).await)
    }

    async fn get_line(
        &self,
        request: Request<GetLineRequest>,
    ) -> Result<Response<GetLineResponse>, Status> {
        answer(get_line::get_line(self, request.into_inner()).await)
    }
}

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
