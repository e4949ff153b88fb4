/**
 * Random instances of the lines of the instruction table: bytes of one instruction,
 * and a state in which it mostly does something, and sometimes faults.
 */
import { fillFxState, fillWindow } from "./floats.ts";
import type { Form } from "./form.ts";
import { prepareImplied } from "./implied.ts";
import type { Random } from "./random.ts";
import {
  type Case,
  CODE_BASE,
  CODE_SIZE,
  DATA_BASE,
  DATA_SIZE,
  READ_ONLY_BASE,
  READ_ONLY_SIZE,
  UNMAPPED_ABOVE,
  UNMAPPED_BELOW,
} from "./record.ts";

/** What the comparison needs to know of an instance. */
export interface Instance {
  readonly form: Form;
  /** All bytes, those that are not fetchable included. */
  readonly code: Uint8Array;
  readonly operandSize: number;
  readonly memory: boolean;
  /** First immediate byte, for shift counts; -1 if there is none. */
  readonly immediate: number;
  /** Linear address of the memory operand, if there is one. */
  target: bigint;
}

/** Longest instruction (SDM vol. 2 §2.3.11). */
const MAX_LENGTH = 15;
const SEGMENT_PREFIXES = [0x2e, 0x36, 0x3e, 0x26];

/** Mnemonics that may go elsewhere than to the next instruction. */
export const BRANCHES: ReadonlySet<string> = new Set([
  "jcc",
  "jmp",
  "call",
  "ret",
  "loop",
  "loope",
  "loopne",
  "jcxz",
  "iret",
  "ret_far",
  "jmp_far",
  "call_far",
  "int3",
  "into",
  "int1",
]);

/** Memory operands that must be aligned and are not always vectors. */
const ALIGNED_16 = new Set(["fxsave", "fxsave64", "fxrstor", "fxrstor64", "cmpxchg16b"]);

/** An address where nothing faults. */
export function pickGoodAddress(random: Random): bigint {
  return BigInt(DATA_BASE + 0x100 + random.below(DATA_SIZE - 0x400));
}

export function isGoodAddress(address: bigint): boolean {
  return address >= BigInt(DATA_BASE + 0x80) && address < BigInt(READ_ONLY_BASE - 0x200);
}

/** An address for a memory access: mostly inside the data, sometimes where it faults. */
export function pickAddress(random: Random): bigint {
  const roll = random.below(64);
  if (roll < 24) return BigInt(DATA_BASE + 0x100 + random.below(DATA_SIZE - 0x400));
  if (roll < 48) return BigInt(DATA_BASE + 0x100 + (random.below(DATA_SIZE - 0x400) & ~15));
  if (roll < 55) return BigInt(DATA_BASE + 0x1000 - random.below(18));
  if (roll < 57) return BigInt(READ_ONLY_BASE - random.below(18));
  if (roll < 59) return BigInt(READ_ONLY_BASE + random.below(READ_ONLY_SIZE - 64));
  if (roll < 60) return BigInt(UNMAPPED_ABOVE - random.below(18));
  if (roll < 61) return BigInt(DATA_BASE - random.below(18));
  if (roll < 62) return BigInt(random.pick([UNMAPPED_ABOVE, UNMAPPED_BELOW, 0]) + random.below(0xff0));
  if (roll < 63) return random.pick([1n << 47n, (1n << 47n) - 4n, 0xffff7fffffffffffn, 0x8000000000000000n]);
  return BigInt.asUintN(64, (random.u64() & 0x0fffffffffffffffn) | (1n << 56n));
}

interface Memory {
  /** ModRM.mod, ModRM.rm, SIB, displacement, as encoded. */
  bytes: number[];
  /** ModRM.mod and rm to be merged with the reg field. */
  modrm: number;
  base: number;
  index: number;
  scale: number;
  /** Width of the displacement in bytes (0, 1, 4). */
  dispSize: number;
  ripRelative: boolean;
}

