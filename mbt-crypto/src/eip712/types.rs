//! The types that a document declares.

use alloc::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec::Vec,
};

use primitive_types::H256;

use super::{TypedDataError, json::Json};
use crate::keccak256;

/// Most structs in a document.
const STRUCTS_MAX: usize = 128;
/// Most members of a struct.
const MEMBERS_MAX: usize = 128;
/// Longest name of a struct or a member, and longest type of a member.
const NAME_BYTES_MAX: usize = 128;

/// What a member may hold.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Address,
    Bool,
    Text,
    Bytes,
    /// Bytes, 1 to 32.
    FixedBytes(usize),
    /// Bits, a multiple of 8 up to 256.
    Uint(usize),
    /// Bits, a multiple of 8 up to 256.
    Int(usize),
    Struct(String),
    /// Items, and how many if that is fixed.
    Array(Box<Self>, Option<usize>),
}

/// A member as declared.
#[derive(Clone, Debug)]
pub(super) struct Declared {
    pub(super) name: String,
    pub(super) type_name: String,
    pub(super) kind: Kind,
}

/// All structs of a document by name.
#[derive(Clone, Debug)]
pub(super) struct Types(BTreeMap<String, Vec<Declared>>);

impl Types {
    pub(super) fn read(json: &Json) -> Result<Self, TypedDataError> {
        let Json::Object(declared) = json else { return Err(expected("types", "an object", json)) };
        if declared.len() > STRUCTS_MAX {
            return Err(TypedDataError::TooMany { path: "types".into(), max: STRUCTS_MAX });
        }
        let mut types = BTreeMap::new();
        for (name, members) in declared {
            check_name("types", name)?;
            if elementary(name).is_some() || looks_elementary(name) {
                return Err(TypedDataError::InvalidName {
                    path: "types".into(),
                    name: name.clone(),
                });
            }
            types.insert(name.clone(), read_members(&format!("types.{name}"), members)?);
        }
        let types = Self(types);
        types.check_references()?;
        Ok(types)
    }

    /// Returns the members of a struct.
    pub(super) fn members(&self, name: &str) -> Option<&[Declared]> {
        self.0.get(name).map(Vec::as_slice)
    }

    /// Returns `encodeType`'s hash of every struct that `name` refers to, itself included.
    pub(super) fn hashes_from(&self, name: &str) -> BTreeMap<String, H256> {
        let reached = self.reachable(name);
        reached.iter().map(|name| ((*name).to_string(), self.type_hash(name))).collect()
    }

    fn type_hash(&self, name: &str) -> H256 {
        let mut encoded = String::new();
        let mut others = self.reachable(name);
        others.remove(name);
        for struct_name in core::iter::once(name).chain(others) {
            encoded.push_str(struct_name);
            encoded.push('(');
            for (i, member) in self.members(struct_name).unwrap_or_default().iter().enumerate() {
                encoded.push_str(if i == 0 { "" } else { "," });
                encoded.push_str(&member.type_name);
                encoded.push(' ');
                encoded.push_str(&member.name);
            }
            encoded.push(')');
        }
        keccak256(encoded)
    }

    fn reachable<'a>(&'a self, name: &'a str) -> BTreeSet<&'a str> {
        let mut reached = BTreeSet::new();
        let mut open = Vec::from([name]);
        while let Some(name) = open.pop() {
            if reached.insert(name) {
                let members = self.members(name).unwrap_or_default();
                open.extend(members.iter().filter_map(|member| member.kind.struct_name()));
            }
        }
        reached
    }

    fn check_references(&self) -> Result<(), TypedDataError> {
        for (name, members) in &self.0 {
            for member in members {
                if let Some(target) = member.kind.struct_name()
                    && !self.0.contains_key(target)
                {
                    return Err(TypedDataError::UnknownType {
                        path: format!("types.{name}.{}", member.name),
                        type_name: member.type_name.clone(),
                    });
                }
            }
        }
        Ok(())
    }
}

impl Kind {
    /// Reads `uint8`, `Person`, `bytes32[2][]` and so on. A name that is no elementary type is
    /// taken for a struct's.
    fn parse(text: &str) -> Option<Self> {
        let (base, mut suffixes) = text.split_at(text.find('[').unwrap_or(text.len()));
        let mut kind = match elementary(base) {
            Some(kind) => kind,
            None if is_name(base) && !looks_elementary(base) => Self::Struct(base.to_string()),
            None => return None,
        };
        while !suffixes.is_empty() {
            let (length, rest) = suffixes.strip_prefix('[')?.split_once(']')?;
            let length = if length.is_empty() { None } else { Some(positive(length)?) };
            kind = Self::Array(Box::new(kind), length);
            suffixes = rest;
        }
        Some(kind)
    }

