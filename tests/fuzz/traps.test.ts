/**
 * Exits at random: exceptions on any instruction in any state, frames on any stack, returns by any frame,
 * writes to page tables, descriptor tables with anything in them. As hypercalls.test.ts otherwise.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HYPERVISOR, MMUEXT } from "../../src/abi/xen.ts";
import { dispatchHypercall } from "../../src/hypervisor/dispatch.ts";
import { handleExit } from "../../src/hypervisor/exits.ts";
import { deliverPending } from "../../src/hypervisor/traps/deliver.ts";
import { loadFlatKernelSegments } from "../../src/hypervisor/traps/segments.ts";
import { Access, ExitReason } from "../../src/machine/processor.ts";
import { CS, EXC_GP, EXC_PF, EXC_UD, R10, RAX, RCX, RDI, RDX, RSI, RSP } from "../../src/machine/x86/state.ts";
import { Arguments } from "./arguments.ts";
import { CODE, DATA_PAGES, FuzzMachine, PAGES, STACK } from "./machine.ts";
import { Random } from "./random.ts";

const SEED = Number(process.env["SEED"] ?? 1);
const STEPS = Number(process.env["FUZZ_STEPS"] ?? 2500);
const ROUND = 250;

/** Instructions that #GP, or write to memory; random bytes follow each. */
const OPCODES: readonly (readonly number[])[] = [
  [0xe4],
  [0xe5],
  [0xe6],
  [0xe7],
  [0xec],
  [0xed],
  [0xee],
  [0xef],
  [0x6c],
  [0x6d],
  [0x6e],
  [0x6f],
  [0xf3, 0x6c],
  [0xf3, 0x6d],
  [0xf3, 0x6e],
  [0xf2, 0x6f],
  [0x66, 0x6f],
  [0xfa],
  [0xfb],
  [0xf4],
  [0x0f, 0x20],
  [0x0f, 0x21],
  [0x0f, 0x22],
  [0x0f, 0x23],
  [0x0f, 0x06],
  [0x0f, 0x08],
  [0x0f, 0x09],
  [0x0f, 0x30],
  [0x0f, 0x31],
  [0x0f, 0x32],
  [0x0f, 0x01],
  [0x0f, 0x00],
  [0x0f, 0xa2],
  [0xcd],
  [0xcf],
  [0x8e],
  [0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2],
  [0x0f, 0x0b],
  [0x89],
  [0x48, 0x89],
  [0x88],
  [0xc7],
  [0x48, 0xc7],
  [0xc6],
  [0x87],
  [0x48, 0x87],
  [0x48, 0x0f, 0xb1],
  [0x0f, 0xb1],
  [0x0f, 0xc7],
  [0x48, 0x0f, 0xba],
  [0x48, 0x0f, 0xb3],
  [0x0f, 0xab],
  [0x0f, 0xbb],
  [0x48, 0x21],
  [0x48, 0x09],
  [0x48, 0x31],
  [0x48, 0x01],
  [0x48, 0x29],
  [0x48, 0x11],
  [0x48, 0x19],
  [0x48, 0x81],
  [0x48, 0x83],
  [0x48, 0xff],
  [0x48, 0xf7],
  [0xfe],
  [0x0f, 0xc0],
  [0x48, 0x0f, 0xc1],
  [0x0f, 0xc3],
  [0xa3],
  [0xab],
  [0x66, 0x89],
];
const PREFIXES = [0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x2e, 0x36, 0x64, 0x65, 0x48, 0x4d, 0x41];

class TrapFuzzer {
  readonly random: Random;
  readonly machine: FuzzMachine;
  readonly make: Arguments;
  #last = "";

  constructor(seed: number) {
    this.random = new Random(seed);
    this.machine = new FuzzMachine(this.random);
    this.make = new Arguments(this.machine);
  }

  run(seed: number): void {
    for (let step = 0; step < ROUND; step++) {
      try {
        this.machine.step(() => this.#step());
      } catch (error) {
        throw new Error(`seed ${seed}, step ${step}, ${this.#last}: ${(error as Error).stack}`, { cause: error });
      }
    }
  }

  #step(): void {
    const { random, machine } = this;
    const { hv } = machine;
    const { domain } = machine.guest;
    if (!domain.schedulable) return;
    this.#registers();
    const { state } = machine.vcpu;
    switch (random.below(11)) {
      case 0:
        this.#last = "vm_assist";
        domain.record.vm_assist ^= 1n << BigInt(random.pick([2, 2, 4, 32]));
        machine.vcpu.traps.iopl = random.below(4);
        return;
      case 1:
        this.#last = "registration";
        this.#register();
        return;
      case 2:
        this.#last = "descriptors";
        this.#descriptors();
        return;
      case 3:
        this.#last = "iret";
        this.#iret();
        return;
      case 4:
        this.#last = "events";
        hv.memory.u8[machine.vcpu.record.evtchn.vcpu_info + 1] = random.below(2);
        hv.memory.u8[machine.vcpu.record.evtchn.vcpu_info] = 1;
        machine.vcpu.traps.nmi_pending = random.below(2);
        deliverPending(machine.vcpu);
        return;
      case 5: {
        this.#last = "exit";
        this.#code();
        state.exit_vector = random.below(256);
        state.exit_instruction_length = 2;
        const reason = random.pick([
          ExitReason.SoftwareInterrupt,
          ExitReason.Cpuid,
          ExitReason.Sysenter,
          ExitReason.Syscall,
          ExitReason.Budget,
        ]);
        if (reason === ExitReason.Syscall && machine.vcpu.kernelMode) return;
        handleExit(hv, machine.vcpu, reason);
        return;
      }
      default:
        this.#exception();
    }
  }

