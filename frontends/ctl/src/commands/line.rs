//! `aikagictl line` (OPS-1, OPS-2).

use aikagi_api::units::v1::{
    AddLineRequest, CloseLineRequest, GetLineRequest, NewNumber, ResetUnitRequest,
};
use aikagi_domain::telephone::TelephoneNumber;

use super::required;
use crate::cli::Line as Command;
use crate::connection::Connection;
use crate::error::CommandError;
use crate::output::{Output, confirm};
use crate::views::Line;

pub(crate) async fn run(
    command: Command,
    connection: &Connection,
    output: &mut Output,
) -> Result<(), CommandError> {
    let mut directory = connection.directory();
    let line = match command {
        Command::Add {
            contract_number,
            subscribed,
            unsubscribed,
        } => {
            let request = new_line(contract_number, &subscribed, &unsubscribed);
            connection.call(directory.add_line(request)).await?.line
        }
        Command::Show { number } => {
            let request = GetLineRequest { number };
            connection.call(directory.get_line(request)).await?.line
        }
        Command::Close { number, yes } => {
            let question = format!(
                "Close the line of {number}? This voids its passwords and ends its sessions."
            );
            confirm(&question, yes)?;
            let request = CloseLineRequest { number };
            connection.call(directory.close_line(request)).await?.line
        }
        Command::ResetUnit { number, yes } => {
            let question = format!(
                "Reset the unit of the line of {number}? This voids all its passwords and ends its sessions."
            );
            confirm(&question, yes)?;
            let request = ResetUnitRequest { number };
            connection.call(directory.reset_unit(request)).await?.line
        }
    };
    output.show(&Line::from(required(line)?))
}

/// Builds the request. The contract number may be in one of the lists. It is subscribed if it is in the list of
/// subscribed numbers. If it is in both lists, the request contains it twice, so the service refuses the request.
fn new_line(contract: String, subscribed: &[String], unsubscribed: &[String]) -> AddLineRequest {
    let is_contract = |number: &String| match (
        TelephoneNumber::parse(number),
        TelephoneNumber::parse(&contract),
    ) {
        (Ok(one), Ok(other)) => one == other,
        _ => *number == contract,
    };
    let contract_subscribed = subscribed.iter().any(is_contract);
    let additional_numbers = subscribed
        .iter()
        .filter(|number| !is_contract(number))
        .map(|number| (number, true))
        .chain(
            unsubscribed
                .iter()
                .filter(|number| contract_subscribed || !is_contract(number))
                .map(|number| (number, false)),
        )
        .map(|(number, subscribed)| NewNumber {
            number: number.clone(),
            subscribed,
        })
        .collect();
    AddLineRequest {
        additional_numbers,
        contract_number: Some(NewNumber {
            subscribed: contract_subscribed,
            number: contract,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OPS-1: the contract number may be in the list of subscribed numbers, with or without hyphens.
    #[test]
    fn a_listed_contract_number_is_subscribed() {
        let text =
            |list: &[&str]| -> Vec<String> { list.iter().map(|text| (*text).to_owned()).collect() };
        let line = new_line(
            "0312340001".into(),
            &text(&["03-1234-0001", "0312340002"]),
            &text(&["0312340003"]),
        );
        assert!(line.contract_number.unwrap().subscribed);
        let further: Vec<(&str, bool)> = line
            .additional_numbers
            .iter()
            .map(|number| (number.number.as_str(), number.subscribed))
            .collect();
        assert_eq!(further, [("0312340002", true), ("0312340003", false)]);

        let line = new_line(
            "0312340001".into(),
            &text(&["0312340002"]),
            &text(&["0312340001"]),
        );
        assert!(!line.contract_number.unwrap().subscribed);
        assert_eq!(line.additional_numbers.len(), 1);

        let both = text(&["0312340001"]);
        let line = new_line("0312340001".into(), &both, &both);
        assert_eq!(
            line.additional_numbers.len(),
            1,
            "the service refuses a number in both lists"
        );
    }
}
