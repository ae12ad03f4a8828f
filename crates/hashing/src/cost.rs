//! The cost of a hash, and how comparisons with hashes of different costs do the same work (LOGIN-10).

use std::fmt;

use argon2::Params;
use serde::Deserialize;

use crate::error::HashError;
use crate::secret::Hash;

/// The cost of one Argon2id hash.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// The memory, in KiB.
    pub memory_kib: u32,
    /// The number of passes over the memory.
    pub iterations: u32,
    /// The number of lanes.
    pub parallelism: u32,
}

impl Cost {
    /// The cost of a stored hash.
    ///
    /// Fails with [`HashError::Malformed`] if the hash is not an Argon2id hash.
    pub fn of(hash: &Hash) -> Result<Self, HashError> {
        let params = Params::try_from(&hash.parts()?).map_err(|_| HashError::Malformed)?;
        Ok(Self::from(&params))
    }

    pub(crate) fn params(self) -> Result<Params, argon2::Error> {
        Params::new(self.memory_kib, self.iterations, self.parallelism, None)
    }

    /// The amount of memory that all passes write, in KiB. The time of a hash is proportional to it.
    pub(crate) fn work(self) -> u64 {
        u64::from(self.memory_kib) * u64::from(self.iterations)
    }

    /// The cost of a second hash that does the rest of the work of `dearest`. `None` if nothing is left to do, or less
    /// than the smallest hash.
    pub(crate) fn rest(self, dearest: Self) -> Option<Self> {
        let rest = dearest.work().checked_sub(self.work())?;
        let iterations = rest.div_ceil(u64::from(dearest.memory_kib)).max(1);
        let rest = Self {
            memory_kib: u32::try_from(rest / iterations).ok()?,
            iterations: u32::try_from(iterations).ok()?,
            parallelism: dearest.parallelism,
        };
        (rest.memory_kib >= Params::MIN_M_COST * rest.parallelism).then_some(rest)
    }
}

impl From<&Params> for Cost {
    fn from(params: &Params) -> Self {
        Self {
            memory_kib: params.m_cost(),
            iterations: params.t_cost(),
            parallelism: params.p_cost(),
        }
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "memory_kib = {}, iterations = {}, parallelism = {}",
            self.memory_kib, self.iterations, self.parallelism
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cost(memory_kib: u32, iterations: u32) -> Cost {
        Cost {
            memory_kib,
            iterations,
            parallelism: 1,
        }
    }

    #[test]
    fn the_dearest_hash_needs_no_second_one() {
        let dearest = cost(19_456, 2);
        assert_eq!(dearest.rest(dearest), None);
        assert_eq!(cost(38_912, 2).rest(dearest), None);
    }

    proptest! {
        /// LOGIN-5, LOGIN-10: a hash and its second hash together do the work of the dearest cost. The second hash
        /// needs no more memory.
        #[test]
        fn two_hashes_do_the_work_of_the_dearest(
            memory in 8_u32..65_536, iterations in 1_u32..6,
            dearest_memory in 8_u32..65_536, dearest_iterations in 1_u32..6,
        ) {
            let own = cost(memory, iterations);
            let dearest = cost(dearest_memory, dearest_iterations);
            let rest = own.rest(dearest);
            let done = own.work() + rest.map_or(0, Cost::work);
            let most_iterations = rest.map_or(1, |rest| u64::from(rest.iterations));
            prop_assert!(done + 8 * most_iterations >= dearest.work());
            prop_assert!(done <= dearest.work().max(own.work()));
            prop_assert!(rest.is_none_or(|rest| rest.memory_kib <= dearest.memory_kib));
            prop_assert!(rest.is_none_or(|rest| rest.params().is_ok()));
        }
    }
}
