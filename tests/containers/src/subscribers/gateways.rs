//! All edges and gateways, used as load balancers would use them.

use std::sync::atomic::{AtomicUsize, Ordering};

use aikagi_client::{Ivr, Operator, RunningSystem, Site};
use aikagi_mesh::client::was_never_started;
use anyhow::Result;
use tonic::Status;

/// The number of times each port is tried before an RPC fails because no port accepts it.
const ROUNDS: usize = 2;

/// Clients of all pairs of an edge and a gateway. If a pair does not accept an RPC, the RPC is sent to the next
/// pair. An accepted RPC is never sent again.
pub(super) struct Gateways {
    gateways: Vec<Gateway>,
    next: AtomicUsize,
}

/// The clients of an edge and of a gateway.
#[derive(Clone)]
pub(super) struct Gateway {
    pub(super) ivr: Ivr,
    pub(super) site: Site,
    pub(super) operator: Operator,
}

impl Gateways {
    /// The edges and gateways of a system.
    pub(super) fn of(system: &RunningSystem) -> Result<Self> {
        let gateways = (0..system.pairs())
            .map(|index| {
                Ok(Gateway {
                    ivr: Ivr::new(system.private_at(index, "ivr")?),
                    site: Site::new(system.public_at(index)?),
                    operator: Operator::new(system.private_at(index, "operator")?),
                })
            })
            .collect::<Result<_>>()?;
        Ok(Self {
            gateways,
            next: AtomicUsize::new(0),
        })
    }

    /// Sends an RPC to the pairs in turn, until one accepts it. Consecutive RPCs start at
    /// different pairs.
    pub(super) async fn call<T, F>(&self, send: impl Fn(Gateway) -> F) -> Result<T, Status>
    where
        F: Future<Output = Result<T, Status>>,
    {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let mut result = Err(Status::unavailable("no gateway"));
        let order = self.gateways.iter().cycle();
        for gateway in order
            .skip(first % self.gateways.len().max(1))
            .take(self.gateways.len() * ROUNDS)
        {
            result = send(gateway.clone()).await;
            match &result {
                Err(status) if was_never_started(status) => {}
                _ => break,
            }
        }
        result
    }
}
