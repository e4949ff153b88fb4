/**
 * A vCPU in a random state at an exit, on the real processor: what a fast path and its twin are
 * compared on. States are likely ones with something odd in them, so that both outcomes are frequent.
 */
import { VGCF_in_syscall } from "../../src/abi/arch-x86.ts";
import { switchTo } from "../../src/hypervisor/context-switch.ts";
import { Hypervisor } from "../../src/hypervisor/hypervisor.ts";
import { setGdt } from "../../src/hypervisor/mm/descriptor-window.ts";
import { PCID_KERNEL, PCID_USER } from "../../src/hypervisor/traps/mode.ts";
import type { Vcpu } from "../../src/hypervisor/vcpu.ts";
import { CPU_STATE, layOutMemory } from "../../src/machine/layout.ts";
import { MachineMemory, PAGE_SIZE } from "../../src/machine/memory.ts";
import { ExitReason } from "../../src/machine/processor.ts";
import { createProcessor, type SoftwareProcessor } from "../../src/machine/software-processor.ts";
import { CS, cpuState, EXC_GP, EXC_PF, EXC_UD, RAX, RCX, RDI, RSI, RSP, SS } from "../../src/machine/x86/state.ts";
import { DATA_PAGES, FuzzGuest } from "../fuzz/machine.ts";
import type { Random } from "../fuzz/random.ts";

const GDT_PAGE = DATA_PAGES + 5;
/** By selector / 8: null, code of 64 and 32 bits, data, read-only data, not present, conforming, both L and D. */
const DESCRIPTORS = [
  0n,
  0x00af_fb00_0000_ffffn,
  0x00cf_fb00_0000_ffffn,
  0x00cf_f300_0000_ffffn,
  0x0040_f134_5678_9abcn,
  0x00af_7b00_0000_ffffn,
  0x00af_fe00_0000_ffffn,
  0x00ef_fb00_0000_ffffn,
  0x1200_f334_5678_9abcn,
];
const CODE_SELECTORS = [0xe033, 0xe033, 0xe033, 0x0b, 0x0b, 0x33, 0xe023, 0x13, 0x2b, 0x3b, 0x0, 0xf, 0xfff8, 0xe030];
const STACK_SELECTORS = [0xe02b, 0xe02b, 0xe02b, 0x1b, 0x1b, 0x43, 0x23, 0x2b, 0x0, 0x1f, 0xe033];
const HYPERCALLS = [23, 23, 23, 23, 3, 5, 25, 17, 29, 63, 1000];
const ERROR_CODES = [4, 5, 6, 7, 20, 21, 0, 1, 2, 3, 12, 13, 15];
const GS_MSR = 0xc000_0102n;

