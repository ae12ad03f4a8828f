//! `GetPolicy`: returns the policy, limits and lifetimes of passwords, which the site shows to subscribers (SITE-2,
//! PW-1, PW-3, PW-6, LOGIN-2, IVR-9).

use aikagi_api::duration;
use aikagi_api::password::v1::GetPolicyResponse;

use crate::Password;

pub(crate) fn get_policy(service: &Password) -> GetPolicyResponse {
    GetPolicyResponse {
        min_length: service.policy.min_length,
        max_length: service.policy.max_length,
        refuses_digits_only: service.policy.refuses_digits_only,
        lifetime: Some(duration(service.credential_rules.permanent_lifetime)),
        refuses_common: service.policy.refuses_common,
        temporary_attempts: service.credential_rules.temporary_attempts,
        permanent_attempts: service.credential_rules.permanent_attempts,
        temporary_lifetime: Some(duration(service.credential_rules.temporary_lifetime)),
    }
}
