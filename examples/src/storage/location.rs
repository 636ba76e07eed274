//! Where a store is.

use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize, Serializer};

use super::PostgresSettings;

/// Where a store is, and how it is opened.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Location {
    /// Nowhere: it is gone with the process.
    Memory,
    /// One file of the redb engine.
    Redb {
        /// The file.
        file: PathBuf,
        /// Most bytes of it kept in memory.
        cache_bytes: usize,
    },
    /// A folder of the fjall engine.
    Fjall {
        /// The folder.
        folder: PathBuf,
        /// Most bytes of its blocks kept in memory.
        cache_bytes: usize,
    },
    /// A schema of a PostgreSQL database.
    PostgreSql(PostgresSettings),
}

impl Location {
    /// Tells whether a store is there already. Of a database this cannot be told from outside.
    #[must_use]
    pub fn exists(&self) -> bool {
        match self {
            Self::Memory => false,
            Self::Redb { file, .. } => file.exists(),
            Self::Fjall { folder, .. } => folder.exists(),
            Self::PostgreSql(_) => true,
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory"),
            Self::Redb { file, .. } => write!(f, "{}", file.display()),
            Self::Fjall { folder, .. } => write!(f, "{}", folder.display()),
            Self::PostgreSql(settings) => {
                write!(f, "schema {} of {}", settings.schema, settings.url)
            }
        }
    }
}

/// Where a database is and who asks. Its password is never shown.
#[derive(Clone, Default, Deserialize, Eq, PartialEq)]
#[serde(transparent)]
pub struct DatabaseUrl(String);

/// Shown instead of a password.
const HIDDEN: &str = "***";

impl DatabaseUrl {
    /// Takes `postgresql://user:password@host:port/database` or `host=... user=...`.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Tells whether it was left out.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells whether it holds a password, or what might be one.
    #[must_use]
    pub fn has_password(&self) -> bool {
        self.to_string() != self.0
    }

    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains("password") {
            return f.write_str(HIDDEN);
        }
        let authority = self.0.split_once("://").and_then(|(scheme, rest)| {
            let (user, host) = rest.rsplit_once('@')?;
            let (name, _) = user.split_once(':')?;
            Some((scheme, name, host))
        });
        match authority {
            Some((scheme, name, host)) => write!(f, "{scheme}://{name}:{HIDDEN}@{host}"),
            None => f.write_str(&self.0),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl Serialize for DatabaseUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        for text in [
            "postgresql://mbt:s3cr@et@db.example/chain",
            "postgresql://db.example/chain?user=mbt&password=s3cr@et",
            "host=db.example user=mbt password=s3cr@et",
        ] {
            let url = DatabaseUrl::new(text);
            assert!(url.has_password(), "{text}");
            for shown in [
                url.to_string(),
                format!("{url:?}"),
                toml::Value::try_from(&url).unwrap().to_string(),
            ] {
                assert!(!shown.contains("s3cr") && !shown.contains("et@"), "{shown}");
            }
            assert_eq!(url.expose(), text);
        }
        let url = DatabaseUrl::new("postgresql://mbt@localhost/chain");
        assert!(!url.has_password());
        assert_eq!(url.to_string(), "postgresql://mbt@localhost/chain");
    }
}
