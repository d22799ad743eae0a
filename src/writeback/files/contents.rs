//! The bytes of a file, read as YAML once.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::OnceLock;

use super::yaml::Refusal;
use super::yaml::Yaml;

/// The bytes of a file, which are read once however often somebody asks what they say: reading is what costs time where
/// hundreds of Applications are in one repository. Cheap to clone; two are equal if their bytes are.
#[derive(Clone)]
pub(crate) struct Contents(Arc<Inner>);

struct Inner {
    bytes: Box<[u8]>,
    yaml: OnceLock<Result<Yaml, Refusal>>,
}

impl Contents {
    pub(super) fn yaml(&self) -> Result<&Yaml, Refusal> {
        self.0.yaml.get_or_init(|| Yaml::read(&self.0.bytes)).as_ref().map_err(Clone::clone)
    }
}

impl<T: Into<Box<[u8]>>> From<T> for Contents {
    fn from(bytes: T) -> Self {
        Self(Arc::new(Inner { bytes: bytes.into(), yaml: OnceLock::new() }))
    }
}

impl Deref for Contents {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0.bytes
    }
}

impl PartialEq for Contents {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.bytes == other.0.bytes
    }
}

impl Eq for Contents {}

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.bytes.len())
    }
}
