use proptest::prelude::*;

use super::*;

const CHAIN: i64 = 7;

/// An event that a test can alter, with its stored hash.
#[derive(Debug, Clone)]
struct Stored {
    sequence: i64,
    chain: i64,
    actor: String,
    reason: Option<String>,
    hash: ChainHash,
}

impl Stored {
    fn event(&self) -> ChainedEvent<'_> {
        ChainedEvent {
            chain: self.chain,
            chain_sequence: self.sequence,
            event_id: 100 + self.sequence,
            occurred: DateTime::from_timestamp_micros(1_800_000_000_000_000 + self.sequence)
                .unwrap(),
            actor: &self.actor,
            action: "LOGIN",
            line_id: Some(CHAIN),
            number: Some("0312345678"),
            outcome: "DONE",
            reason: self.reason.as_deref(),
            trace_id: None,
            repeats: None,
        }
    }
}

/// An intact chain. Retention has already removed its first `base` events.
fn chain(base: i64, length: i64) -> (ChainBounds, Vec<Stored>) {
    let mut hash = ChainHash::START;
    let mut marks = vec![Mark { sequence: 0, hash }];
    let mut events = Vec::new();
    for sequence in 1..=base + length {
        let mut stored = Stored {
            sequence,
            chain: CHAIN,
            actor: "******5678".into(),
            reason: None,
            hash,
        };
        hash = stored.event().hash_after(hash);
        stored.hash = hash;
        marks.push(Mark { sequence, hash });
        events.push(stored);
    }
    let (base, head) = (usize::try_from(base).unwrap(), *marks.last().unwrap());
    let bounds = ChainBounds {
        base: marks[base],
        head,
    };
    (bounds, events.split_off(base))
}

fn walk(bounds: ChainBounds, events: &[Stored], mark: Option<Mark>) -> Vec<Flaw> {
    let mut walk = ChainWalk::begin(CHAIN, bounds, mark);
    for stored in events {
        walk.take(&stored.event(), stored.hash);
    }
    walk.end().1
}

fn marked(stored: &Stored) -> Mark {
    Mark {
        sequence: stored.sequence,
        hash: stored.hash,
    }
}

/// OPS-3: the encoding of an event, written out by hand.
#[test]
fn an_event_is_encoded_as_specified() {
    let mut event = ChainedEvent {
        chain: -3,
        chain_sequence: 12,
        event_id: 4711,
        occurred: DateTime::from_timestamp_micros(1_795_541_238_000_042).unwrap(),
        actor: "operator/花子",
        action: "ADD_LINE",
        line_id: None,
        number: Some(""),
        outcome: "REFUSED",
        reason: Some("a,b"),
        trace_id: None,
        repeats: None,
    };
    let encoded =
        "2:-3,2:12,4:4711,16:1795541238000042,15:operator/花子,8:ADD_LINE,-,0:,7:REFUSED,3:a,b,-,";
    let hash_of = |encoded: &str| -> [u8; 32] {
        let digest = Sha256::new().chain_update([9; 32]);
        digest.chain_update(encoded).finalize().into()
    };
    let previous = ChainHash([9; 32]);
    assert_eq!(event.hash_after(previous).as_bytes(), &hash_of(encoded));
    event.repeats = Some(560);
    assert_eq!(
        event.hash_after(previous).as_bytes(),
        &hash_of(&format!("{encoded}3:560,"))
    );
}

/// OPS-3: an intact chain has no flaw, also if retention has removed its first events.
#[test]
fn an_intact_chain_has_no_flaw() {
    for (base, length) in [(0, 0), (0, 1), (0, 9), (4, 0), (4, 5)] {
        let (bounds, events) = chain(base, length);
        assert_eq!(walk(bounds, &events, None), [], "{base} {length}");
        for stored in &events {
            assert_eq!(walk(bounds, &events, Some(marked(stored))), []);
        }
    }
}

/// OPS-3: each manipulation of single events is found and reported once.
#[test]
fn tampering_is_found() {
    let (bounds, intact) = chain(2, 6);
    let tamper = |act: fn(&mut Vec<Stored>)| {
        let mut events = intact.clone();
        act(&mut events);
        walk(bounds, &events, None)
    };
    assert_eq!(
        tamper(|events| drop(events.remove(2))),
        [Flaw::Removed { first: 5, last: 5 }]
    );
    assert_eq!(
        tamper(|events| drop(events.drain(..2))),
        [Flaw::Removed { first: 3, last: 4 }]
    );
    assert_eq!(
        tamper(|events| events.truncate(4)),
        [Flaw::CutOff { first: 7, last: 8 }]
    );
    assert_eq!(
        tamper(|events| events[1].actor = "somebody else".into()),
        [Flaw::Altered { sequence: 4 }]
    );
    assert_eq!(
        tamper(|events| events[1].reason = Some(String::new())),
        [Flaw::Altered { sequence: 4 }]
    );
    assert_eq!(
        tamper(|events| events.swap(1, 2)),
        [
            Flaw::Removed { first: 4, last: 4 },
            Flaw::Misplaced {
                sequence: 4,
                after: 5
            }
        ]
    );
    assert_eq!(
        tamper(|events| events.insert(3, events[2].clone())),
        [Flaw::Misplaced {
            sequence: 5,
            after: 5
        }]
    );
    assert_eq!(
        tamper(|events| events[5].chain = 8),
        [
            Flaw::Misplaced {
                sequence: 8,
                after: 7
            },
            Flaw::CutOff { first: 8, last: 8 }
        ]
    );
    // Altering an event together with its hash breaks the next event.
    assert_eq!(
        tamper(|events| {
            events[1].actor = "somebody else".into();
            events[1].hash = events[1].event().hash_after(events[0].hash);
        }),
        [Flaw::Altered { sequence: 5 }]
    );
    // Altering the last event together with its hash contradicts the recorded end.
    assert_eq!(
        tamper(|events| {
            events[5].actor = "somebody else".into();
            events[5].hash = events[5].event().hash_after(events[4].hash);
        }),
        [Flaw::EndDiffers { sequence: 8 }]
    );
}

