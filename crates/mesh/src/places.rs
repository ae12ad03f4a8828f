//! The places of a port (OPS-5). Their number is bounded, in all and for each client address. If no place is free, the
//! holder that was silent longest loses its place.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;
use tokio_util::sync::CancellationToken;

use crate::bounds::{Bounds, Share};
use crate::relief::{Reason, Relief};

/// Places of one kind. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Places(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    bounds: Arc<Bounds>,
    kind: Kind,
    relief: Relief,
    state: Mutex<State>,
}

/// The kind of the holders of places, with its bounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    /// The maximum number of holders in all.
    pub(crate) total: usize,
    /// The maximum number of holders of one address or network, as its share allows.
    pub(crate) of_share: fn(&Share) -> usize,
    /// True if the bounds of one address do not apply to a proxy.
    pub(crate) exempts_proxies: bool,
    /// The reason to count if there are too many holders in all.
    pub(crate) in_all: Reason,
    /// The reason to count if there are too many holders of one address.
    pub(crate) of_address: Reason,
}

#[derive(Debug, Default)]
struct State {
    /// The last number that was assigned. Each holder and each silence has a number. Later numbers are
    /// greater.
    next: u64,
    holders: HashMap<u64, Holder>,
    /// The numbers of the silent holders. The key is the number of the silence, so the oldest comes first.
    silent: BTreeMap<u64, u64>,
    networks: HashMap<IpNet, Network>,
}

#[derive(Debug)]
struct Holder {
    networks: Vec<IpNet>,
    /// The number of its silence. `None` while it is busy.
    silent_since: Option<u64>,
    lost: CancellationToken,
}

#[derive(Debug, Default)]
struct Network {
    holders: usize,
    /// The numbers of the silences of this network's holders.
    silent: BTreeSet<u64>,
}

impl Places {
    pub(crate) fn new(bounds: Arc<Bounds>, kind: Kind, relief: Relief) -> Self {
        Self(Arc::new(Shared {
            bounds,
            kind,
            relief,
            state: Mutex::default(),
        }))
    }

    /// Takes a place for a client. The new holder counts as silent. `None` if no place is free and no silent holder can
    /// lose its place.
    pub(crate) fn take(&self, client: IpAddr) -> Option<Place> {
        let Shared { bounds, kind, .. } = &*self.0;
        let shares = if kind.exempts_proxies && bounds.is_proxy(client) {
            Vec::new()
        } else {
            bounds.shares(client)
        };
        let mut state = self.0.state();
        for (network, share) in &shares {
            let Some(held) = state.networks.get(network) else {
                continue;
            };
            if held.holders >= (kind.of_share)(share) {
                self.0.relief.count(kind.of_address);
                let oldest = held.silent.first().copied()?;
                state.end_oldest(oldest);
            }
        }
        if state.holders.len() >= kind.total {
            self.0.relief.count(kind.in_all);
            let oldest = state.silent.keys().next().copied()?;
            state.end_oldest(oldest);
        }
        let lost = CancellationToken::new();
        let networks = shares.into_iter().map(|(network, _)| network).collect();
        let holder = state.admit(networks, lost.clone());
        Some(Place {
            places: self.clone(),
            holder,
            lost,
        })
    }

