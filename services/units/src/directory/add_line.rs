//! `AddLine`: adds a line with all its numbers. If one number cannot be added, nothing is added (OPS-1, UNIT-2,
//! UNIT-3).

use std::collections::BTreeSet;

use aikagi_api::units::v1::{AddLineRequest, AddLineResponse};
use aikagi_refusal::{Failure, Refusal};

use super::{member, refusal};
use crate::Units;
use crate::store::directory::NewLine;
use crate::view::view;

pub(crate) async fn add_line(
    service: &Units,
    actor: &str,
    request: AddLineRequest,
) -> Result<AddLineResponse, Failure> {
    let line = parse(request)?;
    let added = service.store.add_line(&line, actor, service.clock.now());
    match added.await? {
        Ok(added) => Ok(AddLineResponse {
            line: Some(view(&added)),
        }),
        Err(not_added) => Err(refusal(not_added, &line.contract.number).into()),
    }
}

fn parse(request: AddLineRequest) -> Result<NewLine, Refusal> {
    let contract = request
        .contract_number
        .ok_or_else(|| Refusal::invalid_field("contract_number", "is missing"))?;
    let contract = member("contract_number.number", &contract)?;
    let mut seen = BTreeSet::from([contract.number.clone()]);
    let mut additional = Vec::with_capacity(request.additional_numbers.len());
    for number in &request.additional_numbers {
        let member = member("additional_numbers.number", number)?;
        if !seen.insert(member.number.clone()) {
            return Err(Refusal::invalid_field(
                "additional_numbers.number",
                "repeats another number of the line",
            ));
        }
        additional.push(member);
    }
    Ok(NewLine {
        contract,
        additional,
    })
}

#[cfg(test)]
mod tests {
    use aikagi_api::units::v1::NewNumber;
    use aikagi_refusal::ErrorReason;

    use super::*;

    fn request(contract: Option<&str>, additional: &[&str]) -> AddLineRequest {
        let number = |text: &&str| NewNumber {
            number: (*text).to_owned(),
            subscribed: true,
        };
        AddLineRequest {
            contract_number: contract.as_ref().map(number),
            additional_numbers: additional.iter().map(number).collect(),
        }
    }

    /// UNIT-3: numbers are read in any form and stored in the normal form.
    #[test]
    fn numbers_are_normalised() {
        let line = parse(request(Some("03-1234-5678"), &["０３ １２３４ ５６７９"])).unwrap();
        assert_eq!(line.contract.number.as_str(), "0312345678");
        assert_eq!(line.additional[0].number.as_str(), "0312345679");
    }

    /// OPS-1, UNIT-3: the refusal names the field of a number that is missing, malformed or repeated in any form.
    #[test]
    fn a_refusal_names_the_field_of_a_bad_number() {
        for (contract, additional, field) in [
            (None, vec![], "contract_number"),
            (Some(""), vec![], "contract_number.number"),
            (Some("1234567890"), vec![], "contract_number.number"),
            (Some("0312345678"), vec!["x"], "additional_numbers.number"),
            (
                Some("0312345678"),
                vec!["03-1234-5678"],
                "additional_numbers.number",
            ),
            (
                Some("0312345678"),
                vec!["0312345679", "03 1234 5679"],
                "additional_numbers.number",
            ),
        ] {
            let refusal = parse(request(contract, &additional)).unwrap_err();
            assert_eq!(refusal.reason(), ErrorReason::InvalidField);
            assert!(format!("{refusal:?}").contains(&format!("\"{field}\"")));
        }
    }
}
