//! One setting laid over another, each checked when it is laid, so that an error can say which.

use std::{fs, path::Path};

use serde::Deserialize;
use toml::{Table, Value};

use super::{Config, ConfigError};
use crate::storage::DatabaseUrl;

/// What names of environment variables begin with.
const PREFIX: &str = "MBT_";

/// Settings that are being laid over each other.
#[derive(Clone, Debug)]
pub struct Layers {
    /// Every setting there is, with its default: the shape of the configuration.
    defaults: Table,
    table: Table,
}

impl Layers {
    /// Starts with defaults.
    ///
    /// # Errors
    /// [`ConfigError::Unwritable`].
    pub fn new(defaults: &Config) -> Result<Self, ConfigError> {
        let table = Table::try_from(defaults)
            .map_err(|error| ConfigError::Unwritable { reason: error.to_string() })?;
        Ok(Self { defaults: table.clone(), table })
    }

    /// Lays a file over what is set.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let text = fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let table: Table = text.parse().map_err(|error: toml::de::Error| {
            let at = error.span().map_or(0, |span| span.start);
            let before = text.get(..at).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            ConfigError::Syntax { path: path.to_owned(), line, reason: error.message().to_owned() }
        })?;
        self.lay(&path.display().to_string(), "", table)
    }

    fn lay(&mut self, origin: &str, prefix: &str, table: Table) -> Result<(), ConfigError> {
        for (name, value) in table {
            let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
            match (value, self.default_of(&key)) {
                (Value::Table(section), Some(Value::Table(_))) => {
                    self.lay(origin, &key, section)?;
                }
                (value, _) => self.set(origin, &key, &value)?,
            }
        }
        Ok(())
    }

    /// Lays environment variables over what is set: `MBT_RPC_LISTEN` is `rpc.listen`. Variables
    /// with the prefix that belong to no section are somebody else's.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn environment(
        &mut self,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(), ConfigError> {
        for (variable, text) in variables {
            let Some(name) = variable.strip_prefix(PREFIX) else { continue };
            let name = name.to_ascii_lowercase();
            let section = |(key, value): (&String, &Value)| {
                let rest = name.strip_prefix(key.as_str())?;
                match value {
                    Value::Table(_) => rest.strip_prefix('_').map(|rest| format!("{key}.{rest}")),
                    _ => rest.is_empty().then(|| key.clone()),
                }
            };
            let Some(key) = self.defaults.iter().find_map(section) else { continue };
            self.text(&format!("environment variable {variable}"), &key, &text)?;
        }
        Ok(())
    }

    /// Lays a flag over what is set. Lists are separated by commas.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn flag(&mut self, flag: &str, key: &str, text: &str) -> Result<(), ConfigError> {
        if key == "storage.url" && DatabaseUrl::new(text).has_password() {
            return Err(ConfigError::Value {
                origin: format!("flag {flag}"),
                key: key.to_owned(),
                value: DatabaseUrl::new(text).to_string(),
                reason: "a password on the command line is seen by every user of the machine: \
                         use MBT_STORAGE_URL or storage.url_file"
                    .to_owned(),
            });
        }
        self.text(&format!("flag {flag}"), key, text)
    }

    /// Writes what is set as TOML, without passwords, whether or not it can be run with.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn to_toml(&self) -> Result<String, ConfigError> {
        Config::deserialize(self.table.clone())
            .map_err(|error| ConfigError::Contradiction { reason: error.message().to_owned() })?
            .to_toml()
    }

    /// Returns the settings, checked.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn finish(self) -> Result<Config, ConfigError> {
        let config = Config::deserialize(self.table)
            .map_err(|error| ConfigError::Contradiction { reason: error.message().to_owned() })?;
        config.check()?;
        Ok(config)
    }

    fn text(&mut self, origin: &str, key: &str, text: &str) -> Result<(), ConfigError> {
        let refused = |reason: &str| ConfigError::Value {
            origin: origin.to_owned(),
            key: key.to_owned(),
            value: text.to_owned(),
            reason: reason.to_owned(),
        };
        let value = match self.default_of(key) {
            Some(Value::Integer(_)) => {
                Value::Integer(text.parse().map_err(|_| refused("not a whole number"))?)
            }
            Some(Value::Boolean(_)) => {
                Value::Boolean(text.parse().map_err(|_| refused("neither true nor false"))?)
            }
            Some(Value::Array(_)) => {
                let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
                items.map(|item| Value::String(item.to_owned())).collect::<Vec<_>>().into()
            }
            _ => Value::String(text.to_owned()),
        };
        self.set(origin, key, &value)
    }

    fn set(&mut self, origin: &str, key: &str, value: &Value) -> Result<(), ConfigError> {
        if !matches!(self.default_of(key), Some(default) if !default.is_table()) {
            return Err(ConfigError::UnknownKey { origin: origin.to_owned(), key: key.to_owned() });
        }
        let mut table = self.table.clone();
        place(&mut table, key, value.clone());
        Config::deserialize(table.clone()).map_err(|error| ConfigError::Value {
            origin: origin.to_owned(),
            key: key.to_owned(),
            value: value.to_string(),
            reason: error.message().to_owned(),
        })?;
        self.table = table;
        Ok(())
    }

    fn default_of(&self, key: &str) -> Option<&Value> {
        let mut parts = key.split('.');
        let mut value = self.defaults.get(parts.next()?)?;
        for part in parts {
            value = value.as_table()?.get(part)?;
        }
        Some(value)
    }
}

