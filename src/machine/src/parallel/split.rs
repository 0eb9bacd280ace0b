//! From clusters of several cores to a cluster a core.

use crate::phases::Realized;
use crate::trouble::Watch;
use std::collections::BTreeMap;

impl Realized {
    /// Gives each core a cluster of its own, under the core's name. Nothing has run yet.
    pub(crate) fn split_clusters(&mut self) {
        let mut number = BTreeMap::new();
        for (c, names) in self.core_names.iter().enumerate() {
            for core in 0..names.len() {
                number.insert((c, core), number.len());
            }
        }
        self.clusters = std::mem::take(&mut self.clusters)
            .into_iter()
            .flat_map(hetemu_engine::Cluster::split)
            .collect();
        let sizes: Vec<usize> = self.core_names.iter().map(Vec::len).collect();
        self.views = repeat(&self.views, &sizes);
        self.spaces = repeat(&self.spaces, &sizes);
        self.core_names = single(&self.core_names);
        self.infos = single(&self.infos);
        let declared = self.graph.clusters.clone();
        self.graph.clusters = declared
            .iter()
            .flat_map(|c| c.cores.iter())
            .map(|id| hetemu_graph::Cluster {
                name: self.graph.part(*id).name.clone(),
                cores: vec![*id],
            })
            .collect();
        self.declared = Some(declared);
        let at = |c: usize, core: usize| number.get(&(c, core)).copied();
        let world = &mut self.world;
        world.core_names = self.core_names.clone();
        world.watches = number.iter().map(|_| vec![Watch::default()]).collect();
        world.traps = number.iter().map(|_| vec![Default::default()]).collect();
        world.last_unanswered = number.iter().map(|_| vec![None]).collect();
        world.routes.renumber(|c, core| at(c, core).map(|n| (n, 0)));
    }
}

/// Each of `all` as often as its cluster had cores.
fn repeat<T: Clone>(all: &[T], sizes: &[usize]) -> Vec<T> {
    all.iter().zip(sizes).flat_map(|(t, n)| std::iter::repeat_n(t.clone(), *n)).collect()
}

/// Rows of one.
fn single<T: Clone>(rows: &[Vec<T>]) -> Vec<Vec<T>> {
    rows.iter().flatten().map(|t| vec![t.clone()]).collect()
}
