//! The phases of a machine before it runs, one type each.

use crate::boot::{self, Files, ImageArg, Loads};
use crate::build;
use crate::htif::Htif;
use crate::observe::Loaded;
use crate::plug::{Hosts, Stores};
use crate::registry::Registry;
use crate::report::Report;
use crate::run::Running;
use crate::spaces::{self, Memories};
use crate::wiring::Routes;
use crate::world::{PlugState, Slot, World};
use hetemu_engine::{Cluster, EngineConfig, Space};
use hetemu_graph::{BusId, Graph, PartId};
use hetemu_isa::{CoreConfig, Cpu};
use hetemu_loader::Symbols;
use hetemu_schema::Signal;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How a machine is run: policy of the host, nothing that the graph says.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// How cores are executed.
    pub engine: EngineConfig,
    /// Stop at the first access that nothing really answers; the machine's own setting asks for it
    /// too.
    pub strict: bool,
    /// Answer the guest's semihosting calls; `None`: as the machine's own setting says.
    pub semihosting: Option<bool>,
    /// Seed of everything random in the machine; 0: the machine's own setting, if it has one.
    pub seed: u64,
    /// Seconds since 1970 at virtual time 0.
    pub unix_time: u64,
    /// What semihosting's SYS_GET_CMDLINE answers.
    pub cmdline: String,
}

/// A core's facts.
#[derive(Debug, Clone)]
pub(crate) struct CoreInfo {
    #[allow(dead_code)]
    pub(crate) part: PartId,
    pub(crate) config: CoreConfig,
    pub(crate) isa: &'static str,
    pub(crate) ps_per_insn: u64,
}

impl CoreInfo {
    /// Virtual time of an instruction at a frequency.
    pub(crate) fn period(hz: u64) -> u64 {
        (hetemu_hw::time::SECOND / hz.max(1)).max(1)
    }
}

/// A graph: what the machine is to be.
pub struct Declared {
    graph: Graph,
}

/// Everything that the graph names exists in this program.
pub struct Checked {
    graph: Graph,
    registry: Arc<Registry>,
}

/// All objects are made; nothing is connected.
pub struct Created {
    graph: Graph,
    registry: Arc<Registry>,
    options: Options,
    slots: Vec<Slot>,
    slot_of: BTreeMap<PartId, usize>,
    memories: Memories,
    cpus: Vec<Vec<Box<dyn Cpu>>>,
    infos: Vec<Vec<CoreInfo>>,
    plugs: Vec<PlugState>,
    stores: Stores,
}

/// Wires, plugs and child buses are connected.
pub struct Wired {
    created: Created,
    routes: Routes,
}

/// Views are laid out and clusters made: the configuration is fixed. Images can be loaded.
pub struct Realized {
    pub(crate) graph: Graph,
    /// The graph's clusters, if it was given others: those of parallel cores.
    pub(crate) declared: Option<Vec<hetemu_graph::Cluster>>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) options: Options,
    pub(crate) memories: Memories,
    /// By cluster: its bus, its view, its cores' names.
    pub(crate) views: Vec<BusId>,
    pub(crate) spaces: Vec<Arc<Space>>,
    pub(crate) core_names: Vec<Vec<String>>,
    pub(crate) infos: Vec<Vec<CoreInfo>>,
    pub(crate) clusters: Vec<Cluster>,
    pub(crate) world: World,
    pub(crate) loads: Loads,
    /// Entries of images: cluster, address, whether it is the command line's choice.
    pub(crate) entries: Vec<(usize, u64, bool)>,
    pub(crate) symbols: Symbols,
    pub(crate) loaded: Vec<Loaded>,
    pub(crate) htif: Option<Htif>,
    /// Names of parts that were taken out.
    pub(crate) unplugged: BTreeSet<String>,
}

/// Images lie in memory; the machine waits before its first instruction.
pub struct Ready(pub(crate) Realized);