function pickMemory(random: Random, rexB: number, rexX: number): Memory {
  const mod = random.below(3);
  const rm = random.below(8);
  const memory: Memory = {
    bytes: [],
    modrm: (mod << 6) | rm,
    base: -1,
    index: -1,
    scale: 0,
    dispSize: [0, 1, 4][mod] ?? 0,
    ripRelative: false,
  };
  if (rm === 4) {
    const sib = random.below(256);
    memory.bytes.push(sib);
    const index = ((sib >> 3) & 7) | (rexX << 3);
    if (index !== 4) {
      memory.index = index;
      memory.scale = sib >> 6;
    }
    if ((sib & 7) === 5 && mod === 0) memory.dispSize = 4;
    else memory.base = (sib & 7) | (rexB << 3);
  } else if (rm === 5 && mod === 0) {
    memory.ripRelative = true;
    memory.dispSize = 4;
  } else memory.base = rm | (rexB << 3);
  return memory;
}

/** Sets registers so that the memory operand is at `target` with the displacement returned, if that can be encoded. */
function aim(
  random: Random,
  c: Case,
  memory: Memory,
  target: bigint,
  segmentBase: bigint,
  nextRip: bigint,
  address32: boolean,
): bigint {
  const wanted = target - segmentBase;
  const scale = 1n << BigInt(memory.scale);
  const mask = (value: bigint) => BigInt.asUintN(64, value);
  // Upper halves of registers do not matter to 32-bit addresses: fill them.
  const set = (register: number, value: bigint) => {
    c.gpr[register] = address32 ? mask((value & 0xffffffffn) | (random.u64() << 32n)) : mask(value);
  };
  if (memory.ripRelative) return wanted - nextRip;
  let disp = 0n;
  if (memory.dispSize === 1) disp = BigInt.asIntN(8, random.u64());
  if (memory.dispSize === 4)
    disp = random.chance(2) ? BigInt(random.below(0x2000) - 0x1000) : BigInt.asIntN(32, random.u64());
  if (memory.base < 0) {
    if (memory.index < 0) return wanted;
    set(memory.index, random.chance(2) ? BigInt(random.below(0x4000)) : (wanted - disp) / scale);
    return wanted - (c.gpr[memory.index] ?? 0n) * scale;
  }
  if (memory.index === memory.base) {
    set(memory.base, (wanted - disp) / (scale + 1n));
    return memory.dispSize === 0 ? 0n : wanted - (c.gpr[memory.base] ?? 0n) * (scale + 1n);
  }
  if (memory.index >= 0) {
    if (random.chance(2)) c.gpr[memory.index] = BigInt.asUintN(64, BigInt(random.below(0x1000) - 0x800));
    set(memory.base, wanted - disp - (c.gpr[memory.index] ?? 0n) * scale);
  } else set(memory.base, wanted - disp);
  return disp;
}

function immediateSize(kind: string, operandSize: number, addressSize: number): number {
  switch (kind) {
    case "ib":
    case "cb":
      return 1;
    case "iw":
      return 2;
    case "id":
      return 4;
    case "io":
      return 8;
    case "iv":
      return operandSize;
    case "mo":
      return addressSize;
    case "cp":
      return operandSize === 2 ? 4 : 6;
    default:
      return operandSize === 2 ? 2 : 4; // iz, cz
  }
}

/**
 * Fills `c` with a random instance of `form`.
 * Returns undefined when the random choices do not fit together (too long); try again then.
 */
