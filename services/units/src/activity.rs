//! The events of a subscriber's own account (SESS-8). [`list_own_events`] has the RPC.

pub(crate) mod list_own_events;

use aikagi_api::authentication::v1::authentication_service_client::AuthenticationServiceClient;
use aikagi_mesh::client::Upstream;

use crate::store::Store;

/// The service with its store and client. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Activity {
    pub(crate) store: Store,
    pub(crate) authentication: AuthenticationServiceClient<Upstream>,
}
