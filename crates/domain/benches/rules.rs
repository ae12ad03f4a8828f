//! Benchmarks of the rules on hot paths. One measures the hash of an audit event, and compares it
//! with SHA-256 over the same number of bytes. The other runs a whole call.

use std::error::Error;
use std::hint::black_box;

use aikagi_domain::audit_chain::{ChainHash, ChainedEvent};
use aikagi_domain::dialog::{Entry, start};
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_domain::unit::{Line, Member, UnitState};
use chrono::DateTime;
use criterion::Criterion;
use sha2::{Digest as _, Sha256};

const NUMBER: &str = "0312345001";
/// The number of bytes that the hash of the event below covers.
const EVENT_BYTES: usize = 165;

fn main() -> Result<(), Box<dyn Error>> {
    let mut criterion = Criterion::default().configure_from_args();
    event(&mut criterion);
    call(&mut criterion)?;
    criterion.final_summary();
    Ok(())
}

fn event(criterion: &mut Criterion) {
    let event = ChainedEvent {
        chain: 1_234_567,
        chain_sequence: 321,
        event_id: 123_456_789,
        occurred: DateTime::UNIX_EPOCH,
        actor: "031***5001",
        action: "LOGIN",
        line_id: Some(1_234_567),
        number: Some(NUMBER),
        outcome: "DONE",
        reason: Some("PERMANENT"),
        trace_id: Some("0af7651916cd43dd8448eb211c80319c"),
        repeats: None,
    };
    let mut group = criterion.benchmark_group("an audit event");
    group.bench_function("its hash in the chain", |bencher| {
        bencher.iter(|| black_box(&event).hash_after(ChainHash::START));
    });
    group.bench_function("SHA-256", |bencher| {
        bencher.iter(|| Sha256::digest(black_box([b'.'; EVENT_BYTES])));
    });
    group.finish();
}

/// IVR-1 to IVR-8: a call that sets a temporary password for one number.
fn call(criterion: &mut Criterion) -> Result<(), Box<dyn Error>> {
    let number = TelephoneNumber::parse(NUMBER)?;
    let line = Line {
        contract_number: number.clone(),
        members: vec![Member {
            number: number.clone(),
            subscribed: true,
        }],
        state: UnitState::Unset,
        closed: false,
        version: 0,
    };
    let keyed = ["2", NUMBER, "12345678", "12345678"];
    criterion.bench_function("a call from start to success", |bencher| {
        bencher.iter(|| {
            let begun = start(Some(&number), Some(&line));
            keyed.iter().fold(begun, |turn, keys| {
                let entry = Entry::Keys(black_box(keys));
                turn.state.turn(Some(&number), Some(&line), entry)
            })
        });
    });
    Ok(())
}
