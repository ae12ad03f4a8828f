//! Bulk import of lines.

use aikagi_api::units::v1::{
    CloseLineRequest, ImportLinesRequest, ImportLinesResponse, ImportRow, RejectedRow,
    RejectionReason,
};
use futures_util::stream;

use super::*;
use crate::directory::close_line;
use crate::import::import_lines::import_lines;
use crate::import::row::rejected;

const THIRD: &str = "0333330008";

fn row(row_number: u64, contract: &str, subscribed: &[&str], unsubscribed: &[&str]) -> ImportRow {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    ImportRow {
        row_number,
        contract_number: contract.to_owned(),
        subscribed_numbers: texts(subscribed),
        unsubscribed_numbers: texts(unsubscribed),
    }
}

fn batch(rows: Vec<ImportRow>) -> ImportLinesRequest {
    ImportLinesRequest {
        rows,
        dry_run: false,
    }
}

fn answer(
    last: u64,
    added: u32,
    unchanged: u32,
    rejected: Vec<RejectedRow>,
) -> ImportLinesResponse {
    ImportLinesResponse {
        last_row_number: last,
        added,
        unchanged,
        rejected,
    }
}

impl Fixture {
    async fn import(
        &self,
        batches: Vec<ImportLinesRequest>,
    ) -> Vec<Result<ImportLinesResponse, Refusal>> {
        let batches = stream::iter(batches.into_iter().map(Ok));
        let mut responses = import_lines(&self.units, "operator/alice".to_owned(), batches);
        let mut all = Vec::new();
        while let Some(response) = responses.recv().await {
            all.push(response.map_err(Refusal::from));
        }
        all
    }

    async fn import_one(&self, rows: Vec<ImportRow>) -> ImportLinesResponse {
        let mut responses = self.import(vec![batch(rows)]).await;
        responses.pop().unwrap().unwrap()
    }
}

/// OPS-1, OPS-3, UNIT-2: each row becomes a line without a unit, and has an audit event. Repeating the import changes
/// nothing.
#[tokio::test]
async fn an_import_can_be_repeated() {
    let fixture = Fixture::new().await;
    let rows = || {
        vec![
            row(1, CONTRACT, &[USER], &[PLAIN]),
            row(2, "03-3333-0009", &[OTHER], &[]),
        ]
    };
    assert_eq!(fixture.import_one(rows()).await, answer(2, 2, 0, vec![]));
    let line = fixture.get(PLAIN).await.unwrap();
    let numbers: Vec<_> = line
        .numbers
        .iter()
        .map(|number| (number.number.as_str(), number.subscribed))
        .collect();
    assert_eq!(numbers, [(CONTRACT, false), (USER, true), (PLAIN, false)]);
    assert_eq!(line.unit(), AuthUnit::Unspecified);
    assert!(fixture.get(OTHER).await.unwrap().numbers[0].subscribed);
    assert_eq!(fixture.audit().await, [done(CONTRACT), done(OTHER)]);

    assert_eq!(fixture.import_one(rows()).await, answer(2, 0, 2, vec![]));
    assert_eq!(fixture.counts().await, (2, 4, 4));
    assert_eq!(fixture.audit().await.len(), 2);
}

/// OPS-1: each bad row is rejected with its row number and reason. Good rows are added.
#[tokio::test]
async fn bad_rows_are_rejected() {
    let fixture = Fixture::new().await;
    fixture.add(CONTRACT, &[USER]).await.unwrap();
    let response = fixture
        .import_one(vec![
            row(11, OTHER, &[], &[]),
            row(12, "oops", &[], &[]),
            row(13, CONTRACT, &[USER], &[PLAIN]),
            row(14, THIRD, &[USER], &[]),
            row(15, "0333330010", &["0333330009"], &[]),
            row(16, "0333330011", &["1"], &[]),
            row(17, "0333330012", &["0333330013"], &["03 3333 0013"]),
            row(18, USER, &[], &[]),
        ])
        .await;
    assert_eq!(
        (response.last_row_number, response.added, response.unchanged),
        (18, 1, 0)
    );
    assert_eq!(
        response.rejected,
        [
            rejected(12, RejectionReason::ContractNumberInvalid, "oops"),
            rejected(13, RejectionReason::LineDiffers, CONTRACT),
            rejected(14, RejectionReason::NumberTaken, USER),
            rejected(15, RejectionReason::NumberTaken, OTHER),
            rejected(16, RejectionReason::NumberInvalid, "1"),
            rejected(17, RejectionReason::NumberTwice, "03 3333 0013"),
            rejected(18, RejectionReason::NumberTaken, USER),
        ]
    );
    assert_eq!(fixture.counts().await, (2, 3, 3));
}

