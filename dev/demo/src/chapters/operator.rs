//! An operator's work with `aikagictl` (OPS-1 to OPS-3).

use anyhow::{Result, ensure};

use super::{PERMANENT, TEMPORARY};
use crate::Story;
use crate::command_line::REFUSED;

impl Story {
    /// OPS-1, OPS-2, OPS-3: explains why a number cannot log in, ends sessions, changes a line, and reads the audit trail.
    pub(crate) async fn an_operators_work(&self) -> Result<()> {
        let line = self.fresh_line(true).await?;
        let (account, contract) = (line.first.as_str(), line.contract.as_str());
        self.explained(account, "its line has no unit").await?;

        self.narrator
            .part("The operator lists a session and ends it");
        self.set_own(account, TEMPORARY).await?;
        self.establish(account, TEMPORARY, PERMANENT).await?;
        self.explained(account, "can log in with its permanent password")
            .await?;
        let subscriber = self.login_permanent(account, PERMANENT).await?;
        self.types(&["sessions", "list", account], 0).await?;
        self.types(&["sessions", "end", account], 0).await?;
        self.session_has_ended(&subscriber, "the session's token")
            .await?;

        self.narrator
            .part("Why a number cannot log in, and what would help");
        self.wrong(account, "Wrong12345", 10).await?;
        self.explained(account, "wrong attempts killed its password")
            .await?;

        self.narrator
            .part("When numbers change, the accounts change at the same moment");
        self.types(&["number", "unsubscribe", account], 0).await?;
        self.explained(account, "does not have the option service")
            .await?;
        self.types(&["number", "remove", &line.second], 0).await?;
        self.explained(&line.second, "is on no line").await?;
        let refused = self.types(&["number", "remove", contract], REFUSED).await?;
        contains(&refused, "[CONTRACT_NUMBER_STAYS]")?;

        self.narrator
            .part("The unit is reset, and the line is closed");
        let reset = self.types(&["line", "reset-unit", contract], 0).await?;
        contains(&reset, "none yet")?;
        self.explained(contract, "its line has no unit").await?;
        self.types(&["line", "close", contract], 0).await?;
        let refused = self
            .types(&["number", "subscribe", account], REFUSED)
            .await?;
        contains(&refused, "[LINE_CLOSED]")?;

        self.narrator
            .part("The audit trail has all these changes, and proves that it is complete");
        let recent = ["audit", "list", "--number", contract, "--limit", "8"];
        let trail = self.types(&recent, 0).await?;
        for action in ["UNSUBSCRIBE_NUMBER", "RESET_UNIT", "CLOSE_LINE"] {
            contains(&trail, action)?;
        }
        let verified = self.types(&["audit", "verify", contract], 0).await?;
        contains(&verified, "whole: ")
    }

    async fn explained(&self, number: &str, expected: &str) -> Result<()> {
        let text = self.types(&["explain", number], 0).await?;
        contains(&text, expected)
    }
}

fn contains(printed: &str, expected: &str) -> Result<()> {
    ensure!(
        printed.contains(expected),
        "expected {expected:?} in the output, got: {printed}"
    );
    Ok(())
}
