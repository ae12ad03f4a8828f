//! `ReadAuditChains`: sends all events of the audit chains, for a client that verifies them (OPS-3).

use std::collections::VecDeque;

use aikagi_api::units::v1::{AuditChainBounds, ReadAuditChainsRequest, ReadAuditChainsResponse};
use aikagi_refusal::{ErrorReason, Failure, Refusal, fields};
use tokio::sync::mpsc;

use super::view;
use crate::Units;
use crate::store::audit::{ChainBounds, ChainPage, ChainReader, StoredEvent};

/// The number of events that one statement reads.
const PAGE_SIZE: i64 = 5000;
/// The maximum number of events in one message.
const MESSAGE_SIZE: usize = 500;
/// The maximum number of messages that wait for the caller.
const QUEUE_LENGTH: usize = 16;

/// A message of the stream, or the failure that ends the stream.
pub(crate) type Message = Result<ReadAuditChainsResponse, Failure>;

pub(crate) async fn read_audit_chains(
    service: &Units,
    request: ReadAuditChainsRequest,
) -> Result<mpsc::Receiver<Message>, Failure> {
    let number = match request.number.as_str() {
        "" => None,
        text => Some(fields::number("number", text)?),
    };
    let reader = service.store.chains(number.as_ref()).await?;
    let reader = reader.ok_or_else(|| Refusal::new(ErrorReason::LineNotFound))?;
    let (sender, receiver) = mpsc::channel(QUEUE_LENGTH);
    tokio::spawn(async move {
        if let Err(failure) = send_all(reader, &sender).await {
            // If the RPC is cancelled, nobody needs the failure.
            drop(sender.send(Err(failure)).await);
        }
    });
    Ok(receiver)
}

/// Sends all messages, until the last one is sent or the RPC is cancelled.
async fn send_all(mut reader: ChainReader, sender: &mpsc::Sender<Message>) -> Result<(), Failure> {
    loop {
        let page = reader.page(PAGE_SIZE).await?;
        let last = page.last;
        for message in messages(page) {
            if sender.send(Ok(message)).await.is_err() {
                return Ok(());
            }
        }
        if last {
            return Ok(());
        }
    }
}

/// Converts a page to messages. Each message belongs to one chain. The first message of a chain has the chain's bounds.
fn messages(page: ChainPage) -> Vec<ReadAuditChainsResponse> {
    let mut bounds = VecDeque::from(page.bounds);
    let mut messages: Vec<ReadAuditChainsResponse> = Vec::new();
    for event in page.events {
        while let Some(next) = bounds.pop_front_if(|next| next.chain <= event.chain) {
            messages.push(first_message(next));
        }
        match messages.last_mut() {
            Some(message)
                if message.chain == event.chain && message.events.len() < MESSAGE_SIZE =>
            {
                message.events.push(view(event));
            }
            _ => messages.push(next_message(event)),
        }
    }
    messages.extend(bounds.into_iter().map(first_message));
    messages
}

fn first_message(bounds: ChainBounds) -> ReadAuditChainsResponse {
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

fn next_message(event: StoredEvent) -> ReadAuditChainsResponse {
    ReadAuditChainsResponse {
        chain: event.chain,
        bounds: None,
        events: vec![view(event)],
    }
}
