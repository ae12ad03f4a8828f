//! A stub of the audit service: a list of events and a list of chain messages.

use aikagi_api::units::v1 as units;
use aikagi_api::units::v1::audit_service_server::AuditService;
use futures_util::stream::{BoxStream, StreamExt as _, iter};
use tonic::{Request, Response, Status};

use super::Stub;

#[tonic::async_trait]
impl AuditService for Stub {
    async fn list_audit_events(
        &self,
        request: Request<units::ListAuditEventsRequest>,
    ) -> Result<Response<units::ListAuditEventsResponse>, Status> {
        let request = request.into_inner();
        self.record(&request);
        let mut events: Vec<units::AuditEvent> = self.events.lock().unwrap().clone();
        events.sort_by_key(|event| event.event_id);
        events.retain(|event| {
            event.event_id > request.after_event_id
                && (request.actions.is_empty() || request.actions.contains(&event.action))
        });
        let size = usize::try_from(request.page_size).unwrap();
        let more = events.len() > size;
        if request.newest {
            events.drain(..events.len().saturating_sub(size));
        } else {
            events.truncate(size);
        }
        Ok(Response::new(units::ListAuditEventsResponse {
            events,
            more,
        }))
    }

    type ReadAuditChainsStream = BoxStream<'static, Result<units::ReadAuditChainsResponse, Status>>;

    async fn read_audit_chains(
        &self,
        request: Request<units::ReadAuditChainsRequest>,
    ) -> Result<Response<Self::ReadAuditChainsStream>, Status> {
        self.record(request.get_ref());
        let pieces = self.chains.lock().unwrap().clone();
        Ok(Response::new(iter(pieces.into_iter().map(Ok)).boxed()))
    }
}