    fn struct_name(&self) -> Option<&str> {
        match self {
            Self::Struct(name) => Some(name),
            Self::Array(item, _) => item.struct_name(),
            _ => None,
        }
    }
}

fn read_members(path: &str, json: &Json) -> Result<Vec<Declared>, TypedDataError> {
    let Json::List(items) = json else { return Err(expected(path, "a list", json)) };
    if items.len() > MEMBERS_MAX {
        return Err(TypedDataError::TooMany { path: path.into(), max: MEMBERS_MAX });
    }
    let mut members: Vec<Declared> = Vec::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        let path = format!("{path}[{i}]");
        let Json::Object(entries) = item else { return Err(expected(&path, "an object", item)) };
        if let Some(unknown) = entries.keys().find(|key| !matches!(key.as_str(), "name" | "type")) {
            return Err(TypedDataError::Unknown { path: format!("{path}.{unknown}") });
        }
        let name = text(&path, entries.get("name"), "name")?;
        let type_name = text(&path, entries.get("type"), "type")?;
        check_name(&path, name)?;
        if members.iter().any(|member| member.name == name) {
            return Err(TypedDataError::DeclaredTwice { path, name: name.into() });
        }
        let kind =
            Some(type_name).filter(|text| text.len() <= NAME_BYTES_MAX).and_then(Kind::parse);
        let Some(kind) = kind else {
            return Err(TypedDataError::UnknownType { path, type_name: type_name.into() });
        };
        members.push(Declared { name: name.into(), type_name: type_name.into(), kind });
    }
    Ok(members)
}

fn text<'a>(path: &str, json: Option<&'a Json>, key: &str) -> Result<&'a str, TypedDataError> {
    match json {
        Some(Json::Text(text)) => Ok(text),
        Some(other) => Err(expected(&format!("{path}.{key}"), "text", other)),
        None => Err(TypedDataError::Missing { path: format!("{path}.{key}") }),
    }
}

fn check_name(path: &str, name: &str) -> Result<(), TypedDataError> {
    if is_name(name) {
        Ok(())
    } else {
        Err(TypedDataError::InvalidName { path: path.into(), name: name.into() })
    }
}

/// Whether `text` is an identifier of Solidity.
fn is_name(text: &str) -> bool {
    let start = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'$');
    text.len() <= NAME_BYTES_MAX
        && text.bytes().next().is_some_and(start)
        && text.bytes().all(|byte| start(byte) || byte.is_ascii_digit())
}

fn elementary(text: &str) -> Option<Kind> {
    let bits = |digits| positive(digits).filter(|bits| bits % 8 == 0 && *bits <= 256);
    match text {
        "address" => Some(Kind::Address),
        "bool" => Some(Kind::Bool),
        "string" => Some(Kind::Text),
        "bytes" => Some(Kind::Bytes),
        _ => {
            if let Some(digits) = text.strip_prefix("uint") {
                bits(digits).map(Kind::Uint)
            } else if let Some(digits) = text.strip_prefix("int") {
                bits(digits).map(Kind::Int)
            } else {
                let length = positive(text.strip_prefix("bytes")?)?;
                (length <= 32).then_some(Kind::FixedBytes(length))
            }
        }
    }
}

/// Whether `text` would be read as an elementary type by a laxer reader (`uint`, `int7`,
/// `bytes33`): such a name may not be a struct's.
fn looks_elementary(text: &str) -> bool {
    ["uint", "int", "bytes"].iter().any(|prefix| {
        text.strip_prefix(prefix)
            .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

/// Reads a decimal number above zero in its only form.
fn positive(digits: &str) -> Option<usize> {
    let canonical = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    digits.parse().ok().filter(|_| canonical)
}

pub(super) fn expected(path: &str, expected: &str, found: &Json) -> TypedDataError {
    TypedDataError::WrongKind { path: path.into(), expected: expected.into(), found: found.kind() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_type_names_are_types() {
        assert_eq!(Kind::parse("bytes32"), Some(Kind::FixedBytes(32)));
        assert_eq!(Kind::parse("int256"), Some(Kind::Int(256)));
        assert_eq!(
            Kind::parse("Person[2][]"),
            Some(Kind::Array(
                Box::new(Kind::Array(Box::new(Kind::Struct("Person".into())), Some(2))),
                None
            ))
        );
        for text in [
            "",
            "uint",
            "int",
            "uint0",
            "uint7",
            "uint264",
            "uint08",
            "bytes0",
            "bytes33",
            "[]",
            "Person[",
            "Person]",
            "Person[0]",
            "Person[-1]",
            "Person[01]",
            "Person[]x",
            "a b",
            "uint256 ",
            "Person[99999999999999999999999]",
            "caf\u{e9}",
            "1a",
        ] {
            assert_eq!(Kind::parse(text), None, "{text}");
        }
    }
}