fn place(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
        }
        Some((section, rest)) => {
            if let Some(Value::Table(section)) = table.get_mut(section) {
                place(section, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn layers() -> Layers {
        Layers::new(&Config::development()).unwrap()
    }

    fn file(text: &str) -> (tempfile::NamedTempFile, std::path::PathBuf) {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        let path = file.path().to_owned();
        (file, path)
    }

    fn variable(name: &str, value: &str) -> [(String, String); 1] {
        [(name.to_owned(), value.to_owned())]
    }

    #[test]
    fn flags_beat_the_environment_which_beats_the_file_which_beats_defaults() {
        let (_file, path) = file("[rpc]\nlisten = \"127.0.0.1:1\"\nfilters_max = 7\n");
        let mut layers = layers();
        layers.file(&path).unwrap();
        assert_eq!(layers.clone().finish().unwrap().rpc.listen.port(), 1);
        layers.environment(variable("MBT_RPC_LISTEN", "127.0.0.1:2")).unwrap();
        assert_eq!(layers.clone().finish().unwrap().rpc.listen.port(), 2);
        layers.flag("--rpc", "rpc.listen", "127.0.0.1:3").unwrap();
        let config = layers.finish().unwrap();
        assert_eq!((config.rpc.listen.port(), config.rpc.filters_max), (3, 7));
        assert_eq!(config.metrics, Config::development().metrics);
    }

    #[test]
    fn errors_name_the_setting_its_value_and_where_it_was_set() {
        let (_file, path) = file("[rpc]\nlisten = \"here\"\n");
        let error = layers().file(&path).unwrap_err().to_string();
        assert!(error.contains("rpc.listen = \"here\": "), "{error}");
        assert!(error.contains(&*path.to_string_lossy()), "{error}");
        let error = layers().environment(variable("MBT_MINING_THREADS", "many")).unwrap_err();
        let expected = "environment variable MBT_MINING_THREADS: mining.threads = many: \
                        not a whole number";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn unknown_settings_are_refused_wherever_they_are() {
        let (_file, path) = file("[rpc]\nlisen = \"127.0.0.1:1\"\n");
        let error = layers().file(&path).unwrap_err();
        assert!(matches!(&error, ConfigError::UnknownKey { key, .. } if key == "rpc.lisen"));
        let error = layers().environment(variable("MBT_RPC_LISEN", "127.0.0.1:1")).unwrap_err();
        assert!(matches!(&error, ConfigError::UnknownKey { key, .. } if key == "rpc.lisen"));
        assert!(layers().flag("--set", "rpc", "1").is_err());
        layers().environment(variable("MBT_VECTORS", "elsewhere")).unwrap();
    }

    #[test]
    fn a_password_comes_from_no_flag_and_is_never_shown() {
        let url = "postgresql://mbt:secret@localhost/chain";
        let error = layers().flag("--set", "storage.url", url).unwrap_err().to_string();
        assert!(error.contains("storage.url_file") && !error.contains("secret"), "{error}");
        let mut layers = layers();
        layers.environment(variable("MBT_STORAGE_URL", url)).unwrap();
        assert!(!layers.to_toml().unwrap().contains("secret"));
        let location = layers.finish().unwrap().storage;
        assert_eq!(location.url, DatabaseUrl::new(url));
    }

    #[test]
    fn a_file_that_is_not_toml_is_refused_with_its_line() {
        let (_file, path) = file("[rpc]\nlisten 1\n");
        let error = layers().file(&path).unwrap_err();
        assert!(matches!(error, ConfigError::Syntax { line: 2, .. }), "{error}");
    }

    proptest! {
        #[test]
        fn arbitrary_settings_are_taken_or_refused_whole(
            key in "[a-z_.]{0,12}|rpc\\.(listen|cors|filters_max)|log\\.filter|data", value in ".{0,30}",
        ) {
            let before = layers();
            let mut after = before.clone();
            if after.flag("--set", &key, &value).is_err() {
                prop_assert_eq!(after.to_toml().unwrap(), before.to_toml().unwrap());
            }
        }

        #[test]
        fn arbitrary_files_are_taken_or_refused(
            text in ".{0,60}|(\\[(rpc|log|chain)\\]\n[a-z_]{1,9} = [0-9a-z\"\\[\\]]{1,9}\n){0,3}",
        ) {
            let (_file, path) = file(&text);
            let mut layers = layers();
            if layers.file(&path).is_ok() {
                layers.to_toml().unwrap();
            }
        }
    }
}