impl Declared {
    /// Takes a graph that the checker has passed.
    pub fn new(graph: Graph) -> Declared {
        Declared { graph }
    }

    /// Looks for everything that the machine needs: models and targets. Gives all that is missing.
    pub fn check(self, registry: Arc<Registry>) -> Result<Checked, Vec<Report>> {
        let missing = build::missing(&self.graph, &registry);
        if missing.is_empty() { Ok(Checked { graph: self.graph, registry }) } else { Err(missing) }
    }
}

impl Checked {
    /// The graph.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// Makes every object. `hosts` are the host's ends of plugs; those of serial plugs alone will
    /// do.
    pub fn create(self, options: Options, hosts: impl Into<Hosts>) -> Result<Created, Report> {
        let Checked { graph, registry } = self;
        let mut hosts = hosts.into();
        let (block, folder) = (std::mem::take(&mut hosts.block), std::mem::take(&mut hosts.folder));
        let stores = Stores { block, folder };
        let plugs = build::plugs(&graph, hosts);
        let memories = build::memories(&graph)?;
        let (slots, slot_of) = build::slots(&graph, &registry, &plugs, &stores)?;
        let (cpus, infos) = build::cores(&graph, &registry, &options)?;
        Ok(Created {
            graph,
            registry,
            options,
            slots,
            slot_of,
            memories,
            cpus,
            infos,
            plugs,
            stores,
        })
    }
}

impl Created {
    /// Connects wires, plugs and functions on child buses.
    pub fn wire(mut self) -> Wired {
        let mut cores = BTreeMap::new();
        for (c, cluster) in self.graph.clusters.iter().enumerate() {
            cores.extend(cluster.cores.iter().enumerate().map(|(i, id)| (*id, (c, i))));
        }
        let routes = Routes::new(&self.graph, &self.slot_of, &cores);
        for (slot, s) in self.slots.iter().enumerate() {
            for (link, plug) in s.links.iter().enumerate() {
                if let Some(state) = plug.and_then(|p| self.plugs.get_mut(p)) {
                    state.at.get_or_insert((slot, link as u32));
                }
            }
        }
        for slot in 0..self.slots.len() {
            let Some(part) = self.slots.get(slot).map(|s| s.part) else { continue };
            let Some((parent, _, unit)) = &self.graph.part(part).on else { continue };
            let Some(parent) = self.slot_of.get(parent).copied() else { continue };
            if let Some(p) = self.slots.get_mut(parent) {
                p.children.insert(unit.clone(), slot);
            }
            if let Some(s) = self.slots.get_mut(slot) {
                s.parent = Some((parent, unit.clone()));
            }
        }
        Wired { created: self, routes }
    }
}

