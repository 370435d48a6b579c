//! How many connections each client has. Of its address nothing is kept but a keyed hash, and that as long as it has one.

use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ipnet::IpNet;

use super::limit::hash;
use crate::config::Config;

/// The clients that have connections.
#[derive(Debug)]
pub(super) struct Clients {
    most: Option<NonZeroUsize>,
    /// Who speaks for many clients.
    trusted: Vec<IpNet>,
    hasher: RandomState,
    /// By the hash of an address. There are at most as many as connections.
    open: Mutex<HashMap<u64, usize>>,
}

impl Clients {
    pub(super) fn new(config: &Config) -> Arc<Clients> {
        Arc::new(Clients {
            most: NonZeroUsize::new(config.server.connections_per_ip),
            trusted: config.server.trusted_proxies.clone(),
            hasher: RandomState::new(),
            open: Mutex::default(),
        })
    }

    /// A place for one more connection of this client, unless it has as many as it may.
    pub(super) fn enter(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let peer = peer.to_canonical();
        let exempt = self.trusted.iter().any(|net| net.contains(&peer));
        let Some(most) = self.most.filter(|_| !exempt) else {
            return Some(Place::default());
        };
        let client = hash(&self.hasher, peer);
        let mut open = self.open();
        let count = open.entry(client).or_default();
        if *count >= most.get() {
            return None;
        }
        *count += 1;
        Some(Place(Some((Arc::clone(self), client))))
    }

    fn open(&self) -> MutexGuard<'_, HashMap<u64, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection among those of its client, until it ends.
#[derive(Debug, Default)]
pub(super) struct Place(Option<(Arc<Clients>, u64)>);

impl Drop for Place {
    fn drop(&mut self) {
        let Some((clients, client)) = self.0.take() else {
            return;
        };
        if let Entry::Occupied(mut entry) = clients.open().entry(client) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}
