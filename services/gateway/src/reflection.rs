//! Selects the descriptors for reflection on the public port: the contract `aikagi.edge.v1` and its imports.

use std::collections::BTreeMap;

use prost::encoding::{WireType, encode_key, encode_varint};
use prost_reflect::{DescriptorPool, FileDescriptor};

const EDGE_PACKAGE: &str = "aikagi.edge.v1";

/// The number of the field `FileDescriptorSet.file`.
const FILE_FIELD: u32 = 1;

/// Returns the files of `aikagi.edge.v1` and their imports from an encoded `FileDescriptorSet`. The files keep their
/// options.
pub(crate) fn edge_descriptors(all: &[u8]) -> anyhow::Result<Vec<u8>> {
    let pool = DescriptorPool::decode(all)?;
    let mut files = BTreeMap::new();
    for file in pool
        .files()
        .filter(|file| file.package_name() == EDGE_PACKAGE)
    {
        collect(&file, &mut files);
    }
    let mut set = Vec::new();
    for file in files.into_values() {
        encode_key(FILE_FIELD, WireType::LengthDelimited, &mut set);
        encode_varint(file.len().try_into()?, &mut set);
        set.extend(file);
    }
    Ok(set)
}

fn collect(file: &FileDescriptor, files: &mut BTreeMap<String, Vec<u8>>) {
    if files.contains_key(file.name()) {
        return;
    }
    files.insert(file.name().to_owned(), file.encode_to_vec());
    for import in file.dependencies() {
        collect(&import, files);
    }
}

#[cfg(test)]
mod tests {
    use aikagi_mesh::policy::Policies;

    use super::*;

    /// INV-7: reflection on the public port shows only services that the port serves.
    #[test]
    fn only_the_edge_is_shown() {
        let set = edge_descriptors(aikagi_api::DESCRIPTORS).unwrap();
        let pool = DescriptorPool::decode(set.as_slice()).unwrap();
        let services: Vec<String> = pool
            .services()
            .map(|service| service.full_name().to_owned())
            .collect();
        assert_eq!(services, ["aikagi.edge.v1.SubscriberService"]);
        // The descriptors keep their options.
        assert!(
            Policies::from_descriptors(&set)
                .unwrap()
                .methods()
                .all(|(_, method)| method.policy.public)
        );
    }
}
