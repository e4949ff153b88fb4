/** The processor in software: both tiers behind the hardware boundary (processor.ts). */

import { CodeCache } from "./interpreter/code-cache.ts";
import { engineState } from "./interpreter/engine-state.ts";
import { FORM_PROFILE_SIZE, FormProfile } from "./interpreter/form-profile.ts";
import { FormRegistry } from "./interpreter/form-registry.ts";
import type { InterpreterExports } from "./interpreter/generate.ts";
import { INLINE_FORMS, KNOWN_FORMS } from "./interpreter/hot-forms.ts";
import {
  CASE_CROSSING,
  CASE_GOTO,
  CASE_LOOKUP,
  REC_CASE,
  REC_LENGTH,
  REC_LINK,
  REC_OFFSET,
  RECORD_SIZE,
} from "./interpreter/record.ts";
import { KEEP_NONE, KEEP_SAME, KEEP_UPPER } from "./interpreter/roots.ts";
import { NON_CANONICAL } from "./interpreter/runtime.ts";
import { loadDataSegment } from "./interpreter/segments.ts";
import { isStackAccess } from "./interpreter/stack-access.ts";
import { FAST_EXIT, STEP_LIMIT, Status } from "./interpreter/status.ts";
import { type SystemHost, systemInstructions } from "./interpreter/system.ts";
import { TranslationCaches } from "./interpreter/translation-caches.ts";
import { RegionCache } from "./jit/region-cache.ts";
import { CPU_SCRATCH, CPU_STATE, type MemoryLayout } from "./layout.ts";
import { type MachineMemory, PAGE_SIZE } from "./memory.ts";
import {
  type Access,
  type Clock,
  ExitReason,
  type FastExits,
  type Processor,
  type ProcessorStatistics,
  type TrackedTlb,
} from "./processor.ts";
import { decode, newInsn } from "./x86/decode/index.ts";
import { DEFAULT_FEATURES } from "./x86/features.ts";
import type { Insn } from "./x86/insn.ts";
import { executeSse, mxcsrUpdate } from "./x86/softfloat/index.ts";
import {
  type CpuState,
  CR0_AM,
  CR4_OSXMMEXCPT,
  CS,
  cpuState,
  EXC_SS,
  EXC_UD,
  EXC_XM,
  FLAG_AC,
  FLAG_FIXED,
  FLAG_TF,
  FLAGS_ARITHMETIC,
  segmentRegister,
} from "./x86/state.ts";
import { executeX87, X87Unit } from "./x86/x87/index.ts";

/** Bits of a code segment's attributes: P, L. */
const CS_PRESENT = 1 << 7;
const CS_LONG = 1 << 9;
const ST = cpuState.offset;
const EN = engineState.offset;
/** Where a single record is put to be stepped. */
const STEP_RECORDS = CPU_SCRATCH + 0x800;
const JIT_THRESHOLD = 1.5;
const TLB_SETS = [0, 1] as const;
/** Words of the state that a failed walk writes: the exception. */
const KEPT = [ST.exit_reason, ST.exit_vector, ST.exit_error_code, ST.cr2, ST.cr2 + 4].map(
  (field) => (CPU_STATE + field) >>> 2,
);
const kept = new Uint32Array(KEPT.length);

export interface ProcessorOptions {
  /** CPUID features offered; instructions of others raise #UD. */
  readonly features?: ReadonlySet<string>;
  /** Compile hot code; default true. */
  readonly jit?: boolean;
  /** Intervals of HOT_INTERVAL transfers to a place, of the recent past, before it is compiled. */
  readonly jitThreshold?: number;
  /** 64 random bits for RDRAND and RDSEED. Default: a generator that gives the same in every run. */
  readonly random?: () => bigint;
  /** Host time in milliseconds, to measure compilation with. */
  readonly now?: () => number;
  /** Take samples of which forms are executed one behind the other; all are then executed out of line. */
  readonly profileForms?: boolean;
}

export function createProcessor(
  memory: MachineMemory,
  layout: MemoryLayout,
  clock: Clock,
  options: ProcessorOptions = {},
): SoftwareProcessor {
  return new SoftwareProcessor(memory, layout, clock, options);
}

