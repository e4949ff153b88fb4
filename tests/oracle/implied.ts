/**
 * Registers and memory that an instruction uses without naming them (stack, string
 * pointers, counts, accumulators), and values that make its interesting path likely.
 */
import { fillWindow } from "./floats.ts";
import { type Instance, isGoodAddress, pickAddress, pickGoodAddress } from "./generate.ts";
import type { Random } from "./random.ts";
import { type Case, CODE_BASE, DATA_BASE, FX_XMM, PATCH_SIZE, USER_CS, USER_SS } from "./record.ts";

export interface Operands {
  /** Register number of a ModRM.rm register operand, or -1. */
  register: number;
  /** Register number of the ModRM.reg field. */
  reg: number;
  /** Where the memory operand will be. */
  target: bigint;
  segmentBase: bigint;
  address32: boolean;
  repeated: boolean;
}

const RAX = 0,
  RCX = 1,
  RDX = 2,
  RBX = 3,
  RSP = 4,
  RBP = 5,
  RSI = 6,
  RDI = 7;
const STACK = new Set([
  "push",
  "pop",
  "pushf",
  "popf",
  "call",
  "ret",
  "enter",
  "leave",
  "iret",
  "ret_far",
  "call_far",
  "int3",
]);

/** A canonical address: branch targets must be, or everything ends in #GP. */
function codeAddress(random: Random): bigint {
  if (random.chance(2)) return BigInt(CODE_BASE + random.below(0x2000));
  return BigInt.asUintN(64, BigInt.asIntN(random.chance(12) ? 52 : 47, random.u64()));
}

/** Eight bytes at `address`, if they are inside the patch. */
function poke(c: Case, patch: number, address: bigint, value: bigint): void {
  const offset = Number(address) - c.patchAddress(patch);
  if (offset < 0 || offset + 8 > PATCH_SIZE) return;
  const data = c.patchData(patch);
  new DataView(data.buffer, data.byteOffset).setBigUint64(offset, value, true);
}

