//! Connections: their statements, and how many there are.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_postgres::{Client, Config, NoTls, Statement, config::Host};

use super::{PostgresError, PostgresSettings};

/// Longest wait for a connection that others hold.
const PATIENCE: Duration = Duration::from_secs(2);

/// Longest that the network may be silent before a connection counts as lost.
const SILENCE: Duration = Duration::from_secs(15);

/// One session of the server.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) client: Client,
    statements: Mutex<BTreeMap<String, Statement>>,
}

impl Connection {
    /// Connects. A task of the current runtime carries the messages.
    pub(super) async fn open(config: &Config) -> Result<Self, PostgresError> {
        let (client, messages) = config.connect(NoTls).await.map_err(PostgresError::Connection)?;
        tokio::spawn(async move {
            if let Err(error) = messages.await {
                tracing::warn!(%error, "connection to the database is lost");
            }
        });
        Ok(Self { client, statements: Mutex::default() })
    }

    /// Prepares a statement once.
    pub(super) async fn statement(&self, sql: &str) -> Result<Statement, PostgresError> {
        if let Some(statement) = self.statements.lock().get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql).await?;
        self.statements.lock().insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    pub(super) async fn run(&self, sql: &str) -> Result<(), PostgresError> {
        Ok(self.client.batch_execute(sql).await?)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }
}

/// Reads an address, and refuses one that would send everything in the clear over a network.
pub(super) fn config(settings: &PostgresSettings) -> Result<Config, PostgresError> {
    let url = settings.url.to_string();
    let mut config: Config = settings
        .url
        .expose()
        .parse()
        .map_err(|error| PostgresError::Address { url: url.clone(), reason: reason(&error) })?;
    let local = |host: &Host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost"
                || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
    };
    match config.get_ssl_mode() {
        tokio_postgres::config::SslMode::Disable => {}
        tokio_postgres::config::SslMode::Prefer if config.get_hosts().iter().all(local) => {}
        _ => return Err(PostgresError::Unencrypted { url }),
    }
    config.application_name(format!("mbt {}", settings.schema));
    config.connect_timeout(SILENCE).tcp_user_timeout(SILENCE);
    config.keepalives_idle(SILENCE).keepalives_interval(SILENCE);
    Ok(config)
}

fn reason(error: &tokio_postgres::Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
}

/// Connections for snapshots, at most so many.
#[derive(Debug)]
pub(super) struct Connections {
    config: Config,
    idle: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
    max: usize,
}

/// A connection that one reader holds.
#[derive(Debug)]
pub(super) struct Lease {
    pub(super) connection: Connection,
    permit: OwnedSemaphorePermit,
}

impl Connections {
    pub(super) fn new(config: Config, max: usize) -> Self {
        Self { config, idle: Mutex::default(), permits: Arc::new(Semaphore::new(max)), max }
    }

    pub(super) const fn config(&self) -> &Config {
        &self.config
    }

    /// Takes an idle connection or makes one.
    pub(super) async fn lease(&self) -> Result<Lease, PostgresError> {
        let permit = tokio::time::timeout(PATIENCE, Arc::clone(&self.permits).acquire_owned());
        let permit = permit.await.map_err(|_| PostgresError::Busy { max: self.max })?;
        let permit = permit.map_err(|_| PostgresError::Stopped)?;
        let idle = loop {
            let idle = self.idle.lock().pop();
            match idle {
                Some(connection) if connection.is_closed() => {}
                other => break other,
            }
        };
        let connection = match idle {
            Some(connection) => connection,
            None => Connection::open(&self.config).await?,
        };
        Ok(Lease { connection, permit })
    }

    /// Closes connections that nobody uses: when one is lost, so may the others be.
    pub(super) fn forget_idle(&self) {
        self.idle.lock().clear();
    }

    /// Ends a reader's transaction and keeps the connection for the next.
    pub(super) async fn give_back(&self, lease: Lease) {
        let Lease { connection, permit } = lease;
        if connection.run("ROLLBACK").await.is_ok() {
            self.idle.lock().push(connection);
        }
        drop(permit);
    }
}