/// OPS-1: a dry run has the same response as a real import, and changes nothing. It also keeps closed lines.
#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let fixture = Fixture::new().await;
    fixture.add(CONTRACT, &[USER]).await.unwrap();
    let request = CloseLineRequest {
        number: CONTRACT.to_owned(),
    };
    assert!(
        close_line::close_line(&fixture.units, "operator/alice", request)
            .await
            .is_ok()
    );
    fixture.add(OTHER, &[]).await.unwrap();
    let rows = || vec![row(1, USER, &[], &[]), row(2, THIRD, &[OTHER], &[])];
    let dry = ImportLinesRequest {
        rows: rows(),
        dry_run: true,
    };
    let expected = answer(
        2,
        1,
        0,
        vec![rejected(2, RejectionReason::NumberTaken, OTHER)],
    );
    assert_eq!(fixture.import(vec![dry]).await, [Ok(expected.clone())]);
    assert_eq!(fixture.counts().await, (2, 3, 3));
    assert_eq!(fixture.import_one(rows()).await, expected);
    assert_eq!(
        fixture.counts().await,
        (2, 2, 2),
        "the closed line was removed"
    );
}

/// OPS-1: the responses come in the order of the batches. A batch that is refused ends the import. The batches before
/// it stay added.
#[tokio::test]
async fn responses_come_in_order() {
    let fixture = Fixture::new().await;
    let mut batches: Vec<_> = (1..=20)
        .map(|place| batch(vec![row(place, &format!("03333301{place:02}"), &[], &[])]))
        .collect();
    batches.push(batch(vec![row(21, "", &[], &[]); 5001]));
    batches.push(batch(vec![row(22, OTHER, &[], &[])]));
    let responses = fixture.import(batches).await;
    let (last, added) = responses.split_last().unwrap();
    let rows: Vec<u64> = added
        .iter()
        .map(|response| response.as_ref().unwrap().last_row_number)
        .collect();
    assert_eq!(rows, (1..=20).collect::<Vec<_>>());
    assert_eq!(
        last.as_ref().unwrap_err().reason(),
        ErrorReason::InvalidField
    );
    assert!(fixture.counts().await.0 >= 20);
}

/// OPS-1: if two rows have the same number, the earlier row is added, even if the rows are in parallel batches.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_earlier_row_is_added() {
    let fixture = Fixture::new().await;
    let rows = |from: u64, ending: &str| {
        let rows = (0..200).map(|place| {
            let other = format!("04{ending}{place:06}");
            row(from + place, &format!("0333{place:06}"), &[&other], &[])
        });
        batch(rows.collect())
    };
    let responses = fixture
        .import(vec![rows(1, "44"), rows(201, "44"), rows(401, "55")])
        .await;
    let [Ok(first), Ok(again), Ok(other)] = responses.as_slice() else {
        panic!("{responses:?}");
    };
    assert_eq!((first.added, first.unchanged), (200, 0));
    assert_eq!((again.added, again.unchanged), (0, 200));
    assert_eq!((other.added, other.unchanged), (0, 0));
    let differ = RejectionReason::LineDiffers;
    let expected = (0..200).map(|place| rejected(401 + place, differ, &format!("0333{place:06}")));
    assert_eq!(other.rejected, expected.collect::<Vec<_>>());
    assert_eq!(fixture.counts().await, (200, 400, 400));
}

/// OPS-1, INV-5: two parallel imports of the same lines add each line once, completely.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_imports_add_each_line_once() {
    let fixture = Fixture::new().await;
    let rows = || {
        let rows = (0..200).map(|place| {
            let contract = format!("0333{place:06}");
            row(place, &contract, &[&format!("0344{place:06}")], &[])
        });
        rows.collect::<Vec<_>>()
    };
    let (one, two) = tokio::join!(fixture.import_one(rows()), fixture.import_one(rows()));
    assert_eq!(one.added + two.added, 200);
    assert_eq!(one.unchanged + two.unchanged, 200);
    assert_eq!(fixture.counts().await, (200, 400, 400));
    assert_eq!(fixture.audit().await.len(), 200);
}

/// OPS-1: after shutdown has begun, no batch starts. The caller gets `UNAVAILABLE`, so that it continues at another
/// replica.
#[tokio::test]
async fn shutdown_ends_an_import() {
    let fixture = Fixture::new().await;
    fixture.units.shutdown.begin();
    let responses = fixture
        .import(vec![batch(vec![row(1, CONTRACT, &[], &[])])])
        .await;
    let [Err(refusal)] = responses.as_slice() else {
        panic!("{responses:?}");
    };
    assert_eq!(refusal.reason(), ErrorReason::Unavailable);
    assert_eq!(fixture.counts().await, (0, 0, 0));
}
