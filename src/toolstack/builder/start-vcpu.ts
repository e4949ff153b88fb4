/** The state in which a PV64 domain's first vCPU starts. */
import { FLAT_KERNEL_CS64, FLAT_KERNEL_SS64, VGCF_in_kernel, VGCF_online } from "../../abi/xen.ts";
import { type GuestContext, newGuestContext } from "../../hypervisor/initialise-vcpu.ts";
import { PAGE_SHIFT } from "../../machine/memory.ts";
import { FLAG_IF } from "../../machine/x86/state.ts";

export interface StartOfDay {
  readonly entry: bigint;
  /** Virtual address of start_info: the kernel finds it in RSI. */
  readonly startInfo: bigint;
  /** End of the boot stack. */
  readonly stackEnd: bigint;
  /** Machine frame of the L4 table. */
  readonly root: number;
}

/** The context of the first vCPU. Other registers, tables and callbacks are zero; the FPU is as after a reset. */
export function startContext({ entry, startInfo, stackEnd, root }: StartOfDay): GuestContext {
  const context = newGuestContext();
  context.flags = BigInt(VGCF_in_kernel | VGCF_online);
  const regs = context.user_regs;
  regs.rip = entry;
  regs.rsi = startInfo;
  regs.rsp = stackEnd;
  regs.rflags = BigInt(FLAG_IF);
  regs.cs = FLAT_KERNEL_CS64;
  regs.ss = FLAT_KERNEL_SS64;
  context.kernel_ss = BigInt(FLAT_KERNEL_SS64);
  context.kernel_sp = stackEnd;
  context.ctrlreg.set(3, BigInt(root) << BigInt(PAGE_SHIFT));
  return context;
}
