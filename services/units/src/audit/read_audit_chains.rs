//! The audit trail's chains, whole, for whoever recomputes them (OPS-3).

use std::collections::VecDeque;

use aikagi_api::units::v1::{AuditChainBounds, ReadAuditChainsRequest, ReadAuditChainsResponse};
use aikagi_refusal::{ErrorReason, Failure, Refusal, fields};
use tokio::sync::mpsc;

use super::view;
use crate::Units;
use crate::store::audit::{ChainBounds, ChainPage, ChainReader, StoredEvent};

/// Events read at once.
const PAGE: i64 = 5000;
/// Events in one message.
const PIECE: usize = 500;
/// Messages that wait for the caller.
const WAITING: usize = 16;

/// A part of the answer, or why there are no more.
pub(crate) type Piece = Result<ReadAuditChainsResponse, Failure>;

pub(crate) async fn read_audit_chains(
    service: &Units,
    request: ReadAuditChainsRequest,
) -> Result<mpsc::Receiver<Piece>, Failure> {
    let number = match request.number.as_str() {
        "" => None,
        text => Some(fields::number("number", text)?),
    };
    let reader = service.store.chains(number.as_ref()).await?;
    let reader = reader.ok_or_else(|| Refusal::new(ErrorReason::LineNotFound))?;
    let (sender, receiver) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        if let Err(failure) = send_all(reader, &sender).await {
            let _caller_gone = sender.send(Err(failure)).await;
        }
    });
    Ok(receiver)
}

/// Sends every piece, until there are no more or the caller has gone.
async fn send_all(mut reader: ChainReader, sender: &mpsc::Sender<Piece>) -> Result<(), Failure> {
    loop {
        let page = reader.page(PAGE).await?;
        let last = page.last;
        for piece in pieces(page) {
            if sender.send(Ok(piece)).await.is_err() {
                return Ok(());
            }
        }
        if last {
            return Ok(());
        }
    }
}

/// A page as messages: each of one chain, a chain's ends in its first.
fn pieces(page: ChainPage) -> Vec<ReadAuditChainsResponse> {
    let mut bounds = VecDeque::from(page.bounds);
    let mut pieces: Vec<ReadAuditChainsResponse> = Vec::new();
    for event in page.events {
        while let Some(next) = bounds.pop_front_if(|next| next.chain <= event.chain) {
            pieces.push(beginning(next));
        }
        match pieces.last_mut() {
            Some(piece) if piece.chain == event.chain && piece.events.len() < PIECE => {
                piece.events.push(view(event));
            }
            _ => pieces.push(going_on(event)),
        }
    }
    pieces.extend(bounds.into_iter().map(beginning));
    pieces
}

fn beginning(bounds: ChainBounds) -> ReadAuditChainsResponse {
    ReadAuditChainsResponse {
        chain: bounds.chain,
        bounds: Some(AuditChainBounds {
            base_sequence: bounds.base_sequence,
            base_hash: bounds.base_hash,
            head_sequence: bounds.head_sequence,
            head_hash: bounds.head_hash,
        }),
        events: Vec::new(),
    }
}

fn going_on(event: StoredEvent) -> ReadAuditChainsResponse {
    ReadAuditChainsResponse {
        chain: event.chain,
        bounds: None,
        events: vec![view(event)],
    }
}