/// OPS-3: if a chain is rewritten together with its recorded end, the chain itself shows no
/// flaw. Only an earlier mark of a rewritten or removed event shows the change.
#[test]
fn a_rewritten_chain_is_found_by_its_mark() {
    let (_, before) = chain(0, 6);
    let mut events = before.clone();
    let mut hash = events[1].hash;
    for stored in &mut events[2..] {
        stored.actor = "somebody else".into();
        hash = stored.event().hash_after(hash);
        stored.hash = hash;
    }
    let bounds = |events: &[Stored]| ChainBounds {
        base: Mark {
            sequence: 0,
            hash: ChainHash::START,
        },
        head: events.last().map(marked).unwrap(),
    };
    assert_eq!(walk(bounds(&events), &events, None), []);
    assert_eq!(walk(bounds(&events), &events, Some(marked(&before[1]))), []);
    assert_eq!(
        walk(bounds(&events), &events, Some(marked(&before[3]))),
        [Flaw::Rewritten { sequence: 4 }]
    );

    // Cut off, with the recorded end moved back.
    let shorter = &before[..4];
    assert_eq!(walk(bounds(shorter), shorter, None), []);
    assert_eq!(
        walk(bounds(shorter), shorter, Some(marked(&before[5]))),
        [Flaw::ShorterThanMarked {
            sequence: 4,
            marked: 6
        }]
    );
}

/// OPS-3: an impossible base is found. It would hide events removed from the beginning.
#[test]
fn an_impossible_base_is_found() {
    let (mut bounds, events) = chain(0, 2);
    bounds.base.hash = ChainHash([1; 32]);
    assert_eq!(
        walk(bounds, &events, None),
        [Flaw::BaseDiffers, Flaw::Altered { sequence: 1 }]
    );
    let (mut bounds, _) = chain(3, 0);
    bounds.head.sequence = 2;
    assert!(walk(bounds, &[], None).contains(&Flaw::BaseDiffers));
    // A mark at the base itself is compared too.
    let (bounds, events) = chain(3, 2);
    let other = Mark {
        sequence: 3,
        hash: ChainHash([1; 32]),
    };
    assert_eq!(
        walk(bounds, &events, Some(other)),
        [Flaw::Rewritten { sequence: 3 }]
    );
}

/// OPS-3: an event after the highest possible sequence is misplaced.
#[test]
fn no_event_follows_the_highest_sequence() {
    let (mut bounds, events) = chain(0, 1);
    let after = i64::MAX;
    (bounds.base.sequence, bounds.head.sequence) = (after, after);
    assert!(walk(bounds, &events, None).contains(&Flaw::Misplaced { sequence: 1, after }));
}

#[test]
fn a_printed_hash_is_parsed_back() {
    let (bounds, _) = chain(0, 3);
    let hash = bounds.head.hash;
    assert_eq!(ChainHash::from_hexadecimal(&hash.to_string()), Some(hash));
    assert_eq!(ChainHash::from_slice(hash.as_bytes()), Some(hash));
    for bad in [
        "",
        "00",
        &"g".repeat(64),
        &"花".repeat(32),
        &"é".repeat(32),
        &"+1".repeat(32),
    ] {
        assert_eq!(ChainHash::from_hexadecimal(bad), None, "{bad}");
    }
    assert_eq!(ChainHash::from_slice(&[0; 31]), None);
}

proptest! {
    /// OPS-3: two events whose fields split the same text differently have different hashes.
    #[test]
    fn field_boundaries_change_the_hash(text in "[0-9:,a-]{0,12}", cut in 0usize..12, other in 0usize..12) {
        let split = |at: usize| {
            let (actor, reason) = text.split_at(at.min(text.len()));
            let stored = Stored {
                sequence: 1,
                chain: CHAIN,
                actor: actor.into(),
                reason: Some(reason.into()),
                hash: ChainHash::START,
            };
            stored.event().hash_after(ChainHash::START)
        };
        prop_assert_eq!(split(cut) == split(other), cut.min(text.len()) == other.min(text.len()));
    }
}