export function generate(form: Form, random: Random, c: Case): Instance | undefined {
  const { def } = form;
  c.bytes.fill(0);

  // What the operands allow.
  const usesModrm = form.modrm !== "none";
  const onlyMemory = form.operands.some((o) => /^M/.test(o));
  const onlyRegister = !form.operands.some((o) => /^[EMQW]/.test(o));
  const memoryOperand = usesModrm && (onlyMemory || (!onlyRegister && !random.chance(3)));
  const offsetOperand = form.immediates.includes("mo");
  const implicitMemory = form.operands.some((o) => /^[XY]/.test(o)) || def.mnemonic === "xlat";
  const branch = BRANCHES.has(def.mnemonic);

  // Prefixes.
  const prefixes: number[] = [];
  if (form.mandatory) prefixes.push(form.mandatory);
  const freePrefixes = form.mandatory === undefined;
  let operandPrefix = form.mandatory === 0x66;
  if (
    (freePrefixes || form.mandatory === 0xf2 || form.mandatory === 0xf3) &&
    random.chance(4) &&
    !(branch && def.default64)
  ) {
    operandPrefix = true;
    prefixes.push(0x66);
  }
  if (def.lockable && memoryOperand ? random.chance(4) : freePrefixes && random.chance(200)) prefixes.push(0xf0);
  if (def.repeat !== "none" && random.chance(2)) prefixes.push(random.pick([0xf2, 0xf3]));
  let addressSize = 8;
  if (
    (memoryOperand || offsetOperand || implicitMemory || def.mnemonic === "jcxz" || def.mnemonic.startsWith("loop")) &&
    random.chance(12)
  ) {
    addressSize = 4;
    prefixes.push(0x67);
  }
  let segment = -1; // 4 or 5
  if ((memoryOperand || offsetOperand || implicitMemory) && random.chance(8)) {
    segment = random.pick([4, 5]);
    prefixes.push(0x60 + segment);
  } else if (random.chance(32)) prefixes.unshift(random.pick(SEGMENT_PREFIXES));
  if (prefixes.length > 1 && random.chance(2)) prefixes.reverse();

  // REX.
  let rex = form.rexW || form.rexB || random.chance(2) ? 0x40 : 0;
  if (rex !== 0) {
    rex |= random.below(8);
    if (form.rexW || random.chance(2)) rex |= 8;
    if (form.rexB) rex |= 1;
  }
  const rexW = (rex & 8) !== 0;
  const rexB = rex & 1;
  const operandSize = rexW
    ? def.atMost32
      ? 4
      : 8
    : operandPrefix && form.mandatory !== 0x66
      ? 2
      : def.default64
        ? 8
        : 4;

  // Opcode, ModRM, displacement and immediates.
  const variant = random.below(form.variants);
  const opcode = [...form.opcode];
  opcode[opcode.length - 1] = (opcode[opcode.length - 1] ?? 0) + variant;
  const head = [...prefixes, ...(rex ? [rex] : []), ...opcode];
  const reg = form.modrm === "any" ? random.below(8) : form.modrm === "none" ? 0 : form.modrm;
  let memory: Memory | undefined;
  let tail: number[] = [];
  if (usesModrm) {
    if (memoryOperand) {
      memory = pickMemory(random, rexB, (rex >> 1) & 1);
      tail = [memory.modrm | (reg << 3), ...memory.bytes];
    } else tail = [0xc0 | (reg << 3) | random.below(8)];
  }
  const dispAt = head.length + tail.length;
  for (let i = 0; i < (memory?.dispSize ?? 0); i++) tail.push(0);
  const immediateAt = head.length + tail.length;
  for (const kind of form.immediates) {
    const size = immediateSize(kind, operandSize, addressSize);
    const style = random.below(4);
    const filler = random.pick([0x00, 0xff, 0x7f, 0x80, 0x01]);
    // ENTER: small frames, few levels.
    const limit = def.mnemonic === "enter" && !random.chance(8) ? (kind === "iw" ? [64, 1] : [4]) : undefined;
    for (let i = 0; i < size; i++)
      tail.push(limit ? random.below(limit[i] ?? 1) : style === 0 ? filler : random.below(256));
  }
  const code = Uint8Array.from([...head, ...tail]);
  if (code.length > MAX_LENGTH) return undefined;

  // Where it stands: mostly inside a page, sometimes across the boundary or at the very end.
  let rip = CODE_BASE + 64 + random.below(0xf00);
  if (random.chance(24)) rip = CODE_BASE + 0x1000 - random.below(code.length + 1);
  let length = code.length;
  let step = branch;
  if (random.chance(48)) {
    // The last byte is the last of the code, or (one in four) beyond it. A single step ends after one
    // iteration of REP, and PUSHF sees it, so those are only cut off.
    const noStep =
      def.mnemonic === "pushf" || (def.repeat !== "none" && (prefixes.includes(0xf2) || prefixes.includes(0xf3)));
    const beyond = noStep || random.chance(4) ? 1 + random.below(code.length) : 0;
    if (beyond < code.length) {
      rip = CODE_BASE + CODE_SIZE - code.length + beyond;
      length = code.length - beyond;
      step = true;
    }
  }

  // The state.
  for (let i = 0; i < 16; i++) c.gpr[i] = random.value();
  c.rflags = 0x202n | (BigInt(random.u32()) & 0x8d5n);
  if (random.chance(implicitMemory ? 2 : 16)) c.rflags |= 0x400n;
  if (random.chance(64)) c.rflags |= 0x40000n;
  const smallBase = addressSize === 4 || (memory !== undefined && memory.base < 0) || offsetOperand;
  const base = (): bigint =>
    smallBase ? BigInt(random.below(0x10000)) : BigInt.asUintN(64, BigInt.asIntN(48, random.u64()));
  c.fsBase = base();
  c.gsBase = base();
  fillFxState(random, c);
  const segmentBase = segment === 4 ? c.fsBase : segment === 5 ? c.gsBase : 0n;
  let target = pickAddress(random);
  const vector = form.operands.some((o) => /^[VW]/.test(o));
  if ((vector && random.chance(2)) || (ALIGNED_16.has(def.mnemonic) && !random.chance(8))) target &= ~15n;
  if (addressSize === 4) target &= 0xffffffffn;
  // With a segment base, an address at the end of user space may need an offset that is not canonical: AMD faults then.
  if (segment >= 0 && target >> 40n) target = pickGoodAddress(random);
  if (memory || offsetOperand) fillWindow(random, c.setPatch(0, Number(BigInt.asUintN(53, target)) & ~7));

  const immediate = form.immediates.length > 0 ? (code[immediateAt] ?? -1) : -1;
  const instance: Instance = { form, code, operandSize, memory: memoryOperand, immediate, target };
  prepareImplied(instance, random, c, {
    register: usesModrm && !memoryOperand ? ((tail[0] ?? 0) & 7) | (rexB << 3) : -1,
    reg: reg | ((rex & 4) << 1),
    target,
    segmentBase,
    address32: addressSize === 4,
    repeated: prefixes.includes(0xf2) || prefixes.includes(0xf3),
  });

  const dv = new DataView(code.buffer);
  if (memory) {
    const disp = aim(random, c, memory, target, segmentBase, BigInt(rip + code.length), addressSize === 4);
    const encoded = BigInt.asIntN(memory.dispSize * 8, disp);
    if (memory.dispSize === 1) dv.setInt8(dispAt, Number(encoded));
    if (memory.dispSize === 4) dv.setInt32(dispAt, Number(encoded), true);
    const offset = BigInt.asUintN(addressSize * 8, target - segmentBase + encoded - disp);
    instance.target = BigInt.asUintN(64, segmentBase + offset);
  }
  if (offsetOperand) {
    const offset = target - segmentBase;
    if (addressSize === 8) dv.setBigUint64(immediateAt, BigInt.asUintN(64, offset), true);
    else dv.setUint32(immediateAt, Number(BigInt.asUintN(32, offset)), true);
  }
  c.rip = BigInt(rip);
  c.code = code.subarray(0, length);
  c.singleStep = step;
  return instance;
}
