//! From a region to machine code. Knows nothing of a cluster, so that it can work on any thread.

use super::codegen::Generator;
use super::region::Region;
use super::{Paths, Runtime};
use cranelift_codegen::control::ControlPlane;
use cranelift_codegen::ir::{AbiParam, Block, Function, InstBuilder, Signature, Value, types};
use cranelift_codegen::isa::{CallConv, OwnedTargetIsa};
use cranelift_codegen::settings::{self, Configurable};
use cranelift_codegen::{CodegenError, Context};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use hetemu_isa::Layout;
use std::sync::Arc;

/// A region to compile, with all that its code refers to.
#[derive(Debug)]
pub(crate) struct Job {
    /// Names the job.
    pub(crate) id: u64,
    pub(crate) region: Region,
    pub(crate) layout: Arc<Layout>,
    pub(crate) runtime: Runtime,
    pub(crate) paths: Paths,
    /// Addresses that the region leaves to, and the words that lead there.
    pub(crate) links: Vec<(u64, usize)>,
}

/// Cranelift, set up for the host.
pub(crate) struct Compiler {
    isa: OwnedTargetIsa,
    /// For what must not be optimised.
    plain: OwnedTargetIsa,
    context: Context,
    builder: FunctionBuilderContext,
    fma: bool,
}

impl Compiler {
    /// Makes a compiler for the host. None if the host cannot run compiled code.
    pub(crate) fn new() -> Option<Compiler> {
        let isa = |level: &str| {
            let mut flags = settings::builder();
            let verify = if cfg!(debug_assertions) { "true" } else { "false" };
            for (name, value) in [
                ("opt_level", level),
                ("is_pic", "false"),
                ("unwind_info", "false"),
                ("enable_probestack", "false"),
                ("preserve_frame_pointers", "true"),
                ("enable_verifier", verify),
            ] {
                flags.set(name, value).ok()?;
            }
            cranelift_native::builder().ok()?.finish(settings::Flags::new(flags)).ok()
        };
        let (isa, plain) = (isa("speed")?, isa("none")?);
        let fma = isa.isa_flags().iter().any(|f| f.name == "has_fma" && f.as_bool() == Some(true));
        let (context, builder) = (Context::new(), FunctionBuilderContext::new());
        Some(Compiler { isa, plain, context, builder, fma })
    }

    /// Compiles a region; none if Cranelift refuses it.
    pub(crate) fn region(&mut self, job: &Job) -> Option<Vec<u8>> {
        let mut func = Function::with_name_signature(Default::default(), tail_signature());
        let b = FunctionBuilder::new(&mut func, &mut self.builder);
        let optimise = Generator::new(b, job, self.fma).run(self.isa.frontend_config());
        self.finish(func, optimise).ok()
    }

    /// Compiles a function of one block, whose parameters `body` gets.
    fn function(
        &mut self,
        signature: Signature,
        body: impl FnOnce(&mut FunctionBuilder<'_>, &[Value]),
    ) -> Option<Vec<u8>> {
        let mut func = Function::with_name_signature(Default::default(), signature);
        let mut b = FunctionBuilder::new(&mut func, &mut self.builder);
        let block: Block = b.create_block();
        b.append_block_params_for_function_params(block);
        b.switch_to_block(block);
        b.seal_block(block);
        let params = b.block_params(block).to_vec();
        body(&mut b, &params);
        b.finalize(self.isa.frontend_config());
        self.finish(func, false).ok()
    }

    fn finish(&mut self, func: Function, optimise: bool) -> Result<Vec<u8>, CodegenError> {
        let isa = if optimise { &self.isa } else { &self.plain };
        self.context.clear();
        self.context.func = func;
        let compiled =
            self.context.compile(&**isa, &mut ControlPlane::default()).map_err(|e| e.inner)?;
        Ok(compiled.code_buffer().to_vec())
    }

    /// From C to the convention of compiled code.
    pub(crate) fn trampoline(&mut self) -> Option<Vec<u8>> {
        let mut signature = signature(CallConv::SystemV, 3);
        signature.returns.push(AbiParam::new(types::I64));
        self.function(signature, |b, params| {
            let tail = b.import_signature(tail_signature());
            let call = b.ins().call_indirect(tail, params[2], &params[..2]);
            let left = b.inst_results(call)[0];
            b.ins().return_(&[left]);
        })
    }

    /// Where links lead whose target has no code.
    pub(crate) fn stub(&mut self) -> Option<Vec<u8>> {
        self.function(tail_signature(), |b, params| {
            b.ins().return_(&[params[1]]);
        })
    }

    /// A function that preserves all registers around a C function.
    pub(crate) fn thunk(&mut self, words: usize, target: usize) -> Option<Vec<u8>> {
        self.function(signature(CallConv::PreserveAll, words), |b, params| {
            let c = b.import_signature(signature(CallConv::SystemV, words));
            let target = b.ins().iconst(types::I64, target as i64);
            b.ins().call_indirect(c, target, params);
            b.ins().return_(&[]);
        })
    }
}

/// So many words in, nothing out.
pub(super) fn signature(conv: CallConv, params: usize) -> Signature {
    let mut s = Signature::new(conv);
    s.params = vec![AbiParam::new(types::I64); params];
    s
}

/// Of compiled code.
pub(super) fn tail_signature() -> Signature {
    let mut s = signature(CallConv::Tail, 2);
    s.returns.push(AbiParam::new(types::I64));
    s
}
