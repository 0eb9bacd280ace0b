//! Tier 1: regions of hot blocks, compiled by Cranelift.
//!
//! A region is a function over its core's [`Frame`]: guest slots are SSA variables, loaded at the
//! entry and stored at exits, all of which are cold blocks. Whatever is surprising (a device, a
//! fault, a store into code, the end of the budget inside a block) leaves with the address of that
//! instruction and an exact count, and the interpreter goes on: there is one implementation of all
//! that.
//!
//! Exits to a known address of the same page go through an 8-byte slot that holds the exit stub
//! until that address is compiled; others through the core's jump table.

mod arena;
mod calls;
mod codegen;
mod entry;
mod floats;
mod ints;
mod memory;
pub(crate) mod region;

pub(crate) use entry::{SlowCx, enter};

use crate::cache::BlockKey;
use crate::cluster::CodeRange;
use arena::Arena;
use codegen::Generator;
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::ir::{AbiParam, Function, InstBuilder, Signature, types};
use cranelift_codegen::isa::{CallConv, OwnedTargetIsa};
use cranelift_codegen::settings::{self, Configurable};
use cranelift_codegen::{CodegenError, Context};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use hetemu_isa::Layout;
use region::Region;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Bytes of compiled code that a cluster may have.
const ARENA: usize = 64 << 20;

/// Addresses that compiled code is linked with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Runtime {
    /// `extern "C" fn(frame, left, code) -> left`
    pub(crate) trampoline: usize,
    /// `tail fn(frame, left) -> left` that returns at once.
    pub(crate) stub: usize,
    memory: usize,
    calc: usize,
    /// Other cores run at the same time.
    parallel: bool,
    call: usize,
}

/// The compiler of a cluster and its code.
pub(crate) struct Jit {
    isa: OwnedTargetIsa,
    context: Context,
    builder: FunctionBuilderContext,
    arena: Arena,
    keep: usize,
    pub(crate) runtime: Runtime,
    /// What links to an address go through.
    slots: HashMap<BlockKey, usize>,
    chunks: Vec<Box<[AtomicUsize]>>,
    used: usize,
    /// Time spent compiling.
    spent: Duration,
    /// What was compiled, if that is recorded.
    record: Option<Vec<CodeRange>>,
}

const CHUNK: usize = 1024;

/// Code of a region.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compiled {
    pub(crate) code: usize,
    pub(crate) insns: u32,
}

impl Jit {
    /// Makes a compiler for the host. None if the host cannot run compiled code.
    pub(crate) fn new(parallel: bool) -> Option<Jit> {
        let mut flags = settings::builder();
        let verify = if cfg!(debug_assertions) { "true" } else { "false" };
        for (name, value) in [
            ("opt_level", "none"),
            ("is_pic", "false"),
            ("unwind_info", "false"),
            ("enable_probestack", "false"),
            ("preserve_frame_pointers", "true"),
            ("enable_verifier", verify),
        ] {
            flags.set(name, value).ok()?;
        }
        let isa = cranelift_native::builder().ok()?.finish(settings::Flags::new(flags)).ok()?;
        let mut jit = Jit {
            isa,
            context: Context::new(),
            builder: FunctionBuilderContext::new(),
            arena: Arena::new(ARENA).ok()?,
            keep: 0,
            runtime: Runtime { trampoline: 0, stub: 0, memory: 0, calc: 0, call: 0, parallel },
            slots: HashMap::new(),
            chunks: Vec::new(),
            used: 0,
            spent: Duration::ZERO,
            record: None,
        };
        jit.runtime.trampoline = jit.trampoline().ok()?;
        jit.runtime.stub = jit.stub().ok()?;
        jit.runtime.memory = jit.thunk(4, entry::slow_memory as *const () as usize).ok()?;
        jit.runtime.calc = jit.thunk(5, entry::slow_calc as *const () as usize).ok()?;
        jit.runtime.call = jit.thunk(5, calls::slow_call as *const () as usize).ok()?;
        jit.keep = jit.arena.used();
        Some(jit)
    }

    /// Whether code must be dropped before more is compiled.
    pub(crate) fn is_full(&self) -> bool {
        self.arena.used() + (1 << 20) > ARENA
    }

    /// Host time spent compiling, in ns.
    pub(crate) fn spent_ns(&self) -> u64 {
        self.spent.as_nanos() as u64
    }

    /// Has compiled code noted from now on.
    pub(crate) fn record(&mut self) {
        self.record.get_or_insert_default();
    }

    /// Compiled code since then.
    pub(crate) fn recorded(&self) -> &[CodeRange] {
        self.record.as_deref().unwrap_or_default()
    }

    /// Bytes of code.
    pub(crate) fn code_bytes(&self) -> usize {
        self.arena.used()
    }

    /// The slot that links to an address go through.
    fn slot(&mut self, key: BlockKey) -> usize {
        if let Some(slot) = self.slots.get(&key) {
            return *slot;
        }
        if self.used.is_multiple_of(CHUNK) {
            let stub = self.runtime.stub;
            self.chunks.push((0..CHUNK).map(|_| AtomicUsize::new(stub)).collect());
        }
        let chunk = &self.chunks[self.used / CHUNK];
        let slot = std::ptr::from_ref(&chunk[self.used % CHUNK]) as usize;
        self.used += 1;
        self.slots.insert(key, slot);
        slot
    }