impl Wired {
    /// Lays out what every initiator sees, and makes the clusters. Nothing can be configured any
    /// more.
    pub fn realize(self) -> Result<Realized, Report> {
        let Created {
            graph,
            registry,
            mut options,
            mut slots,
            slot_of,
            memories,
            cpus,
            infos,
            plugs,
            stores,
        } = self.created;
        let mut seen: BTreeMap<BusId, Arc<Space>> = BTreeMap::new();
        let mut view = |bus: BusId| -> Arc<Space> {
            let make = || Arc::new(spaces::view(&graph, bus, &slot_of, &memories));
            seen.entry(bus).or_insert_with(make).clone()
        };
        for slot in &mut slots {
            let part = graph.part(slot.part);
            let ports = slot.ty.masters.iter();
            let own = memories.iter().filter(|((id, _), _)| *id == slot.part);
            slot.memories = own.map(|((_, region), ram)| (*region, ram.clone())).collect();
            slot.views = ports.map(|m| part.masters.get(m.name).map(|bus| view(*bus))).collect();
        }
        let (mut views, mut all, mut names, mut clusters) = (vec![], vec![], vec![], vec![]);
        for (cluster, cpus) in graph.clusters.iter().zip(cpus) {
            let first = cluster.cores.first().map(|id| graph.part(*id));
            let port = first.and_then(|p| p.ty.masters.first().and_then(|m| p.masters.get(m.name)));
            let Some(bus) = port.copied() else {
                return Err(Report::new("E0901", format!("`{}` has no bus", cluster.name)));
            };
            let space = view(bus);
            views.push(bus);
            let mut live = Cluster::new(options.engine.clone(), space.clone(), cpus);
            let inputs = first.map_or(&[][..], |part| part.ty.inputs);
            if let Some(hold) = inputs.iter().position(|i| i.name == Signal::HOLD.name) {
                live.hold_by(hold as u32);
            }
            clusters.push(live);
            all.push(space);
            names.push(
                cluster.cores.iter().map(|id| graph.part(*id).name.clone()).collect::<Vec<_>>(),
            );
        }
        for (c, cluster) in clusters.iter_mut().enumerate() {
            let others = all.iter().enumerate().filter(|(i, _)| *i != c);
            let others: Vec<&Space> = others.map(|(_, space)| &**space).collect();
            if !others.is_empty() {
                cluster.among(&others);
            }
        }
        let mut world = World::new(slots, plugs, names.clone());
        world.traces = traces(&graph, &world);
        world.routes = self.routes;
        world.stores = stores;
        let says = |name: &str| graph.settings.get(name).and_then(|v| v.as_bool());
        world.strict = options.strict || says("strict").unwrap_or(false);
        world.semihosting = options.semihosting.or(says("semihosting")).unwrap_or(false);
        let seed = graph.settings.get("seed").and_then(|v| v.as_int());
        if options.seed == 0 {
            options.seed = seed.unwrap_or(0);
        }
        world.cmdline = options.cmdline.clone();
        world.random = options.seed;
        world.wall_ns = options.unix_time.wrapping_mul(1_000_000_000);
        Ok(Realized {
            graph,
            declared: None,
            registry,
            options,
            memories,
            views,
            spaces: all,
            core_names: names,
            infos,
            clusters,
            world,
            loads: Loads::default(),
            entries: Vec::new(),
            symbols: Symbols::default(),
            loaded: Vec::new(),
            htif: None,
            unplugged: BTreeSet::new(),
        })
    }
}

/// The plugs at the links of cores.
fn traces(graph: &Graph, world: &World) -> BTreeMap<(usize, usize), usize> {
    let mut out = BTreeMap::new();
    for (c, cluster) in graph.clusters.iter().enumerate() {
        for (i, id) in cluster.cores.iter().enumerate() {
            let plug = graph.part(*id).links.values().next();
            let at = plug.and_then(|name| world.plugs.iter().position(|p| p.name == *name));
            out.extend(at.map(|at| ((c, i), at)));
        }
    }
    out
}

impl Realized {
    /// A core's clock may be another now.
    pub(crate) fn pace(&mut self, cluster: usize, core: usize) {
        let info = self.infos.get_mut(cluster).and_then(|i| i.get_mut(core));
        let cpu = self.clusters.get_mut(cluster).map(|c| c.cpu_mut(core).0);
        if let (Some(info), Some(hz)) = (info, cpu.and_then(|cpu| cpu.clock_hz())) {
            info.ps_per_insn = CoreInfo::period(hz);
        }
    }

    /// The machine without anything in its memories: to look at saved states, not to run.
    pub fn start_empty(self) -> Running {
        Running::start(self)
    }

    /// Loads the images that the text links, what boot parts ask for, and those of the command
    /// line.
    pub fn load(mut self, images: &[ImageArg], files: &dyn Files) -> Result<Ready, Report> {
        boot::prepare(&mut self, images, files)?;
        self.world.htif = self.htif.take();
        Ok(Ready(self))
    }
}

impl Ready {
    /// Resets everything; the next step runs the first instruction.
    pub fn start(self) -> Running {
        Running::start(self.0)
    }

    /// The graph.
    pub fn graph(&self) -> &Graph {
        &self.0.graph
    }
}
