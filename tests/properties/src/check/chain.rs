use aikagi_domain::audit_chain::{ChainBounds, ChainHash, ChainWalk, ChainedEvent, Mark};
use arbitrary::{Arbitrary, Unstructured};
use chrono::DateTime;

const CHAIN: i64 = 7;

/// The events in their stored order, with the changes that were made after they were written.
#[derive(Debug, Arbitrary)]
struct Input<'a> {
    base: i64,
    events: Vec<Written<'a>>,
    /// The sequence of the recorded base, if it was changed.
    claimed_base: Option<i64>,
    /// The recorded head, if it was changed.
    claimed_head: Option<(i64, [u8; 32])>,
    /// A position that was saved outside the database, as an index, and whether the saved hash is correct.
    mark: Option<(u8, bool)>,
}

#[derive(Debug, Clone, Arbitrary)]
struct Written<'a> {
    event_id: i64,
    occurred: u32,
    actor: &'a str,
    action: &'a str,
    line_id: Option<i64>,
    number: Option<&'a str>,
    outcome: &'a str,
    reason: Option<&'a str>,
    trace_id: Option<&'a str>,
    harm: Option<Harm>,
}

/// A change to an event after it was written.
#[derive(Debug, Clone, Arbitrary)]
enum Harm {
    /// The event was removed.
    Gone,
    /// The event is stored twice.
    Twice,
    Sequence(i64),
    Chain(i64),
    Outcome(u8),
    /// The actor was split before its last letter: the letter became the action.
    Shifted,
    NoReason,
    Hash([u8; 32]),
}

/// OPS-3: the walk finds a flaw in every changed chain and none in an unchanged one. No chain makes it panic.
pub fn chain(bytes: &[u8]) {
    let Ok(input) = Input::arbitrary_take_rest(Unstructured::new(bytes)) else {
        return;
    };
    let base = Mark {
        sequence: input.base,
        hash: ChainHash::START,
    };
    let mut found = Vec::new();
    let mut marks = vec![base];
    for written in &input.events {
        let last = marks[marks.len() - 1];
        let Some(sequence) = last.sequence.checked_add(1) else {
            break;
        };
        let event = event_of(written, sequence);
        let hash = event.hash_after(last.hash);
        marks.push(Mark { sequence, hash });
        harm(written.harm.as_ref(), event, hash, &mut found);
    }
    let truth = ChainBounds {
        base,
        head: marks[marks.len() - 1],
    };
    let claimed = ChainBounds {
        base: Mark {
            sequence: input.claimed_base.unwrap_or(base.sequence),
            ..base
        },
        head: input
            .claimed_head
            .map_or(truth.head, |(sequence, hash)| Mark {
                sequence,
                hash: ChainHash::from_slice(&hash).expect("the hash has 32 bytes"),
            }),
    };
    let mark = input.mark.map(|(at, is_true)| {
        let mark = marks[usize::from(at) % marks.len()];
        if is_true {
            mark
        } else {
            Mark {
                hash: ChainHash::from_slice(&[0xee; 32]).expect("the hash has 32 bytes"),
                ..mark
            }
        }
    });

    let mut walk = ChainWalk::begin(CHAIN, claimed, mark);
    for (event, hash) in &found {
        walk.take(event, *hash);
    }
    let (_, flaws) = walk.end();
    assert_eq!(
        flaws.is_empty(),
        is_whole(claimed, mark, &found),
        "{flaws:?}"
    );
}

fn event_of<'a>(written: &Written<'a>, chain_sequence: i64) -> ChainedEvent<'a> {
    ChainedEvent {
        chain: CHAIN,
        chain_sequence,
        event_id: written.event_id,
        occurred: DateTime::from_timestamp(written.occurred.into(), 0)
            .expect("the time is in range"),
        actor: written.actor,
        action: written.action,
        line_id: written.line_id,
        number: written.number,
        outcome: written.outcome,
        reason: written.reason,
        trace_id: written.trace_id,
        repeats: None,
    }
}

type HashedEvents<'a> = Vec<(ChainedEvent<'a>, ChainHash)>;

fn harm<'a>(
    harm: Option<&Harm>,
    mut event: ChainedEvent<'a>,
    mut hash: ChainHash,
    found: &mut HashedEvents<'a>,
) {
    match harm {
        None => {}
        Some(Harm::Gone) => return,
        Some(Harm::Twice) => found.push((event.clone(), hash)),
        Some(Harm::Sequence(sequence)) => event.chain_sequence = *sequence,
        Some(Harm::Chain(chain)) => event.chain = *chain,
        Some(Harm::Outcome(which)) => event.outcome = ["OK", "REFUSED"][usize::from(*which) % 2],
        Some(Harm::Shifted) => {
            let whole = event.actor;
            let at = whole.char_indices().last().map_or(0, |(at, _)| at);
            (event.actor, event.action) = whole.split_at(at);
        }
        Some(Harm::NoReason) => event.reason = None,
        Some(Harm::Hash(bytes)) => hash = ChainHash::from_slice(bytes).expect("it has 32 bytes"),
    }
    found.push((event, hash));
}

/// True if the chain is intact: every event follows the one before it, from base to head. Unlike the walk,
/// this function compares the chain as a whole.
fn is_whole(bounds: ChainBounds, mark: Option<Mark>, found: &HashedEvents<'_>) -> bool {
    let ChainBounds { base, head } = bounds;
    let begins = base.sequence > 0 || (base.sequence == 0 && base.hash == ChainHash::START);
    let mut passed = vec![base];
    let follow = found.iter().all(|(event, hash)| {
        let last = passed[passed.len() - 1];
        passed.push(Mark {
            sequence: event.chain_sequence,
            hash: *hash,
        });
        event.chain == CHAIN
            && last.sequence.checked_add(1) == Some(event.chain_sequence)
            && event.hash_after(last.hash) == *hash
    });
    let is_there = mark.is_none_or(|mark| mark.sequence < base.sequence || passed.contains(&mark));
    begins && follow && passed.last() == Some(&head) && is_there
}