    /// Has links to an address lead to its code, or to the exit stub.
    pub(crate) fn set_slot(&mut self, key: BlockKey, code: Option<usize>) {
        let code = code.unwrap_or(self.runtime.stub);
        let Some(slot) = self.slots.get(&key) else {
            if code != self.runtime.stub {
                self.slot(key);
                self.set_slot(key, Some(code));
            }
            return;
        };
        let size = CHUNK * size_of::<AtomicUsize>();
        for chunk in &self.chunks {
            let at = slot.wrapping_sub(chunk.as_ptr() as usize);
            if at < size {
                chunk[at / size_of::<AtomicUsize>()].store(code, Relaxed);
            }
        }
    }

    /// Drops all code. None may be running.
    pub(crate) fn clear(&mut self) {
        self.arena.reset(self.keep);
        self.slots.clear();
        self.chunks.clear();
        self.used = 0;
    }

    /// Compiles a region; none if there is no room left, or Cranelift refuses it.
    pub(crate) fn compile(&mut self, region: &Region, layout: &Layout) -> Option<Compiled> {
        let started = Instant::now();
        let mut func = Function::with_name_signature(Default::default(), tail_signature());
        let links = region.outside().map(|pc| (pc, self.slot(region.key_of(pc)))).collect();
        let mut context = std::mem::take(&mut self.builder);
        let b = FunctionBuilder::new(&mut func, &mut context);
        let fma =
            self.isa.isa_flags().iter().any(|f| f.name == "has_fma" && f.as_bool() == Some(true));
        Generator::new(b, region, layout, self.runtime, links, fma).run(self.isa.frontend_config());
        self.builder = context;
        let finished = self.finish(func);
        self.spent += started.elapsed();
        let (code, insns) = (finished.ok()?, region.insns());
        if let Some(record) = &mut self.record {
            let len = self.context.compiled_code().map_or(0, |c| c.code_buffer().len());
            record.push(CodeRange { host: code, len, va: region.head.va, insns });
        }
        Some(Compiled { code, insns })
    }

    fn finish(&mut self, func: Function) -> Result<usize, CodegenError> {
        self.context.clear();
        self.context.func = func;
        let compiled =
            self.context.compile(&*self.isa, &mut ControlPlane::default()).map_err(|e| e.inner)?;
        self.arena.put(compiled.code_buffer()).ok_or(CodegenError::CodeTooLarge)
    }

    fn build(
        &mut self,
        signature: Signature,
        body: impl FnOnce(&mut FunctionBuilder<'_>),
    ) -> Result<usize, CodegenError> {
        let mut func = Function::with_name_signature(Default::default(), signature);
        let mut b = FunctionBuilder::new(&mut func, &mut self.builder);
        let block = b.create_block();
        b.append_block_params_for_function_params(block);
        b.switch_to_block(block);
        b.seal_block(block);
        body(&mut b);
        b.finalize(self.isa.frontend_config());
        self.finish(func)
    }

    /// From C to the convention of compiled code.
    fn trampoline(&mut self) -> Result<usize, CodegenError> {
        let mut signature = signature(CallConv::SystemV, 3);
        signature.returns.push(AbiParam::new(types::I64));
        self.build(signature, |b| {
            let block = b.current_block().unwrap_or_default_block();
            let params = b.block_params(block).to_vec();
            let tail = b.import_signature(tail_signature());
            let call = b.ins().call_indirect(tail, params[2], &params[..2]);
            let left = b.inst_results(call)[0];
            b.ins().return_(&[left]);
        })
    }

    /// Where links lead whose target has no code.
    fn stub(&mut self) -> Result<usize, CodegenError> {
        self.build(tail_signature(), |b| {
            let block = b.current_block().unwrap_or_default_block();
            let left = b.block_params(block)[1];
            b.ins().return_(&[left]);
        })
    }

    /// A function that preserves all registers around a C function.
    fn thunk(&mut self, params: usize, target: usize) -> Result<usize, CodegenError> {
        self.build(signature(CallConv::PreserveAll, params), |b| {
            let block = b.current_block().unwrap_or_default_block();
            let args = b.block_params(block).to_vec();
            let c = b.import_signature(signature(CallConv::SystemV, params));
            let target = b.ins().iconst(types::I64, target as i64);
            b.ins().call_indirect(c, target, &args);
            b.ins().return_(&[]);
        })
    }
}

/// The current block of a builder that has one.
trait CurrentBlock {
    fn unwrap_or_default_block(self) -> cranelift_codegen::ir::Block;
}

impl CurrentBlock for Option<cranelift_codegen::ir::Block> {
    fn unwrap_or_default_block(self) -> cranelift_codegen::ir::Block {
        self.unwrap_or(cranelift_codegen::ir::Block::from_u32(0))
    }
}

/// So many words in, nothing out.
fn signature(conv: CallConv, params: usize) -> Signature {
    let mut s = Signature::new(conv);
    s.params = vec![AbiParam::new(types::I64); params];
    s
}

/// Of compiled code.
fn tail_signature() -> Signature {
    let mut s = signature(CallConv::Tail, 2);
    s.returns.push(AbiParam::new(types::I64));
    s
}
