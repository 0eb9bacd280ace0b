//! Where a server listens: `[CLUSTER=]tcp:[HOST]:PORT` or `[CLUSTER=]unix:PATH`.

use std::fmt;

/// An address to listen at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Host and port; nobody but this host can call unless another address is named.
    Tcp(String, u16),
    /// A Unix socket that only its owner can open.
    Unix(String),
}

/// A server's address, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// The cluster that clients meet; all of the machine's, if none is named.
    pub cluster: Option<String>,
    /// Where.
    pub place: Place,
}

impl Spec {
    /// Reads the option's text.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence.
    pub fn parse(text: &str) -> Result<Spec, String> {
        let form = "it is [CLUSTER=]tcp:[HOST]:PORT, [CLUSTER=]unix:PATH or [CLUSTER=]:PORT";
        let wrong = || format!("`{text}` is no place for a GDB server: {form}");
        let (cluster, place) = match text.split_once('=') {
            Some((cluster, place)) if !cluster.contains([':', '/']) => {
                (Some(cluster.to_string()).filter(|c| !c.is_empty()), place)
            }
            _ => (None, text),
        };
        if let Some(path) = place.strip_prefix("unix:") {
            let path = path.split(",server").next().unwrap_or(path);
            return match path {
                "" => Err(wrong()),
                _ => Ok(Spec { cluster, place: Place::Unix(path.to_string()) }),
            };
        }
        let rest = place.strip_prefix("tcp:").unwrap_or(place);
        let (host, port) = rest.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().map_err(|_| wrong())?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let host = if host.is_empty() { "127.0.0.1" } else { host };
        Ok(Spec { cluster, place: Place::Tcp(host.to_string(), port) })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Tcp(host, port) if host.contains(':') => write!(f, "tcp:[{host}]:{port}"),
            Place::Tcp(host, port) => write!(f, "tcp:{host}:{port}"),
            Place::Unix(path) => write!(f, "unix:{path}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let of = |text: &str| Spec::parse(text).map(|s| (s.cluster, s.place.to_string()));
        let yes = |cluster: Option<&str>, place: &str| {
            Ok((cluster.map(str::to_string), place.to_string()))
        };
        assert_eq!(of("tcp::3333"), yes(None, "tcp:127.0.0.1:3333"));
        assert_eq!(of("cpu=:3333"), yes(Some("cpu"), "tcp:127.0.0.1:3333"));
        assert_eq!(of("cpu=tcp:0.0.0.0:1"), yes(Some("cpu"), "tcp:0.0.0.0:1"));
        assert_eq!(of("tcp:[::1]:99"), yes(None, "tcp:[::1]:99"));
        assert_eq!(of("unix:/tmp/a=b"), yes(None, "unix:/tmp/a=b"));
        assert_eq!(of("m=unix:x,server,nowait"), yes(Some("m"), "unix:x"));
        for wrong in ["", "tcp", "tcp::", "tcp::70000", "cpu=", "unix:", "1234"] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }
}