export class SoftwareProcessor implements Processor, SystemHost {
  readonly memory: MachineMemory;
  readonly state: CpuState;
  readonly gpr: BigUint64Array;
  readonly features: ReadonlySet<string>;
  readonly code: CodeCache;
  readonly forms: FormRegistry;
  /** What is executed, with `profileForms`. */
  readonly formProfile: FormProfile | undefined;
  readonly trackedTlb: TrackedTlb;
  readonly fastExits: FastExits;
  readonly #layout: MemoryLayout;
  readonly #clock: Clock;
  readonly #wasm: InterpreterExports;
  readonly #translations: TranslationCaches;
  readonly #fpu: X87Unit;
  readonly #regions: RegionCache | undefined;
  readonly #random: () => bigint;
  #retired = 0;
  /** Budget at the start of the run in progress, to tell how far it is. */
  #budget = 0;

  constructor(memory: MachineMemory, layout: MemoryLayout, clock: Clock, options: ProcessorOptions) {
    this.memory = memory;
    this.#layout = layout;
    this.#clock = clock;
    this.features = options.features ?? DEFAULT_FEATURES;
    this.#random = options.random ?? reproducibleRandom();
    this.state = cpuState.at(memory, CPU_STATE);
    this.gpr = new BigUint64Array(memory.memory.buffer, CPU_STATE + ST.gpr, 17);
    this.#translations = new TranslationCaches(memory);
    this.#fpu = new X87Unit({
      state: this.state,
      dv: memory.dv,
      getArithmeticFlags: () => this.#wasm.getFlags(),
      setArithmeticFlags: (flags) => this.#wasm.setFlags(flags),
    });
    const profile = options.profileForms ? layout.recordsEnd - FORM_PROFILE_SIZE : 0;
    this.formProfile = profile ? new FormProfile(memory, profile) : undefined;
    this.forms = new FormRegistry(layout, profile ? [] : INLINE_FORMS, profile ? [] : KNOWN_FORMS, profile);
    const recordsEnd = profile || layout.recordsEnd;
    this.code = new CodeCache(memory, { ...layout, recordsEnd }, this.forms, {
      features: this.features,
      codeAppeared: (mfn) => this.#wasm.dropWrites(mfn),
      codeChanges: (mfn, from, to) => this.#regions?.written(mfn, from, to),
      codeFlushed: () => {
        this.#regions?.flushed();
        this.#translations.flushJumps();
        memory.u32[(CPU_SCRATCH + EN.link) >>> 2] = 0;
      },
    });
    const imports = {
      memory: memory.memory,
      hot: (record: number) => this.#regions?.hot(record >>> 0),
      decode: (host: number) => this.code.decode(host >>> 0),
      codeWrite: (host: number, size: number) => this.code.written(host >>> 0, size),
      crossing: (record: number, host: number) => this.code.resolveCrossing(record, host >>> 0),
      system: (index: number, host: number) => this.#system(index, host >>> 0),
      softSse: (op: number) => this.#softSse(op),
      tsc: () => Math.floor(clock.now()),
    };
    const module = new WebAssembly.Module(this.forms.generated.bytes);
    const instance = new WebAssembly.Instance(module, { e: imports });
    this.#wasm = instance.exports as unknown as InterpreterExports;
    const shared = { ...imports, ...instance.exports };
    this.trackedTlb = {
      entryChanged: (index, mfn) => this.#wasm.entryChanged(index, mfn),
      rootGone: (mfn) => this.#translations.forgetRoot(mfn * PAGE_SIZE),
      switchRoot: (maddr, pcid) => this.#wasm.loadRoot(maddr, pcid, KEEP_UPPER),
    };
    this.fastExits = { imports: shared, install: (serve) => this.#wasm.table.set(FAST_EXIT, serve) };
    this.fastExits.install(this.#wasm.noFastExit);
    this.forms.connect(
      this.#wasm.table,
      (bytes) => new WebAssembly.Instance(new WebAssembly.Module(bytes), { e: shared }).exports,
    );
    if (options.jit !== false && !profile) {
      this.#regions = new RegionCache({
        memory,
        layout,
        features: this.features,
        table: this.#wasm.table,
        gone: this.#wasm.gone,
        flushJumps: () => this.#translations.flushJumps(),
        runtime: shared,
        locate: (record) => this.#locate(record),
        threshold: options.jitThreshold ?? JIT_THRESHOLD,
        now: options.now,
        frameOf: (linear) => this.#frameOf(linear),
        recordAt: (mfn, offset) => this.code.recordAt(mfn, offset),
        get splits() {
          return memory.u32[(CPU_SCRATCH + EN.splits) >>> 2] as number;
        },
        get splitRegion() {
          return memory.u32[(CPU_SCRATCH + EN.split_region) >>> 2] as number;
        },
      });
    }
    this.state.rflags_system = FLAG_FIXED;
    this.state.fcw = 0x37f;
    this.state.mxcsr = 0x1f80;
    this.#wasm.selectSet(0);
  }

  get rflags(): bigint {
    const system = this.state.rflags_system & ~FLAGS_ARITHMETIC;
    return BigInt((system | this.#wasm.getFlags() | FLAG_FIXED) >>> 0);
  }

  set rflags(value: bigint) {
    const bits = Number(value & 0xffffffffn);
    this.state.rflags_system = ((bits & ~FLAGS_ARITHMETIC) | FLAG_FIXED) >>> 0;
    this.#wasm.setFlags(bits & FLAGS_ARITHMETIC);
  }

  /** Instructions retired since reset, the run in progress included. */
  get retired(): number {
    return this.#retired + this.#budget - this.memory.dv.getInt32(CPU_STATE + ST.budget, true);
  }

  run(budget: number, continued = false): ExitReason {
    let left = budget;
    for (;;) {
      if (this.#inCompatibilityMode()) return this.#undefinedOpcode();
      const traced = (this.state.rflags_system & FLAG_TF) !== 0;
      const single = traced || (budget === 1 && !continued);
      const reason = single ? this.#step() : this.#go(left);
      left -= this.#lastRun;
      if (reason !== ExitReason.Budget) return reason;
      if (traced) return this.#debugTrap();
      if (left <= 0) return reason;
    }
  }

  /** CS is a 32-bit or 16-bit segment, whose code this processor does not execute yet. */
  #inCompatibilityMode(): boolean {
    const at = CPU_STATE + ST.segment + CS * segmentRegister.sizeof + segmentRegister.offset.attributes;
    return ((this.memory.u16[at >>> 1] as number) & (CS_PRESENT | CS_LONG)) === CS_PRESENT;
  }

  /** Compatibility mode is not implemented: its programs end by #UD at their first instruction. */
  #undefinedOpcode(): ExitReason {
    this.state.exit_reason = ExitReason.Exception;
    this.state.exit_vector = EXC_UD;
    this.state.exit_error_code = 0;
    return ExitReason.Exception;
  }

  get interruptedAt(): bigint {
    // Regions look at the budget where they go back: at the beginning of a loop.
    if (this.tier === "jit") return this.state.rip;
    return this.memory.dv.getBigUint64(CPU_SCRATCH + EN.interrupted_at, true);
  }

  get tier(): string {
    const inRegion = this.memory.dv.getInt32(CPU_SCRATCH + EN.region_budget, true) === this.#lastLeft;
    return inRegion ? "jit" : "interpreter";
  }

  /** Instructions retired by the last #go, and what was left of its budget. */
  #lastRun = 0;
  #lastLeft = 0;

  #go(budget: number, record = 0): ExitReason {
    const { dv } = this.memory;
    this.#checkAlignment();
    this.#budget = budget;
    dv.setInt32(CPU_STATE + ST.budget, budget, true);
    const reason = this.#wasm.run(record) as ExitReason;
    this.#regions?.compilePending();
    this.#lastLeft = dv.getInt32(CPU_STATE + ST.budget, true);
    this.#lastRun = budget - this.#lastLeft;
    this.#retired += this.#lastRun;
    this.#budget = 0;
    dv.setInt32(CPU_STATE + ST.budget, 0, true);
    // In halves: a bigint an exit is garbage that adds up.
    dv.setUint32(CPU_STATE + ST.retired, this.#retired >>> 0, true);
    dv.setUint32(CPU_STATE + ST.retired + 4, Math.floor(this.#retired / 2 ** 32), true);
    if (reason === ExitReason.Exception && this.state.exit_error_code === NON_CANONICAL) this.#nonCanonical();
    return reason;
  }

  /** RFLAGS.AC with CR0.AM at CPL 3: misaligned accesses raise #AC. */
  #checkAlignment(): void {
    const { u32 } = this.memory;
    const ac = (u32[(CPU_STATE + ST.rflags_system) >>> 2] as number) & FLAG_AC;
    const at = (CPU_SCRATCH + EN.check_alignment) >>> 2;
    const check = ac !== 0 && this.state.cpl === 3 && (this.state.cr0 & CR0_AM) !== 0n ? 1 : 0;
    if (u32[at] === check) return;
    u32[at] = check;
    this.#wasm.selectSet(this.state.pcid);
  }

  /** Decides between #SS(0) and #GP(0) for a non-canonical address (SDM vol. 3 §3.3.7.1). */
  #nonCanonical(): void {
    const { state } = this;
    state.exit_error_code = 0;
    const insn = this.#decodeAt(state.rip);
    const linear = this.memory.dv.getBigUint64(CPU_SCRATCH + EN.bad_address, true);
    if (insn && isStackAccess(insn, linear, this.gpr)) state.exit_vector = EXC_SS;
  }

  /** The instruction at a linear address, if it can be fetched. */
  #decodeAt(rip: bigint): Insn | undefined {
    const bytes = new Uint8Array(15);
    for (let i = 0; i < 15; i++) {
      const maddr = this.translate(BigInt.asUintN(64, rip + BigInt(i)), 2, this.state.cpl === 3);
      if (maddr < 0) break;
      bytes[i] = this.memory.u8[maddr] as number;
    }
    const insn = newInsn();
    return decode(bytes, 0, 64, insn) > 0 ? insn : undefined;
  }

  /** Executes exactly one instruction (one step of a repeated one). */
  #step(): ExitReason {
    const { u8, u16, u32 } = this.memory;
    let record = this.#wasm.find(this.state.rip);
    for (;;) {
      if (record === 0) return this.state.exit_reason as ExitReason;
      const kind = u16[(record + REC_CASE) >>> 1] as number;
      if (kind === CASE_GOTO) record = u32[(record + REC_LINK) >>> 2] as number;
      else if (kind === CASE_LOOKUP) {
        // A record that was dropped while the jump cache still had it.
        this.#translations.flushJumps();
        record = this.#wasm.find(this.state.rip);
      } else if (kind === CASE_CROSSING) {
        const next = (this.state.rip & ~0xfffn) + 4096n;
        const host = this.#wasm.walk(BigInt.asIntN(64, next), 2, this.state.cpl === 3 ? 1 : 0);
        record = host === 0 ? 0 : this.code.resolveCrossing(record, host >>> 0);
      } else break;
    }
    u8.copyWithin(STEP_RECORDS, record, record + RECORD_SIZE);
    u16[(STEP_RECORDS + REC_CASE) >>> 1] = this.code.plainCase(record);
    const offset = u16[(record + REC_OFFSET) >>> 1] as number;
    // A branch must come to where the budget is looked at.
    if (this.code.isBranch(record)) u32[(STEP_RECORDS + REC_LINK) >>> 2] = 0;
    const after = STEP_RECORDS + RECORD_SIZE;
    u16[(after + REC_CASE) >>> 1] = CASE_LOOKUP;
    u16[(after + REC_OFFSET) >>> 1] = offset + (u8[record + REC_LENGTH] as number);
    return this.#go(STEP_LIMIT + 1, STEP_RECORDS);
  }

  /** The trap behind a single-stepped instruction. */
  #debugTrap(): ExitReason {
    const { state } = this;
    state.dr.set(6, state.dr.get(6) | (1n << 14n));
    state.exit_reason = ExitReason.Exception;
    state.exit_vector = 1;
    state.exit_error_code = 0;
    return ExitReason.Exception;
  }

  #system(index: number, host: number): number {
    const insn = this.code.instruction(index);
    const instruction = systemInstructions.get(insn.def.mnemonic);
    if (!instruction) return this.#x87(insn, host);
    const status = instruction(this, insn, host);
    if (this.#resynchronize && status === Status.Jump) {
      this.#resynchronize = false;
      this.state.exit_reason = ExitReason.Budget;
      return Status.Exit;
    }
    return status;
  }

  #x87(insn: Insn, host: number): number {
    const status = executeX87(this.#fpu, insn, host);
    if (status === 0) {
      if (host !== 0) this.commit(host);
      return Status.Next;
    }
    this.state.exit_reason = ExitReason.Exception;
    this.state.exit_vector = status;
    this.state.exit_error_code = 0;
    return Status.Fault;
  }

  /** An SSE floating-point operation that WebAssembly's arithmetic does not do exactly as the processor. */
  #softSse(op: number): number {
    const { state } = this;
    const at = (field: number): number => CPU_SCRATCH + field;
    const flags = executeSse(this.memory.dv, op, at(EN.a), at(EN.b), at(EN.result), state.mxcsr);
    const { mxcsr, fault } = mxcsrUpdate(state.mxcsr, flags);
    state.mxcsr = mxcsr;
    if (!fault) return 0;
    state.exit_reason = ExitReason.Exception;
    state.exit_vector = (state.cr4 & CR4_OSXMMEXCPT) === 0n ? EXC_UD : EXC_XM;
    state.exit_error_code = 0;
    return 1;
  }

  /** Frame and offset of a record in the page being executed. */
  #locate(record: number): { pageVa: bigint; mfn: number; offset: number } | undefined {
    const offset = this.memory.u16[(record + REC_OFFSET) >>> 1] as number;
    const pageVa = this.state.page_va;
    const mfn = this.#frameOf(pageVa);
    if (mfn === undefined || this.code.recordAt(mfn, offset) !== record) return undefined;
    return { pageVa, mfn, offset };
  }

  /** Frame that code at a linear address is fetched from, if it can be. */
  #frameOf(linear: bigint): number | undefined {
    const host = this.translate(linear, 2, this.state.cpl === 3);
    return host < 0 ? undefined : host >>> 12;
  }

  // --- SystemHost ------------------------------------------------------------------------------

  translateUser(linear: bigint, size: number, write: boolean): number {
    const at = BigInt.asIntN(64, linear);
    return (write ? this.#wasm.slowWrite(at, size) : this.#wasm.slowRead(at, size)) >>> 0;
  }

  translateSystem(linear: bigint, write: boolean): number {
    return this.#wasm.walk(BigInt.asIntN(64, linear), write ? 1 : 0, 0) >>> 0;
  }

  commit(host: number): void {
    if (host === CPU_SCRATCH + EN.write_bounce) this.#wasm.commitCrossing();
  }

  resynchronize(): void {
    // End the run at the next transfer of control, which the callers of this are.
    this.#resynchronize = true;
  }
  #resynchronize = false;

  // --- TLB -------------------------------------------------------------------------------------

  loadCr3(maddr: number, pcid: number, keep: boolean): void {
    this.#wasm.loadRoot(maddr, pcid, keep ? KEEP_SAME : KEEP_NONE);
  }

  flushTlb(): void {
    for (const set of TLB_SETS) this.#wasm.flushSet(set);
  }

  invlpg(linear: bigint): void {
    this.#translations.invalidate(linear);
  }

  frameWritten(mfn: number): void {
    if (this.memory.u8[this.#layout.codeFlags + mfn] !== 0) this.code.written(mfn * 4096, 4096);
  }

  translate(linear: bigint, access: Access, user: boolean): number {
    // What a walk that fails overwrites.
    const { u32 } = this.memory;
    for (let i = 0; i < KEPT.length; i++) kept[i] = u32[KEPT[i]!]!;
    const host = this.#wasm.walk(BigInt.asIntN(64, linear), access, user ? 1 : 0) >>> 0;
    if (host !== 0) return host;
    const code = this.state.exit_error_code & 0xffff;
    for (let i = 0; i < KEPT.length; i++) u32[KEPT[i]!] = kept[i]!;
    return -1 - code;
  }

  loadSegment(segment: number, selector: number): number {
    return loadDataSegment(this, segment, selector);
  }

  random(): bigint {
    return this.#random();
  }

  readTsc(): bigint {
    return BigInt(Math.floor(this.#clock.now()));
  }

  get statistics(): ProcessorStatistics {
    const { u32 } = this.memory;
    const counter = (field: number): number => u32[(CPU_SCRATCH + field) >>> 2] as number;
    const inRegions = Number(this.memory.dv.getBigUint64(CPU_SCRATCH + EN.jit_retired, true));
    return {
      instructions: { interpreter: this.#retired - inRegions, jit: inRegions },
      tlb: {
        readMisses: counter(EN.read_misses),
        writeMisses: counter(EN.write_misses),
        fetchMisses: counter(EN.fetch_misses),
        flushes: counter(EN.flushes),
      },
      regions: this.#regions?.statistics,
      code: {
        decodedInstructions: this.code.statistics.decodedInstructions,
        lookups: counter(EN.lookups),
        invalidatedFrames: this.code.statistics.invalidations,
        flushes: this.code.statistics.flushes,
        bytesUsed: this.code.bytesUsed,
      },
    };
  }
}

/** SplitMix64 (G. Steele, D. Lea, C. Flood, 2014) from a fixed seed: not random at all, which is what virtual time wants. */
function reproducibleRandom(): () => bigint {
  const mask = (1n << 64n) - 1n;
  let state = 0n;
  return () => {
    state = (state + 0x9e3779b97f4a7c15n) & mask;
    let z = state;
    z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & mask;
    z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & mask;
    return z ^ (z >> 31n);
  };
}
