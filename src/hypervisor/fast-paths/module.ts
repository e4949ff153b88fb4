/** The module of fast paths: one function that the processor calls at each exit. */
import { HYPERVISOR } from "../../abi/hypercall.ts";
import { ExitReason, FAST_EXIT_IMPORTS } from "../../machine/processor.ts";
import { i32, type Local, ValType } from "../../machine/wasm/expression.ts";
import type { Fn } from "../../machine/wasm/function.ts";
import { type FunctionRef, ModuleBuilder } from "../../machine/wasm/module.ts";
import { cpuState, EXC_GP, EXC_PF, FLAG_AC, FLAG_TF, RAX } from "../../machine/x86/state.ts";
import { Context, gpr32, type Imports, RECORD, state32, TRAPS } from "./context.ts";
import { defineBounce, emitGuestSyscall } from "./enter-kernel.ts";
import { emitPageFault, emitReadGsBase } from "./exceptions.ts";
import { emitSimpleHypercalls, emitTrace } from "./hypercalls.ts";
import { emitIret } from "./iret.ts";
import { definePrepareSegment } from "./segments.ts";

/** Exits between two looks at the clock, wherever they are served: guests make most of them in about a microsecond. */
export const EXITS_PER_CLOCK = 64;

const ST = cpuState.offset;
const ZERO = i32.const(0);

/**
 * Generates the module, which exports `serve`.
 * @param record machine address of the fastPathRecord
 * @param pages of 64 KiB of machine memory
 */
export function generateFastPaths(record: number, pages: number): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder();
  module.importMemory(pages);
  const imports = Object.fromEntries(
    Object.entries(FAST_EXIT_IMPORTS).map(([name, { params, results }]) => [
      name,
      module.importFunction(
        name,
        params.map((type) => ValType[type]),
        results.map((type) => ValType[type]),
      ),
    ]),
  ) as unknown as Imports;
  const bounce = defineBounce(module, imports, record);
  const prepareSegment = definePrepareSegment(module, imports, record);
  module.define(module.declare([], [ValType.i32], "serve"), (fn) =>
    emitServe(fn, new Context(fn, imports, record), bounce, prepareSegment),
  );
  return module.encode();
}

function emitServe(fn: Fn, c: Context, bounce: FunctionRef, prepareSegment: FunctionRef): void {
  c.leaveIf(i32.eqz(c.vcpu));
  // With less left, the run ends at another place if it is begun anew.
  c.leaveIf(i32.leS(state32(ST.budget), i32.const(1)));
  const exits = fn.let(i32.add(c.record32(RECORD.exits_unclocked), i32.const(1)));
  c.leaveIf(i32.geU(exits, i32.const(EXITS_PER_CLOCK)));
  c.leaveIf(i32.and(state32(ST.rflags_system), i32.const(FLAG_TF | FLAG_AC)));
  c.leaveIf(i32.load8u(c.vcpu, TRAPS.nmi_pending));

  const served: Local = fn.let(ZERO);
  const reason = fn.let(state32(ST.exit_reason));
  fn.if(i32.eq(reason, i32.const(ExitReason.Syscall)), () =>
    fn.if(
      c.kernelMode(),
      () => {
        const number = fn.let(gpr32(RAX));
        fn.if(
          i32.eq(number, i32.const(HYPERVISOR.iret)),
          () => {
            emitIret(c, prepareSegment, () => emitTrace(c, HYPERVISOR.iret, undefined));
            fn.set(served, i32.const(1));
          },
          () => emitSimpleHypercalls(c, number, served),
        );
      },
      () => emitGuestSyscall(c, bounce, served),
    ),
  );
  fn.if(i32.eq(reason, i32.const(ExitReason.Exception)), () => {
    const vector = fn.let(state32(ST.exit_vector));
    fn.if(i32.eq(vector, i32.const(EXC_PF)), () => emitPageFault(c, bounce, served));
    fn.if(i32.eq(vector, i32.const(EXC_GP)), () => emitReadGsBase(c, served));
  });
  fn.if(served, () => {
    c.setRecord32(RECORD.exits_unclocked, exits);
    c.count(RECORD.exits, reason);
    c.count(RECORD.served);
  });
  fn.result(served);
}
