//! What has to hold whatever strangers send. Each check takes any bytes, and panics when something does not hold: the
//! fuzzer looks for such bytes, and the tests replay what it starts from.

#![allow(
    clippy::missing_panics_doc,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "what does not hold is told by a panic"
)]

pub mod check;

// Parsers that are no business of anybody outside of their program: their sources, so that nothing has to become
// public for a check.
macro_rules! borrowed {
    ($($module:ident from $path:literal)*) => {
        $(
            #[allow(dead_code, unreachable_pub, reason = "a check needs only some of it")]
            #[path = $path]
            mod $module;
        )*
    };
}

borrowed! {
    address from "../../../services/gateway/src/address.rs"
    browser from "../../../services/gateway/src/browser.rs"
    event from "../../../services/issuance/src/event.rs"
    order from "../../../services/issuance/src/order.rs"
    origin from "../../../services/gateway/src/origin.rs"
    presented from "../../../services/gateway/src/presented.rs"
    record from "../../../services/issuance/src/record.rs"
    reply from "../../../services/issuance/src/reply.rs"
    row from "../../../frontends/ctl/src/commands/import/row.rs"
}
