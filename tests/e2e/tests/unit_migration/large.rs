//! Lines with many accounts (MIG-8).

use aikagi_api::units::v1::AuthUnit;
use aikagi_client::samples::{CONTRACT, FIRST, PERMANENT};
use aikagi_client::{reason, refused};
use aikagi_devkit::installation::workloads::Service;
use aikagi_e2e::in_process::{InProcessSystem, Options};
use toml::Table;
use tonic_types::StatusExt;

use super::{BY_NUMBER, by_number, failures};

/// The size of the line that must migrate.
const NUMBERS: usize = 1_000;

/// The contract number of the large line.
const LARGE: &str = "0398760000";

/// Sets the usual limits of an installation, instead of the high limits of the other tests.
fn usual_limits(service: Service, settings: &mut Table) {
    if service == Service::Edge {
        settings.remove("limits");
    }
}

fn one_account(service: Service, settings: &mut Table) {
    if service == Service::Units {
        let bounds = toml::from_str::<Table>("max_accounts = 1").expect("the settings are valid");
        settings.insert("unit_migration".into(), bounds.into());
    }
}

/// MIG-8, MIG-2, MIG-3, LOGIN-8: a line of a thousand numbers migrates in both directions, within
/// the usual limits. Right passwords do not count towards the limit of the subscriber's address.
#[tokio::test]
async fn a_line_of_a_thousand_numbers_migrates_in_both_directions() {
    let system = InProcessSystem::with(Options {
        adjust: usual_limits,
        ..Options::default()
    })
    .await;
    let numbers: Vec<String> = (1..=NUMBERS).map(|n| format!("039877{n:04}")).collect();
    let mut line = vec![(LARGE, false)];
    line.extend(numbers.iter().map(|number| (number.as_str(), true)));
    system.operator().add_line(&line).await.unwrap();
    system.establish(LARGE, "1", LARGE, PERMANENT).await;

    let session = system.site().login(LARGE, PERMANENT).await.unwrap();
    let entered = [(LARGE, PERMANENT)];
    let logins = session.migrate(AuthUnit::Number, &entered).await.unwrap();
    assert_eq!(logins.len(), NUMBERS);

    let last = numbers.last().unwrap();
    let session = system.site().login(last, PERMANENT).await.unwrap();
    let entered: Vec<(&str, &str)> = numbers
        .iter()
        .map(|number| (number.as_str(), PERMANENT))
        .collect();
    let logins = session.migrate(AuthUnit::Line, &entered).await.unwrap();
    assert_eq!(logins.len(), 1);
    assert_eq!(
        refused(system.site().login(last, PERMANENT).await),
        "LOGIN_REFUSED"
    );
    system.site().login(LARGE, PERMANENT).await.unwrap();
}

/// MIG-8: the preview refuses a line with more accounts than the limit, before a password is typed.
/// The refusal has the count of accounts and the limit. A unit migration of the line is refused too, and no password is
/// verified.
#[tokio::test]
async fn a_line_beyond_the_limit_is_refused_beforehand() {
    let system = InProcessSystem::with(Options {
        adjust: one_account,
        ..Options::default()
    })
    .await;
    let session = by_number(&system).await;
    let status = session.preview(AuthUnit::Line).await.unwrap_err();
    assert_eq!(reason(&status), "LINE_TOO_LARGE");
    let figures = status.get_details_error_info().unwrap().metadata;
    assert_eq!((&*figures["accounts"], &*figures["limit"]), ("2", "1"));
    let wrong = BY_NUMBER.map(|(number, _)| (number, "Wrong1234"));
    assert_eq!(
        refused(session.migrate_with(AuthUnit::Line, &wrong, "any").await),
        "LINE_TOO_LARGE"
    );
    assert_eq!(failures(&system, FIRST).await, 0);
    // An operator can still reset the unit.
    system.operator().reset_unit(CONTRACT).await.unwrap();
}