  #registers(): void {
    const { random, machine, make } = this;
    const { gpr, state } = machine.vcpu;
    for (let i = 0; i < 16; i++) if (random.oneIn(3)) gpr[i] = make.any();
    // Mostly a stack that takes a frame.
    if (!random.oneIn(40)) gpr[RSP] = machine.guest.va(STACK, 0x200 + random.below(0xd00));
    machine.hv.cpu.rflags = (random.word() & 0x250dd5n) | 0x202n;
    if (!random.oneIn(20)) loadFlatKernelSegments(machine.vcpu);
    if (random.oneIn(10)) state.segment.get(CS).attributes = random.pick([0xafb, 0xcfb, 0x8fb]);
    if (!random.oneIn(100)) machine.vcpu.traps.kernel_sp = machine.guest.va(2, 0x1000);
  }

  /** Code at RIP, sometimes running out of its page. */
  #code(): void {
    const { random, machine } = this;
    const { state } = machine.vcpu;
    const bytes = [...(random.oneIn(4) ? [random.pick(PREFIXES)] : []), ...random.pick(OPCODES)];
    while (bytes.length < 15) bytes.push(random.below(256));
    const offset = random.pick([0, 0, 0x80, 0xff8, 0xffe, 0xfff]);
    const { guest, hv } = machine;
    bytes.forEach((byte, i) => {
      const at = offset + i;
      hv.memory.u8[guest.mfns[CODE + (at >> 12)]! * 4096 + (at & 0xfff)] = byte;
    });
    state.rip = random.oneIn(25) ? this.make.address() : guest.va(CODE, offset);
  }

  #exception(): void {
    const { random, machine, make } = this;
    const { hv, guest } = machine;
    const { state, gpr } = machine.vcpu;
    this.#code();
    const vector = random.pick([EXC_GP, EXC_GP, EXC_GP, EXC_UD, EXC_PF, EXC_PF, EXC_PF, random.below(22)]);
    let errorCode = random.oneIn(6) ? random.below(0x10000) : 0;
    gpr[RCX] = BigInt(
      random.pick([
        0x10, 0x1b, 0x277, 0x4000_0000, 0xc000_0080, 0xc000_0100, 0xc000_0101, 0xc000_0102, 0xc000_0103, 1, 3,
      ]),
    );
    if (random.oneIn(3)) {
      gpr[RAX] = BigInt(make.frame()) << 12n;
      gpr[RDX] = 0n;
    } else gpr[RDX] = BigInt(random.pick([0x42, 0x43, 0x61, 0x70, 0xcf8, 0xffff, 0x3f8]));
    if (vector === EXC_PF) {
      // A write to one of its tables, whose address is in a register that the instruction may use.
      const address = guest.va(DATA_PAGES + random.below(PAGES - DATA_PAGES), random.below(512) * 8);
      const target = random.oneIn(6) ? make.address() : address + BigInt(random.oneIn(6) ? random.below(8) : 0);
      for (const register of [RAX, RDI, RSI, 3, 6]) if (random.oneIn(2)) gpr[register] = target;
      gpr[RCX] = make.entry();
      gpr[RDX] = make.entry();
      state.cr2 = target;
      errorCode = random.oneIn(4) ? random.below(32) : 7;
      // Only what the processor reads of itself is a supervisor's access.
      if ((errorCode & 4) === 0)
        state.cr2 = 0xffff_8200_0000_0000n + BigInt(random.below(64) * 4096 + random.below(4096));
    }
    this.#last = `exception ${vector}[${errorCode}] at ${state.rip.toString(16)}`;
    state.exit_vector = vector;
    state.exit_error_code = errorCode;
    handleExit(hv, machine.vcpu, ExitReason.Exception);
  }

  #hypercall(number: number, ...args: bigint[]): void {
    const { machine } = this;
    if (!machine.vcpu.kernelMode) return;
    const { gpr } = machine.vcpu;
    [RDI, RSI, RDX, R10].forEach((register, i) => {
      gpr[register] = BigInt.asUintN(64, args[i] ?? 0n);
    });
    gpr[RAX] = BigInt(number);
    machine.vcpu.state.rip = machine.guest.va(CODE, 2);
    dispatchHypercall(machine.hv, machine.vcpu);
  }

  /** Handlers and stacks. */
  #register(): void {
    const { random, make } = this;
    const good = (): bigint => this.machine.guest.va(CODE, random.below(0x1000));
    const handler = (): bigint => (random.oneIn(15) ? make.any() : good());
    switch (random.below(5)) {
      case 0: {
        const info =
          BigInt(random.below(256)) | (BigInt(random.below(8)) << 8n) | (BigInt(random.below(0x10000)) << 16n);
        this.#hypercall(HYPERVISOR.set_trap_table, make.words([info, handler(), 0n, 0n]));
        return;
      }
      case 1:
        this.#hypercall(HYPERVISOR.callback_op, 0n, make.words([BigInt(random.below(9)) | 0x10000n, handler()]));
        return;
      case 2:
        this.#hypercall(HYPERVISOR.stack_switch, BigInt(random.below(0x10000)), make.address());
        return;
      case 3:
        this.#hypercall(HYPERVISOR.set_segment_base, BigInt(random.below(4)), make.any());
        return;
      default:
        this.#hypercall(HYPERVISOR.set_debugreg, BigInt(random.below(8)), make.any());
    }
  }

  /** A GDT or LDT in a page with random descriptors, and a selector of it loaded. */
  #descriptors(): void {
    const { random, machine, make } = this;
    const { guest, hv } = machine;
    const page = 8 + random.below(4);
    const va = guest.va(page);
    const mfn = guest.mfns[page]!;
    if (hv.current === undefined || !machine.vcpu.kernelMode) return;
    const at = hv.cpu.translate(va, Access.Write, true);
    for (let i = 0; at > 0 && i < 512; i++) {
      const access = BigInt(
        random.pick([0xfa, 0xf2, 0xfb, 0xfe, 0x9a, 0x92, 0xec, 0x00, 0x7a, random.oneIn(99) ? 0x89 : 0]),
      );
      const descriptor =
        (random.word() & 0xff0f_00ff_ffff_ffffn) | (access << 40n) | (BigInt(random.pick([0xa, 0xc, 0x4])) << 52n);
      hv.memory.u64[mfn * 512 + i] = (descriptor & (1n << 44n)) !== 0n ? descriptor : 0n;
    }
    this.#hypercall(HYPERVISOR.update_va_mapping, va, (BigInt(mfn) << 12n) | 0x61n, 2n);
    if (random.oneIn(2))
      this.#hypercall(HYPERVISOR.set_gdt, make.words([BigInt(mfn), BigInt(mfn)]), BigInt(random.pick([512, 1024])));
    else {
      const op = make.words([BigInt(MMUEXT.SET_LDT), va, BigInt(random.pick([512, 1024]))]);
      this.#hypercall(HYPERVISOR.mmuext_op, op, 1n, 0n, 0x7ff0n);
    }
    const selector = random.below(0x1000) | (random.oneIn(2) ? 4 : 0);
    hv.cpu.loadSegment(random.pick([0, 3, 4, 5]), selector);
  }

  #iret(): void {
    const { random, machine, make } = this;
    const { guest, hv, vcpu } = machine;
    if (!vcpu.kernelMode) return;
    const selector = (): bigint =>
      random.oneIn(2) ? random.pick([0xe033n, 0xe023n, 0xe030n, 0xe02bn]) : BigInt(random.below(0x10000));
    const frame = [
      make.any(),
      make.any(),
      make.any(),
      random.oneIn(3) ? 0x100n : 0n,
      make.address(),
      selector(),
      make.any(),
      make.address(),
      selector(),
    ];
    if (random.oneIn(3)) frame[5] = 0xe033n;
    if (random.oneIn(2)) frame[8] = 0xe02bn;
    const sp = random.oneIn(10) ? make.address() : guest.va(STACK, random.pick([0x100, 0xfc0, 0xfb8]));
    const at = hv.cpu.translate(sp, Access.Write, true);
    if (at > 0 && (at & 0xfff) <= 0xfb8)
      for (const [i, word] of frame.entries()) hv.memory.dv.setBigUint64(at + i * 8, BigInt.asUintN(64, word), true);
    vcpu.gpr[RSP] = sp;
    vcpu.gpr[RAX] = BigInt(HYPERVISOR.iret);
    vcpu.state.rip = guest.va(CODE, 2);
    dispatchHypercall(hv, vcpu);
  }
}

test(`${STEPS} random exits`, () => {
  let crashes = 0;
  for (let i = 0; i < STEPS; i += ROUND) {
    const seed = SEED * 1000 + i / ROUND;
    const fuzzer = new TrapFuzzer(seed);
    fuzzer.run(seed);
    crashes += fuzzer.machine.crashes;
  }
  if (process.env["VERBOSE"] !== undefined) console.log({ crashes });
  assert.ok(crashes < STEPS / 4, `${crashes} crashes: most steps must get further`);
});