export class Subject {
  readonly hv: Hypervisor;
  readonly cpu: SoftwareProcessor;
  readonly vcpu: Vcpu;
  readonly memory: MachineMemory;
  readonly guest: FuzzGuest;
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
    const layout = layOutMemory(1 << 20, 1 << 18);
    this.memory = new MachineMemory(layout.size);
    const clock = { now: () => 0 };
    this.cpu = createProcessor(this.memory, layout, clock);
    this.hv = new Hypervisor({ memory: this.memory, layout, cpu: this.cpu, clock });
    this.guest = new FuzzGuest(this.hv, 1);
    this.vcpu = this.guest.domain.vcpus[0] as Vcpu;
    const gdt = this.guest.mfns[GDT_PAGE] as number;
    DESCRIPTORS.forEach((descriptor, i) => {
      this.memory.u64[gdt * 512 + i] = descriptor;
    });
    switchTo(this.hv, this.vcpu);
    setGdt(this.vcpu, [gdt], 512);
  }

  /** A stack pointer: good, at a page's edge, misaligned, read-only, unmapped, the hypervisor's, not canonical. */
  #stack(): bigint {
    const { below, oneIn, pick, word } = this.#random;
    if (oneIn(12)) return pick([0xffff_8000_0000_1000n, 0xffff_8200_0000_0800n, word(), 0n, 0x0000_8000_0000_0000n]);
    const page = oneIn(10) ? pick([DATA_PAGES, DATA_PAGES + 2, 40]) : below(DATA_PAGES);
    const offset = oneIn(3) ? pick([0, 8, 16, 48, 56, 64, 72, 4040, 4088]) : below(512) * 8;
    return this.guest.va(page, offset) + (oneIn(8) ? BigInt(below(16)) : 0n);
  }

  #address(): bigint {
    return this.#random.oneIn(8) ? this.#random.word() : this.guest.va(this.#random.below(DATA_PAGES), 0x123);
  }

  /** Puts the vCPU into a new state. @returns why the processor is to have stopped */
  randomize(): ExitReason {
    const { below, oneIn, pick, word } = this.#random;
    const { vcpu, cpu, memory } = this;
    const { state, gpr } = cpu;
    const { traps } = vcpu;
    for (let register = 0; register < 16; register++) gpr[register] = word();
    gpr[RSP] = this.#stack();
    state.rip = this.#address();
    cpu.rflags = oneIn(3) ? word() & 0x0025_7fd7n : BigInt(below(0x1000) & 0xed5) | 0x202n;
    vcpu.kernelMode = oneIn(2);
    const { record } = vcpu;
    const mfn = vcpu.kernelMode ? record.mm.kernel_root : record.mm.user_root;
    cpu.loadCr3(mfn * PAGE_SIZE, vcpu.kernelMode ? PCID_KERNEL : PCID_USER, oneIn(2));
    state.kernel_gs_base = word();
    traps.kernel_sp = this.#stack();
    traps.iopl = below(4);
    traps.nmi_masked = below(2);
    traps.nmi_pending = oneIn(20) ? 1 : 0;
    traps.callback_masks = below(16);
    traps.syscall.handler = oneIn(20) ? 0n : word();
    const entry = traps.trap_table.get(EXC_PF);
    entry.handler = oneIn(20) ? 0n : word();
    entry.flags = below(8);
    vcpu.domain.record.vm_assist = BigInt(below(64));
    vcpu.time.time_area_stale = oneIn(30) ? 1 : 0;
    const info = record.evtchn.vcpu_info;
    memory.u8[info] = oneIn(4) ? 1 : 0;
    memory.u8[info + 1] = oneIn(8) ? below(256) : below(2);
    this.#segment(CS, pick([0xe033, 0xe033, 0x0b]), oneIn(10) ? 0xcfb : 0xafb);
    this.#segment(SS, pick([0xe02b, 0x1b, 0]), 0xcf3);
    this.#warmTlb();
    memory.dv.setInt32(CPU_STATE + cpuState.offset.budget, oneIn(10) ? below(4) - 1 : 1000, true);
    this.hv.fastPaths.record.exits_unclocked = oneIn(10) ? 61 + below(3) : below(60);
    return this.#exit();
  }

  #segment(index: number, selector: number, attributes: number): void {
    const segment = this.cpu.state.segment.get(index);
    segment.selector = selector;
    segment.attributes = attributes;
    segment.limit = 0xffff_ffff;
    segment.base = 0n;
  }

  /** Lets the page of the stack into the TLB, or not. */
  #warmTlb(): void {
    const { oneIn } = this.#random;
    if (oneIn(2)) return;
    const { cpu, vcpu } = this;
    if (oneIn(2)) cpu.translateUser(cpu.gpr[RSP] as bigint, 1, oneIn(2));
    if (vcpu.kernelMode) return;
    cpu.loadCr3(vcpu.record.mm.kernel_root * PAGE_SIZE, PCID_KERNEL, true);
    cpu.translateUser(vcpu.traps.kernel_sp - 8n, 1, true);
    cpu.loadCr3(vcpu.record.mm.user_root * PAGE_SIZE, PCID_USER, true);
  }

  #exit(): ExitReason {
    const { below, oneIn, pick, word } = this.#random;
    const { state, gpr } = this.cpu;
    const reason = oneIn(40) ? ExitReason.Cpuid : oneIn(2) ? ExitReason.Syscall : ExitReason.Exception;
    state.exit_reason = reason;
    state.exit_vector = pick([EXC_PF, EXC_PF, EXC_PF, EXC_GP, EXC_UD]);
    state.exit_error_code = state.exit_vector === EXC_PF ? pick(ERROR_CODES) : oneIn(8) ? below(65536) : 0;
    state.exit_instruction_length = 2;
    state.cr2 = this.#address();
    if (reason === ExitReason.Exception && state.exit_vector === EXC_GP) this.#rdmsr();
    if (reason === ExitReason.Syscall && this.vcpu.kernelMode) {
      const number = pick(HYPERCALLS);
      gpr[RAX] = BigInt(number) | (oneIn(8) ? word() & ~0xffff_ffffn : 0n);
      if (number === 23) this.#iretFrame();
      if (number === 25 || number === 17 || number === 5) gpr[RDI] = BigInt(below(6)) | (oneIn(8) ? 1n << 40n : 0n);
      if (number === 25 && oneIn(2)) gpr[RSI] = this.#address();
    }
    return reason;
  }

  #rdmsr(): void {
    const { below, oneIn } = this.#random;
    const { state, gpr } = this.cpu;
    const offset = oneIn(4) ? 4075 + below(21) : below(4000);
    state.rip = this.guest.va(below(DATA_PAGES), offset);
    gpr[RCX] = oneIn(6) ? 0xc000_0100n + BigInt(below(4)) : GS_MSR;
    this.#write(state.rip, [0x0f, oneIn(8) ? 0x30 : 0x32]);
  }

  /** A frame for iret at RSP, if that is a page of the guest's. */
  #iretFrame(): void {
    const { below, oneIn, pick, word } = this.#random;
    const flags = oneIn(3) ? word() : BigInt(below(0x1000) & 0xed5) | 0x202n;
    const code = pick(CODE_SELECTORS) & (oneIn(4) ? 0xfffc : 0xffff);
    const frame = [
      word(),
      word(),
      word(),
      oneIn(2) ? BigInt(VGCF_in_syscall) : 0n,
      this.#address(),
      BigInt(code) | (oneIn(2) ? word() & ~0xffffn : 0n),
      flags,
      word(),
      BigInt(pick(STACK_SELECTORS)),
    ];
    const bytes = new Uint8Array(new BigUint64Array(frame).buffer);
    this.#write(this.cpu.gpr[RSP] as bigint, [...bytes]);
  }

  /** Writes to the guest's pages, where there are any. */
  #write(va: bigint, bytes: readonly number[]): void {
    bytes.forEach((byte, i) => {
      const offset = Number(BigInt.asIntN(64, va) - this.guest.va(0)) + i;
      const mfn = offset < 0 || offset >= DATA_PAGES * PAGE_SIZE ? undefined : this.guest.mfns[offset >>> 12];
      if (mfn !== undefined) this.memory.u8[mfn * PAGE_SIZE + (offset & 0xfff)] = byte;
    });
  }
}
