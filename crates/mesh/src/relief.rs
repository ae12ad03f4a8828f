//! Counts and logs the requests that a port refuses and the connections that it closes to stay within its bounds
//! (OPS-5).

use std::sync::Arc;
use std::time::Instant;

use aikagi_refusal::first_of_minute::FirstOfMinute;

use crate::connection::Clients;
use crate::telemetry;

/// Why a port refused a request, or closed a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Reason {
    /// Too many connections.
    Connections,
    /// Too many connections of one address.
    AddressConnections,
    /// Too many handshakes in progress.
    Handshakes,
    /// Too many handshakes of one address in progress.
    AddressHandshakes,
    /// Too many requests, complete or not.
    Requests,
    /// Too many requests of one address.
    AddressRequests,
    /// Too many RPCs in progress.
    InFlight,
    /// No first byte in time.
    FirstByte,
    /// No handshake in time.
    Handshake,
    /// No first request in time.
    FirstRequest,
    /// No body of a request in time.
    Body,
    /// The peer does not read its response.
    Write,
    /// No request in progress for too long.
    Idle,
}

impl Reason {
    const ALL: [Self; 13] = [
        Self::Connections,
        Self::AddressConnections,
        Self::Handshakes,
        Self::AddressHandshakes,
        Self::Requests,
        Self::AddressRequests,
        Self::InFlight,
        Self::FirstByte,
        Self::Handshake,
        Self::FirstRequest,
        Self::Body,
        Self::Write,
        Self::Idle,
    ];

    /// The value of the metric's label.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::AddressConnections => "address_connections",
            Self::Handshakes => "handshakes",
            Self::AddressHandshakes => "address_handshakes",
            Self::Requests => "requests",
            Self::AddressRequests => "address_requests",
            Self::InFlight => "in_flight",
            Self::FirstByte => "first_byte",
            Self::Handshake => "handshake",
            Self::FirstRequest => "first_request",
            Self::Body => "body",
            Self::Write => "write",
            Self::Idle => "idle",
        }
    }

    /// True if a port for anyone often reaches this bound, even without an attack. Such a case is counted,
    /// but not logged.
    fn is_usual(self, clients: Clients) -> bool {
        clients == Clients::Anyone
            && matches!(
                self,
                Self::Idle | Self::FirstRequest | Self::FirstByte | Self::Handshake
            )
    }
}

/// Counts and logs for one port. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Relief {
    port: &'static str,
    clients: Clients,
    logged: Arc<FirstOfMinute<Reason>>,
}

impl Relief {
    pub(crate) fn new(port: &'static str, clients: Clients) -> Self {
        for reason in Reason::ALL {
            telemetry::metrics::bounds_reached(port, reason.as_str(), 0);
        }
        Self {
            port,
            clients,
            logged: Arc::default(),
        }
    }

    /// Counts one refusal or one closed connection. For each reason, logs the first one in each
    /// minute.
    pub(crate) fn count(&self, reason: Reason) {
        telemetry::metrics::bounds_reached(self.port, reason.as_str(), 1);
        if reason.is_usual(self.clients) {
            return;
        }
        if let Some(suppressed) = self.logged.admit(reason, Instant::now()) {
            let (port, reason) = (self.port, reason.as_str());
            tracing::warn!(port, reason, suppressed, "bound reached");
        }
    }
}
