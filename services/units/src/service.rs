//! The gRPC service: each RPC calls its module and converts the result into a response.

use aikagi_api::units::v1::activity_service_server::ActivityService;
use aikagi_api::units::v1::audit_service_server::AuditService;
use aikagi_api::units::v1::directory_service_server::DirectoryService;
use aikagi_api::units::v1::import_service_server::ImportService;
use aikagi_api::units::v1::migration_service_server::MigrationService;
use aikagi_api::units::v1::{
    AddLineRequest, AddLineResponse, AddNumberRequest, AddNumberResponse, CloseLineRequest,
    CloseLineResponse, ExplainLoginRequest, ExplainLoginResponse, GetLineRequest, GetLineResponse,
    ImportLinesRequest, ImportLinesResponse, ListAuditEventsRequest, ListAuditEventsResponse,
    ListOwnEventsRequest, ListOwnEventsResponse, MigrateRequest, MigrateResponse,
    PreviewMigrationRequest, PreviewMigrationResponse, ReadAuditChainsRequest,
    ReadAuditChainsResponse, RemoveNumberRequest, RemoveNumberResponse, ResetUnitRequest,
    ResetUnitResponse, SubscribeNumberRequest, SubscribeNumberResponse, UnsubscribeNumberRequest,
    UnsubscribeNumberResponse,
};
use aikagi_mesh::guard::actor_of;
use aikagi_mesh::response::answer;
use aikagi_refusal::{Failure, Refusal};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use crate::Units;
use crate::activity::{Activity, list_own_events};
use crate::audit::{list_audit_events, read_audit_chains};
use crate::directory::{
    add_line, add_number, close_line, explain_login, get_line, remove_number, reset_unit,
    subscribe_number, unsubscribe_number,
};
use crate::import::import_lines;
use crate::unit_migration::{UnitMigration, migrate, preview_migration};

/// The messages of a streamed response.
type ResponseStream<T> = BoxStream<'static, Result<T, Status>>;

fn stream<T: Send + 'static>(
    receiver: mpsc::Receiver<Result<T, Failure>>,
) -> Response<ResponseStream<T>> {
    let messages = ReceiverStream::new(receiver);
    let messages = messages.map(|message| message.map_err(|failure| Refusal::from(failure).into()));
    Response::new(messages.boxed())
}

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

    async fn close_line(
        &self,
        request: Request<CloseLineRequest>,
    ) -> Result<Response<CloseLineResponse>, Status> {
        let actor = actor_of(&request);
        answer(close_line::close_line(self, &actor, request.into_inner()).await)
    }

    async fn add_number(
        &self,
        request: Request<AddNumberRequest>,
    ) -> Result<Response<AddNumberResponse>, Status> {
        let actor = actor_of(&request);
        answer(add_number::add_number(self, &actor, request.into_inner()).await)
    }

    async fn remove_number(
        &self,
        request: Request<RemoveNumberRequest>,
    ) -> Result<Response<RemoveNumberResponse>, Status> {
        let actor = actor_of(&request);
        answer(remove_number::remove_number(self, &actor, request.into_inner()).await)
    }

    async fn subscribe_number(
        &self,
        request: Request<SubscribeNumberRequest>,
    ) -> Result<Response<SubscribeNumberResponse>, Status> {
        let actor = actor_of(&request);
        answer(subscribe_number::subscribe_number(self, &actor, request.into_inner()).await)
    }

    async fn unsubscribe_number(
        &self,
        request: Request<UnsubscribeNumberRequest>,
    ) -> Result<Response<UnsubscribeNumberResponse>, Status> {
        let actor = actor_of(&request);
        answer(unsubscribe_number::unsubscribe_number(self, &actor, request.into_inner()).await)
    }

    async fn reset_unit(
        &self,
        request: Request<ResetUnitRequest>,
    ) -> Result<Response<ResetUnitResponse>, Status> {
        let actor = actor_of(&request);
        answer(reset_unit::reset_unit(self, &actor, request.into_inner()).await)
    }

    async fn explain_login(
        &self,
        request: Request<ExplainLoginRequest>,
    ) -> Result<Response<ExplainLoginResponse>, Status> {
        answer(explain_login::explain_login(self, request.into_inner()).await)
    }
}

#[tonic::async_trait]
impl ImportService for Units {
    type ImportLinesStream = ResponseStream<ImportLinesResponse>;

    async fn import_lines(
        &self,
        request: Request<Streaming<ImportLinesRequest>>,
    ) -> Result<Response<Self::ImportLinesStream>, Status> {
        let actor = actor_of(&request);
        let batches = request.into_inner();
        let batches = batches.map(|batch| {
            batch.map_err(|_broken| Refusal::invalid_field("request", "the stream broke").into())
        });
        Ok(stream(import_lines::import_lines(self, actor, batches)))
    }
}

#[tonic::async_trait]
impl AuditService for Units {
    type ReadAuditChainsStream = ResponseStream<ReadAuditChainsResponse>;

    async fn list_audit_events(
        &self,
        request: Request<ListAuditEventsRequest>,
    ) -> Result<Response<ListAuditEventsResponse>, Status> {
        answer(list_audit_events::list_audit_events(self, request.into_inner()).await)
    }

    async fn read_audit_chains(
        &self,
        request: Request<ReadAuditChainsRequest>,
    ) -> Result<Response<Self::ReadAuditChainsStream>, Status> {
        let messages = read_audit_chains::read_audit_chains(self, request.into_inner()).await;
        Ok(stream(messages.map_err(Refusal::from)?))
    }
}

#[tonic::async_trait]
impl MigrationService for UnitMigration {
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

#[tonic::async_trait]
impl ActivityService for Activity {
    async fn list_own_events(
        &self,
        request: Request<ListOwnEventsRequest>,
    ) -> Result<Response<ListOwnEventsResponse>, Status> {
        answer(list_own_events::list_own_events(self, request.into_inner()).await)
    }
}