export function prepareImplied(instance: Instance, random: Random, c: Case, at: Operands): void {
  const { mnemonic, operands } = instance.form.def;
  const near = (pointer: bigint, data: number) =>
    fillWindow(random, c.setPatch(data, Number(BigInt.asUintN(53, pointer)) & ~7));

  if (STACK.has(mnemonic)) {
    c.gpr[RSP] = random.chance(4) ? pickAddress(random) : BigInt(DATA_BASE + 0x200 + (random.below(0x1800) & ~7));
    if (mnemonic === "leave" || mnemonic === "enter")
      c.gpr[RBP] = random.chance(4) ? pickAddress(random) : BigInt(DATA_BASE + 0x200 + random.below(0x1800));
    near(mnemonic === "leave" ? (c.gpr[RBP] ?? 0n) : (c.gpr[RSP] ?? 0n), 1);
  }

  switch (mnemonic) {
    case "ret":
      poke(c, 1, c.gpr[RSP] ?? 0n, codeAddress(random));
      break;
    case "iret": {
      const frame = [
        codeAddress(random),
        BigInt(USER_CS),
        0x202n | (random.u64() & 0x244cd5n),
        pickAddress(random),
        BigInt(USER_SS),
      ];
      frame.forEach((word, i) => {
        poke(c, 1, (c.gpr[RSP] ?? 0n) + BigInt(i * instance.operandSize), word);
      });
      break;
    }
    case "jmp":
    case "call":
      if (at.register >= 0) c.gpr[at.register] = codeAddress(random);
      else if (instance.memory) poke(c, 0, at.target, codeAddress(random));
      break;
    case "xlat":
      c.gpr[RBX] = BigInt.asUintN(64, at.target - at.segmentBase - ((c.gpr[RAX] ?? 0n) & 0xffn));
      break;
    case "movs":
    case "cmps":
    case "stos":
    case "scas":
    case "lods":
    case "ins":
    case "outs": {
      const high = at.address32 ? random.u64() << 32n : 0n;
      const limit = at.address32 ? 0xffffffffn : ~0n;
      let source = pickAddress(random);
      // As in generate.ts: the offset into the segment must be canonical itself.
      if (at.segmentBase !== 0n && source >> 40n) source = pickGoodAddress(random);
      // If both accesses fault, it is not specified which one is reported.
      const anywhere = isGoodAddress(source) ? pickAddress : pickGoodAddress;
      const destination =
        isGoodAddress(source) && random.chance(4) ? source + BigInt(random.below(40) - 20) : anywhere(random);
      c.gpr[RSI] = BigInt.asUintN(64, ((source - at.segmentBase) & limit) | high);
      c.gpr[RDI] = BigInt.asUintN(64, (destination & limit) | high);
      near(source - 24n, 0);
      near(destination - 24n, 1);
      if (random.chance(2)) c.patchData(1).set(c.patchData(0)); // long equal runs for CMPS
      if (mnemonic === "scas" && random.chance(2)) c.patchData(1).fill(random.below(256));
      if (mnemonic === "scas" && random.chance(2)) c.gpr[RAX] = BigInt(c.patchData(1)[24] ?? 0) * 0x0101010101010101n;
      if (at.repeated) c.gpr[RCX] = (random.chance(8) ? 0n : BigInt(random.below(20))) | (high & ~0xffffffffn);
      break;
    }
    case "maskmovq":
    case "maskmovdqu":
      c.gpr[RDI] = BigInt.asUintN(64, pickAddress(random));
      break;
    case "cmpxchg": {
      // Half of the time the comparison succeeds.
      if (random.chance(2)) break;
      if (at.register >= 0) c.gpr[at.register] = c.gpr[RAX] ?? 0n;
      else poke(c, 0, at.target, c.gpr[RAX] ?? 0n);
      break;
    }
    case "cmpxchg8b":
      if (random.chance(2))
        poke(c, 0, at.target, ((c.gpr[RAX] ?? 0n) & 0xffffffffn) | BigInt.asUintN(64, (c.gpr[RDX] ?? 0n) << 32n));
      break;
    case "cmpxchg16b":
      if (random.chance(2)) {
        poke(c, 0, at.target, c.gpr[RAX] ?? 0n);
        poke(c, 0, at.target + 8n, c.gpr[RDX] ?? 0n);
      }
      break;
    case "pcmpestri":
    case "pcmpestrm":
    case "pcmpistri":
    case "pcmpistrm": {
      // Few different characters, ends at all places, lengths around those possible.
      const character = () => (random.chance(12) ? 0 : random.pick([0x61, 0x62, 0x63, 0xe4]));
      const fill = (bytes: Uint8Array) => {
        const words = random.chance(2);
        for (let i = 0; i < bytes.length; i++) bytes[i] = words && i & 1 ? 0 : character();
      };
      for (let i = 0; i < 16; i++) fill(c.fx.subarray(FX_XMM + i * 16, FX_XMM + i * 16 + 16));
      if (instance.memory) fill(c.patchData(0));
      for (const register of [RAX, RDX])
        if (random.chance(2)) c.gpr[register] = BigInt.asUintN(64, BigInt(random.below(40) - 20));
      break;
    }
    case "ldmxcsr":
      // Bit 17 is a feature that the machine may have and we have not.
      poke(c, 0, at.target, random.chance(8) ? random.u64() & ~0x20000n : BigInt(random.below(0x10000)));
      break;
    case "fxrstor":
    case "fxrstor64": {
      // FCW, FSW, FTW, FOP; FIP; FDP; MXCSR with no reserved bit.
      poke(c, 0, at.target, random.u64() & 0xffff00ff0000ffffn);
      // As for LDMXCSR.
      poke(c, 0, at.target + 24n, random.chance(8) ? random.u64() & ~0x20000n : BigInt(random.below(0x10000)));
      break;
    }
    case "div":
    case "idiv": {
      // A quotient that fits: the high half is an extension of the low one, or smaller than the divisor.
      if (random.chance(4)) break;
      if (operands.startsWith("Eb")) c.gpr[RAX] = (c.gpr[RAX] ?? 0n) & ~0xff00n;
      else c.gpr[RDX] = (BigInt(random.below(3)) - (mnemonic === "idiv" ? 1n : 0n)) & 0xffffffffffffffffn;
      break;
    }
    case "bt":
    case "bts":
    case "btr":
    case "btc":
      // The bit offset reaches beyond the operand in memory, in both directions.
      if (operands === "Ev,Gv" && instance.memory && !random.chance(16)) {
        c.gpr[at.reg] = BigInt.asUintN(64, BigInt(random.below(0x1000) - 0x800));
      }
      break;
    default:
      // Counts of shifts and rotates by CL: small half of the time.
      if (operands.endsWith("CL") && random.chance(2))
        c.gpr[RCX] = ((c.gpr[RCX] ?? 0n) & ~0xffn) | BigInt(random.below(70));
  }
}
