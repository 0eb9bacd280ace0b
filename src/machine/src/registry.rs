//! What a program knows: types, models and targets. The binary fills it; tests fill it with a few.

use hetemu_hw::{Family, Model};
use hetemu_isa::Target;
use hetemu_schema::{Catalog, DeviceType};
use std::collections::BTreeMap;

/// Types, models and targets.
pub struct Registry {
    catalog: Catalog,
    models: BTreeMap<(&'static str, u32), Model>,
    targets: Vec<Box<dyn Target>>,
}

impl Registry {
    /// Collects families of devices, further types (cores), and targets.
    pub fn new(
        families: impl IntoIterator<Item = Family>,
        types: impl IntoIterator<Item = &'static DeviceType>,
        targets: Vec<Box<dyn Target>>,
    ) -> Registry {
        let mut all: Vec<&'static DeviceType> = types.into_iter().collect();
        all.extend(crate::BOOT_TYPES);
        let mut models = BTreeMap::new();
        for family in families {
            all.extend(family.types);
            models.extend(family.models.iter().map(|m| ((m.ty.name, m.ty.version), *m)));
        }
        Registry { catalog: Catalog::new(all), models, targets }
    }

    /// Every type.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The model of a type, if it has one.
    pub fn model(&self, ty: &DeviceType) -> Option<&Model> {
        self.models.get(&(ty.name, ty.version))
    }

    /// The target of a name.
    pub fn target(&self, isa: &str) -> Option<&dyn Target> {
        self.targets.iter().find(|t| t.name() == isa).map(|t| &**t)
    }

    /// Every target.
    pub fn targets(&self) -> impl Iterator<Item = &dyn Target> {
        self.targets.iter().map(|t| &**t)
    }
}
