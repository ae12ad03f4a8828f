//! A settings back end. It asks whether a session may change a number's settings.

use aikagi_api::authentication::v1::CheckAccessRequest;
use aikagi_api::authentication::v1::authentication_service_client::AuthenticationServiceClient;
use tonic::Status;
use tonic::transport::Channel;

/// The client with which a settings back end calls Aikagi.
#[derive(Debug, Clone)]
pub struct Backend {
    client: AuthenticationServiceClient<Channel>,
}

impl Backend {
    /// A client on a channel to a private port.
    pub fn new(channel: Channel) -> Self {
        Self {
            client: AuthenticationServiceClient::new(channel),
        }
    }

    /// Asks whether a session may change a number's settings, and returns the session's account (SESS-4).
    pub async fn check_access(&self, token: &str, number: &str) -> Result<String, Status> {
        let request = CheckAccessRequest {
            session_token: token.to_owned(),
            number: number.to_owned(),
        };
        let response = self.client.clone().check_access(request).await?;
        Ok(std::mem::take(&mut response.into_inner().account_number))
    }
}