    /// Takes the place away from the holder that was silent longest, if any holder is silent.
    pub(crate) fn end_oldest(&self) {
        let mut state = self.0.state();
        if let Some(oldest) = state.silent.keys().next().copied() {
            state.end_oldest(oldest);
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn admit(&mut self, networks: Vec<IpNet>, lost: CancellationToken) -> u64 {
        let number = self.number();
        for network in &networks {
            self.networks.entry(*network).or_default().holders += 1;
        }
        let holder = Holder {
            networks,
            silent_since: None,
            lost,
        };
        self.holders.insert(number, holder);
        self.begin_silence(number);
        number
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn begin_silence(&mut self, number: u64) {
        let since = self.number();
        if let Some(holder) = self.holders.get_mut(&number)
            && holder.silent_since.is_none()
        {
            holder.silent_since = Some(since);
            self.silent.insert(since, number);
            for network in &holder.networks {
                self.networks
                    .entry(*network)
                    .or_default()
                    .silent
                    .insert(since);
            }
        }
    }

    /// Ends the silence of a holder. Returns false if the holder has lost its place.
    fn end_silence(&mut self, number: u64) -> bool {
        let Some(holder) = self.holders.get_mut(&number) else {
            return false;
        };
        if let Some(since) = holder.silent_since.take() {
            self.silent.remove(&since);
            for network in &holder.networks {
                if let Some(network) = self.networks.get_mut(network) {
                    network.silent.remove(&since);
                }
            }
        }
        true
    }

    /// Takes the place away from the holder with this silence.
    fn end_oldest(&mut self, silence: u64) {
        if let Some(number) = self.silent.get(&silence).copied()
            && let Some(holder) = self.free(number)
        {
            holder.lost.cancel();
        }
    }

    fn free(&mut self, number: u64) -> Option<Holder> {
        self.end_silence(number);
        let holder = self.holders.remove(&number)?;
        for network in &holder.networks {
            if let Some(held) = self.networks.get_mut(network) {
                held.holders -= 1;
                if held.holders == 0 {
                    self.networks.remove(network);
                }
            }
        }
        Some(holder)
    }
}

/// A place of a holder. The holder has it until this is dropped or the place is lost.
#[derive(Debug)]
pub(crate) struct Place {
    places: Places,
    holder: u64,
    lost: CancellationToken,
}

impl Place {
    /// Marks the holder as busy. It keeps its place until it is silent again. Returns false if it has lost its place
    /// already.
    pub(crate) fn busy(&self) -> bool {
        self.places.0.state().end_silence(self.holder)
    }

    /// Marks the holder as silent from now on.
    pub(crate) fn silent(&self) {
        self.places.0.state().begin_silence(self.holder);
    }

    /// Waits until the place is lost.
    pub(crate) async fn lost(&self) {
        self.lost.cancelled().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.0.state().free(self.holder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounds::BoundSettings;
    use crate::connection::Clients;

    fn places(total: usize, of_address: usize) -> Places {
        let settings = BoundSettings {
            address_connections: Some(of_address),
            ..BoundSettings::default()
        };
        let bounds =
            Bounds::new(&settings, Clients::Anyone).behind(vec!["10.0.0.0/8".parse().unwrap()]);
        let kind = Kind {
            total,
            of_share: |share| share.connections,
            exempts_proxies: true,
            in_all: Reason::Connections,
            of_address: Reason::AddressConnections,
        };
        Places::new(Arc::new(bounds), kind, Relief::new("test", Clients::Anyone))
    }

    fn take(places: &Places, client: &str) -> Option<Place> {
        places.take(client.parse().unwrap())
    }

    fn is_lost(place: &Place) -> bool {
        place.lost.is_cancelled()
    }

    /// OPS-5: if an address takes too many places, its own holder that was silent longest loses its place.
    #[test]
    fn an_address_loses_its_own_oldest_place() {
        let places = places(100, 2);
        let other = take(&places, "192.0.2.9").unwrap();
        let first = take(&places, "192.0.2.1").unwrap();
        let second = take(&places, "192.0.2.1").unwrap();
        assert!(first.busy());
        let third = take(&places, "192.0.2.1").unwrap();
        assert!(!is_lost(&other) && !is_lost(&first) && is_lost(&second));
        assert!(!second.busy());
        assert!(third.busy());
        // No holder of this address is silent.
        assert!(take(&places, "192.0.2.1").is_none());
        first.silent();
        assert!(take(&places, "192.0.2.1").is_some());
        assert!(is_lost(&first));
    }

    /// OPS-5: at the bound for all clients, the holder that was silent longest loses its place.
    #[test]
    fn the_holder_that_was_silent_longest_loses_its_place() {
        let places = places(3, 100);
        let held: Vec<_> = ["192.0.2.1", "192.0.2.2", "192.0.2.3"]
            .map(|client| take(&places, client).unwrap())
            .into();
        assert!(held[0].busy());
        held[0].silent();
        let _newcomer = take(&places, "192.0.2.4").unwrap();
        let lost: Vec<_> = held.iter().map(is_lost).collect();
        assert_eq!(lost, [false, true, false]);
    }

    /// OPS-5: many small IPv6 networks in one /48 do not get a full share each.
    #[test]
    fn networks_around_an_address_are_bounded() {
        let places = places(100, 2);
        let held: Vec<_> = (0..20)
            .map(|n| take(&places, &format!("2001:db8:0:{:x}::1", n * 256)).unwrap())
            .collect();
        // The share of a /48 is four times that of an address: 8 places.
        assert_eq!(held.iter().filter(|place| !is_lost(place)).count(), 8);
    }

    /// OPS-5: the bounds of one address do not apply to a proxy, whose connections carry requests of many clients.
    #[test]
    fn a_proxy_is_exempt_from_the_bounds_of_one_address() {
        let places = places(100, 2);
        let held: Vec<_> = (0..10)
            .map(|_| take(&places, "10.0.0.1").unwrap())
            .collect();
        assert!(!held.iter().any(is_lost));
    }

    #[test]
    fn dropped_places_leave_no_state() {
        let places = places(10, 2);
        for n in 0..100 {
            drop(take(&places, &format!("192.0.2.{n}")).unwrap());
        }
        let state = places.0.state();
        assert!(state.holders.is_empty() && state.silent.is_empty() && state.networks.is_empty());
    }
}
