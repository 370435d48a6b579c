//! [`Resolver`]: the collector's name to addresses, each of which is looked at before anybody connects to it. It is asked for every
//! connection anew, so an answer that changes to the address of somebody in here (DNS rebinding) is of no use.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper_util::client::legacy::connect::dns::Name;
use serde::Deserialize;
use tower_service::Service;

use super::address::is_public;
use crate::config::{Residency, reading};

/// The European Economic Area, by ISO 3166-1: the European Union, and Iceland, Liechtenstein and Norway.
const EEA: [&str; 30] = [
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IS",
    "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK",
];

/// Looks names up, and refuses answers that residency forbids. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Resolver(Arc<Rules>);

struct Rules {
    residency: Residency,
    countries: Option<maxminddb::Reader<Vec<u8>>>,
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}

/// Where an address is, by the database.
#[derive(Deserialize)]
struct Place<'a> {
    #[serde(borrow)]
    country: Option<Country<'a>>,
}

#[derive(Deserialize)]
struct Country<'a> {
    iso_code: Option<&'a str>,
}

impl Resolver {
    /// Opens the database of countries, if there is to be one.
    ///
    /// # Errors
    /// It can't be read, or is none: a line that says so.
    pub(crate) fn new(residency: &Residency) -> Result<Resolver, String> {
        let path = &residency.country_database;
        let countries = match path.is_empty() {
            true => None,
            false => {
                let told = |why: String| format!("residency.country_database: {path}: {why}");
                let file = Path::new(path);
                std::fs::File::open(file).map_err(|error| told(reading::why(file, &error)))?;
                let reader = maxminddb::Reader::open_readfile(file);
                Some(reader.map_err(|error| {
                    told(format!(
                        "is no MaxMind database of countries (.mmdb): {error}"
                    ))
                })?)
            }
        };
        Ok(Resolver(Arc::new(Rules {
            residency: residency.clone(),
            countries,
        })))
    }

    /// Whether a host that is an address itself may be connected to. Nobody asks again: it is never looked up.
    ///
    /// # Errors
    /// It may not: why.
    pub(crate) fn admits_literal(&self, host: &str) -> Result<(), String> {
        match host.parse() {
            Ok(address) => self.judge(host, &[address]),
            Err(_) => Ok(()),
        }
    }

    /// The addresses of a host, every one of which may be connected to. The host may be an address itself.
    ///
    /// # Errors
    /// The name has no address, or one that is forbidden: why.
    pub(crate) async fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let found = self.look_up(host).await?;
        match self.judge(host, &found) {
            Ok(()) => Ok(found),
            Err(why) => Err(io::Error::other(why)),
        }
    }

    /// The addresses of a host, whatever they are. The host may be an address itself.
    pub(super) async fn look_up(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        if let Ok(address) = host.parse() {
            return Ok(vec![address]);
        }
        let found = tokio::net::lookup_host((host, 0)).await?;
        let mut addresses: Vec<IpAddr> = found.map(|address| address.ip()).collect();
        addresses.dedup();
        Ok(addresses)
    }

    /// Whether all of an answer may be used.
    pub(super) fn judge(&self, host: &str, addresses: &[IpAddr]) -> Result<(), String> {
        self.0.judge(host, addresses)
    }

    /// The country of an address, by the database if there is one.
    pub(crate) fn country(&self, address: IpAddr) -> Option<String> {
        self.0.country(address)
    }
}

impl Rules {
    /// Whether all of an answer may be used. One wrong address is enough to distrust the rest.
    fn judge(&self, host: &str, addresses: &[IpAddr]) -> Result<(), String> {
        if addresses.is_empty() {
            return Err(format!("{host} has no address"));
        }
        let literal = host.parse::<IpAddr>().is_ok();
        let public = !literal && self.residency.is_public(host);
        for address in addresses {
            if public && !is_public(*address) {
                return Err(format!(
                    "{host} resolves to {address}, an address of this machine or of a network of its own (DNS rebinding?); if that is \
                     meant, say so: residency.private = [\"{host}\"]"
                ));
            }
            // What never leaves needs no country.
            if self.countries.is_none() || !is_public(*address) {
                continue;
            }
            match self.country(*address) {
                Some(country) if EEA.contains(&country.as_str()) => {}
                Some(country) => {
                    return Err(format!(
                        "{host} resolves to {address}, which is in {country} and not in the European Economic Area \
                         (residency.country_database)"
                    ));
                }
                None => {
                    return Err(format!(
                        "{host} resolves to {address}, of which residency.country_database does not say where it is"
                    ));
                }
            }
        }
        Ok(())
    }

    fn country(&self, address: IpAddr) -> Option<String> {
        let found = self.countries.as_ref()?.lookup(address).ok()?;
        let place: Place<'_> = found.decode().ok()??;
        place.country?.iso_code.map(str::to_owned)
    }
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let resolver = self.clone();
        Box::pin(async move {
            let addresses = resolver.addresses(name.as_str()).await?;
            let sockets = addresses
                .into_iter()
                .map(|address| SocketAddr::new(address, 0));
            Ok(sockets.collect::<Vec<_>>().into_iter())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Region;

    #[test]
    fn a_public_name_with_a_private_address_is_refused_whatever_else_it_has() {
        let rules = |region, private: &[&str]| Rules {
            residency: Residency {
                region,
                hosts: vec!["sentry.example.org".to_owned()],
                private: private.iter().map(|it| (*it).to_owned()).collect(),
                ..Residency::default()
            },
            countries: None,
        };
        let (eu, any) = (Region::Eu, Region::Any);
        for (region, host, addresses, refused) in [
            (eu, "o1.ingest.de.sentry.io", "34.120.0.1", false),
            (eu, "o1.ingest.de.sentry.io", "127.0.0.1", true),
            (eu, "o1.ingest.de.sentry.io", "34.120.0.1 10.0.0.1", true),
            (eu, "o1.ingest.de.sentry.io", "::ffff:169.254.169.254", true),
            (eu, "sentry.example.org", "192.168.0.7", true),
            (eu, "sentry.example.org", "2a01:4f8::1", false),
            (eu, "localhost", "127.0.0.1 ::1", false),
            (eu, "127.0.0.1", "127.0.0.1", false),
            (eu, "relay", "10.0.0.1", false),
            (eu, "relay.cluster.local", "10.0.0.1", false),
            (eu, "sentry.example.org", "", true),
            // Sentry is public in any region. Of others, nobody knows.
            (any, "o1.ingest.us.sentry.io", "10.0.0.1", true),
            (any, "O1.INGEST.SENTRY.IO", "10.0.0.1", true),
            (any, "sentry.example.org", "10.0.0.1", false),
        ] {
            let addresses: Vec<IpAddr> = addresses
                .split_whitespace()
                .map(|it| it.parse().unwrap())
                .collect();
            let verdict = rules(region, &[]).judge(host, &addresses);
            assert_eq!(
                verdict.is_err(),
                refused,
                "{host} {addresses:?}: {verdict:?}"
            );
        }
        let mine = rules(eu, &["sentry.example.org"]);
        assert!(
            mine.judge("sentry.example.org", &["10.0.0.1".parse().unwrap()])
                .is_ok()
        );
    }
}
