/** iced-x86 as the judge of the decoder: its view of an instruction brought into our terms. */
import {
  Code,
  Decoder,
  DecoderOptions,
  EncodingKind,
  Instruction,
  MemorySizeExt,
  Mnemonic,
  OpKind,
  Register,
} from "iced-x86";
import type { CodeSize, Insn } from "../../src/machine/x86/insn.ts";
import { BASE_NONE, BASE_RIP, INDEX_NONE, OperandKind, RegClass, SEG_NONE } from "../../src/machine/x86/insn.ts";

const CONDITIONS = ["o", "no", "b", "ae", "e", "ne", "be", "a", "s", "ns", "p", "np", "l", "ge", "le", "g"];

/** Where iced has a mnemonic for each operand size, or another name. */
const RENAMED: Record<string, string> = {
  cwde: "cbw",
  cdqe: "cbw",
  cdq: "cwd",
  cqo: "cwd",
  jecxz: "jcxz",
  jrcxz: "jcxz",
  pushfd: "pushf",
  pushfq: "pushf",
  popfd: "popf",
  popfq: "popf",
  iretd: "iret",
  iretq: "iret",
  pushad: "pusha",
  popad: "popa",
  xlatb: "xlat",
  retf: "ret_far",
  sysretq: "sysret",
  sysexitq: "sysexit",
  wait: "fwait",
  reservednop: "nop",
  fstpnce: "fstp",
  sal: "shl",
  // Hints of the NOP space that do nothing here.
  prefetchit0: "nop",
  prefetchit1: "nop",
  cldemote: "nop",
  rdsspd: "nop",
  rdsspq: "nop",
  prefetchwt1: "prefetch",
  // Told from the others by the operand size.
  pcmpestri64: "pcmpestri",
  pcmpestrm64: "pcmpestrm",
};
for (const family of ["movs", "cmps", "stos", "lods", "scas", "ins", "outs"]) {
  for (const size of ["b", "w", "d", "q"]) RENAMED[family + size] = family;
}

interface Name {
  mnemonic: string;
  condition: number;
}
const names: Name[] = [];
for (const [key, value] of Object.entries(Mnemonic)) {
  if (typeof value !== "number") continue;
  const name = key.toLowerCase();
  const conditional = /^(j|set|cmov)([a-z]+)$/.exec(name);
  const condition = conditional ? CONDITIONS.indexOf(conditional[2]!) : -1;
  names[value] =
    condition >= 0
      ? { mnemonic: `${conditional![1]}cc`, condition }
      : { mnemonic: RENAMED[name] ?? name, condition: 0 };
}

interface Reg {
  regClass: number;
  reg: number;
  size: number;
  highByte: boolean;
}
const registers: (Reg | undefined)[] = [];
function range(first: number, count: number, regClass: number, size: number): void {
  for (let i = 0; i < count; i++) registers[first + i] = { regClass, reg: i, size, highByte: false };
}
range(Register.AL, 4, RegClass.Gpr, 1);
for (let i = 0; i < 4; i++) registers[Register.AH + i] = { regClass: RegClass.Gpr, reg: i, size: 1, highByte: true };
for (let i = 0; i < 12; i++)
  registers[Register.SPL + i] = { regClass: RegClass.Gpr, reg: 4 + i, size: 1, highByte: false };
range(Register.AX, 16, RegClass.Gpr, 2);
range(Register.EAX, 16, RegClass.Gpr, 4);
range(Register.RAX, 16, RegClass.Gpr, 8);
range(Register.ES, 6, RegClass.Segment, 2);
range(Register.CR0, 16, RegClass.Control, 0);
range(Register.DR0, 16, RegClass.Debug, 0);
range(Register.MM0, 8, RegClass.Mmx, 0);
range(Register.XMM0, 16, RegClass.Xmm, 0);
range(Register.ST0, 8, RegClass.X87, 10);

/** What iced knows and the table does not, on purpose: it is #UD here, as on a processor without the feature. */
const NOT_OFFERED: readonly { reason: string; pattern: RegExp }[] = [
  {
    reason: "VMX without VMXE",
    pattern: /^(vm(read|write|ptrld|ptrst|clear|xon|xoff|launch|resume|func)|inv(ept|vpid)|getsecq?)$/,
  },
  { reason: "SVM without SVME", pattern: /^(vm(run|load|save|gexit)|stgi|clgi|skinit|invlpga?b?|tlbsync)$/ },
  { reason: "SEV", pattern: /^(pvalidate|psmash|rmp(adjust|update|query|read|chkd))$/ },
  { reason: "shadow stacks", pattern: /^(wru?ss[dq]|clrssbsy|saveprevssp|rstorssp|setssbsy|incssp[dq])$/ },
  { reason: "3DNow!", pattern: /^(femms|pi2f[dw]|pf2i[dw]|pf[a-z0-9]+|pavgusb|pmulhrw|pswapd)$/ },
  { reason: "Galois fields", pattern: /^gf2p8/ },
  { reason: "key locker", pattern: /^(aes(enc|dec)(wide)?(128|256)kl|loadiwkey|encodekey(128|256))$/ },
  { reason: "remote atomics", pattern: /^(aadd|aand|aor|axor)$/ },
  { reason: "transactional memory", pattern: /^(xbegin|xend|xabort|xtest|xsusldtrk|xresldtrk)$/ },
  { reason: "VIA PadLock", pattern: /^(xstore|xcrypt|xsha|ccs|montmul|undoc|sm2|xmodexp|rep_)/ },
  { reason: "SGX, TDX", pattern: /^(encls|enclu|enclv|tdcall|seam[a-z]+|pconfig)$/ },
  { reason: "FRED, LKGS", pattern: /^(erets|eretu|lkgs)$/ },
  { reason: "user interrupts", pattern: /^(clui|stui|uiret|testui|senduipi)$/ },
  {
    reason: "others",
    pattern:
      /^(movdiri|movdir64b|enqcmds?|serialize|ptwrite|hreset|rdmsrlist|wrmsrlist|wrmsrns|umonitor|umwait|tpause|mcommit|rdpru|urdmsr|uwrmsr|rdudbg|wrudbg|altinst|smint|dmint|rdm|getsec|clzero|cmpccxadd|pbndkb|sha512)/,
  },
];

/** Why the table has no line for a mnemonic that iced knows, or undefined if it should have. */
export function whyNotOffered(mnemonic: string): string | undefined {
  return NOT_OFFERED.find(({ pattern }) => pattern.test(mnemonic))?.reason;
}

/** Where a real processor (AMD Zen, see tests/oracle) does something else than iced says, and the table follows it. */
const DISAGREEMENTS: readonly { reason: string; codes: readonly number[]; ours: string }[] = [
  {
    reason: "F3 90 with REX.B exchanges R8 and rAX; only without it is it PAUSE",
    codes: [Code.Pause],
    ours: "xchg",
  },
  {
    reason: "0F 0D with a register operand is undefined where it is PREFETCH, not a reserved NOP",
    codes: [Code.Reservednop_rm16_r16_0F0D, Code.Reservednop_rm32_r32_0F0D, Code.Reservednop_rm64_r64_0F0D],
    ours: "undefined",
  },
  {
    reason: "MOVSXD with 16-bit operand size reads 32 bits on AMD's processors",
    codes: [Code.Movsxd_r16_rm16],
    ours: "movsxd",
  },
];

/** Register operands whose upper part is ignored, or zeroed anyway, so that iced's size of them means nothing. */
const LOOSE_SIZE =
  /^(arpl|lldt|ltr|verr|verw|lar|lsl|lmsw|pmovmskb|pinsrw|pinsrb|pextrw|pextrb|extractps|movmskp[sd])$/;

export class Judge {
  readonly decoder: Decoder;
  readonly instruction = new Instruction();
  readonly codeSize: CodeSize;

  constructor(bytes: Uint8Array, codeSize: CodeSize) {
    this.decoder = new Decoder(codeSize, bytes, DecoderOptions.AMD);
    this.codeSize = codeSize;
  }

  free(): void {
    this.instruction.free();
    this.decoder.free();
  }

  /** Decodes at an offset, which is also RIP. Returns the length, or -1 if it is invalid. */
  at(offset: number): number {
    this.decoder.position = offset;
    this.decoder.ip = BigInt(offset);
    this.decoder.decodeOut(this.instruction);
    return this.instruction.code === Code.INVALID ? -1 : this.instruction.length;
  }

  /** Why iced is known to be wrong about this instruction that is `mnemonic` (or "undefined") to us, if it is. */
  disagreement(mnemonic: string): string | undefined {
    const { code } = this.instruction;
    return DISAGREEMENTS.find(({ codes, ours }) => ours === mnemonic && codes.includes(code))?.reason;
  }

  isVector(): boolean {
    return this.instruction.encoding !== EncodingKind.Legacy;
  }

  /** Our mnemonic for it. */
  name(): Name {
    const i = this.instruction;
    const name = names[i.mnemonic]!;
    switch (i.mnemonic) {
      case Mnemonic.Movsd:
      case Mnemonic.Cmpsd: {
        const kind = i.op0Kind;
        const string =
          (kind >= OpKind.MemorySegSI && kind <= OpKind.MemorySegRSI) ||
          (kind >= OpKind.MemoryESDI && kind <= OpKind.MemoryESRDI);
        return string ? name : { mnemonic: i.mnemonic === Mnemonic.Movsd ? "movsd_x" : "cmpsd_x", condition: 0 };
      }
      case Mnemonic.Call:
      case Mnemonic.Jmp:
        if (i.isCallFar || i.isCallFarIndirect || i.isJmpFar || i.isJmpFarIndirect)
          return { mnemonic: `${name.mnemonic}_far`, condition: 0 };
    }
    return name;
  }

  /** Compares all that can be compared; "" if the same. */
  compare(insn: Insn): string {
    const i = this.instruction;
    if (insn.length !== i.length) return `length ${insn.length}, not ${i.length}`;
    const name = this.name();
    if (name.mnemonic !== insn.def.mnemonic) return `mnemonic ${insn.def.mnemonic}, not ${name.mnemonic}`;
    if (name.condition !== insn.condition) return `condition ${insn.condition}, not ${name.condition}`;
    if (i.hasLockPrefix !== insn.lock) return `lock ${insn.lock}`;
    const repeats = insn.def.repeat !== "none";
    if (repeats) {
      const rep = i.hasRepePrefix ? 0xf3 : i.hasRepnePrefix ? 0xf2 : 0;
      const expected = insn.def.repeat === "rep" && rep !== 0 ? 0xf3 : rep;
      if (insn.rep !== expected) return `rep ${insn.rep}, not ${expected}`;
      return this.compareString(insn);
    }
    if (insn.rep !== 0) return `rep ${insn.rep}`;
    let count = i.opCount;
    let skip = 0;
    if (
      insn.def.feature === "x87" &&
      count === insn.operandCount + 1 &&
      i.op0Kind === OpKind.Register &&
      i.op0Register === Register.ST0
    )
      skip = 1;
    count -= skip;
    if (insn.def.mnemonic === "xlat") {
      const segment = this.segment(i.memorySegment);
      return segment === insn.segment ? "" : `segment ${insn.segment}, not ${segment}`;
    }
    if (insn.def.mnemonic.startsWith("maskmov")) {
      skip = 1;
      count -= 1;
    }
    // The second operand of a NOP is as meaningless as the first.
    if (insn.def.mnemonic === "nop" && count === 2) count = 1;
    if (count !== insn.operandCount) return `${insn.operandCount} operands, not ${count}`;
    for (let n = 0; n < count; n++) {
      const difference = this.compareOperand(insn, n, n + skip);
      if (difference !== "") return `operand ${n}: ${difference}`;
    }
    return "";
  }

  private segment(register: number): number {
    const segment = register - Register.ES;
    return this.codeSize === 64 && segment < 4 ? SEG_NONE : segment;
  }

  private compareString(insn: Insn): string {
    const i = this.instruction;
    const size = MemorySizeExt.size(i.memorySize);
    if (size !== insn.operandSize) return `operand size ${insn.operandSize}, not ${size}`;
    let addressSize = 0;
    let source = false;
    for (let n = 0; n < i.opCount; n++) {
      const kind = i.opKind(n);
      if (kind >= OpKind.MemorySegSI && kind <= OpKind.MemoryESRDI)
        addressSize = 2 << ((kind - OpKind.MemorySegSI) % 3);
      if (kind >= OpKind.MemorySegSI && kind <= OpKind.MemorySegRSI) source = true;
    }
    if (addressSize !== insn.addressSize) return `address size ${insn.addressSize}, not ${addressSize}`;
    const segment = source ? this.segment(i.memorySegment) : SEG_NONE;
    if (segment !== insn.segment) return `segment ${insn.segment}, not ${segment}`;
    return "";
  }

  /** Compares operand `n` with iced's operand `theirs`. */
  private compareOperand(insn: Insn, n: number, theirs: number): string {
    const i = this.instruction;
    const operand = insn.operands[n]!;
    const kind = i.opKind(theirs);
    switch (kind) {
      case OpKind.Register: {
        const register = registers[i.opRegister(theirs)];
        if (!register) return `iced register ${i.opRegister(theirs)}`;
        if (operand.kind !== OperandKind.Reg) return `kind ${operand.kind}, not register`;
        if (operand.regClass !== register.regClass) return `class ${operand.regClass}, not ${register.regClass}`;
        if (operand.reg !== register.reg || operand.highByte !== register.highByte)
          return `register ${operand.reg}, not ${register.reg}`;
        if (
          register.size !== 0 &&
          insn.def.mnemonic !== "nop" &&
          operand.size !== register.size &&
          !(LOOSE_SIZE.test(insn.def.mnemonic) || insn.operands[0]!.regClass === RegClass.Segment)
        ) {
          return `register of ${operand.size} bytes, not ${register.size}`;
        }
        return "";
      }
      case OpKind.Memory:
        return operand.kind === OperandKind.Mem
          ? this.compareMemory(insn, operand.size)
          : `kind ${operand.kind}, not memory`;
      case OpKind.NearBranch16:
      case OpKind.NearBranch32:
      case OpKind.NearBranch64: {
        if (operand.kind !== OperandKind.Rel) return `kind ${operand.kind}, not branch`;
        const width = 2 << (kind - OpKind.NearBranch16);
        if (operand.size !== width) return `branch of ${operand.size} bytes, not ${width}`;
        const target = BigInt.asUintN(8 * width, i.nextIP + insn.imm);
        return target === BigInt.asUintN(8 * width, i.nearBranchTarget)
          ? ""
          : `target ${target}, not ${i.nearBranchTarget}`;
      }
      case OpKind.FarBranch16:
      case OpKind.FarBranch32: {
        const offset = kind === OpKind.FarBranch16 ? i.farBranch16 : i.farBranch32;
        return insn.imm === BigInt(offset) && insn.imm2 === i.farBranchSelector
          ? ""
          : `far pointer ${insn.imm2}:${insn.imm}`;
      }
      case OpKind.Immediate8_2nd:
        return operand.kind === OperandKind.Imm && insn.imm2 === i.immediate8_2nd
          ? ""
          : `second immediate ${insn.imm2}`;
      default: {
        if (operand.kind !== OperandKind.Imm) return `kind ${operand.kind}, not immediate`;
        const bits = 8 * operand.size;
        const value = BigInt.asUintN(bits, insn.imm);
        const expected = BigInt.asUintN(bits, i.immediate(theirs));
        if (value !== expected) return `immediate ${value}, not ${expected}`;
        // Sign-extended to 64 bits, or small and unsigned.
        if (insn.imm !== BigInt.asIntN(bits, expected) && insn.imm !== expected)
          return `immediate ${insn.imm} is not extended`;
        return "";
      }
    }
  }

  private compareMemory(insn: Insn, size: number): string {
    const i = this.instruction;
    const base = i.memoryBase;
    const ripRelative = base === Register.RIP || base === Register.EIP;
    const expectedBase = base === Register.None ? BASE_NONE : ripRelative ? BASE_RIP : registers[base]!.reg;
    if (insn.base !== expectedBase) return `base ${insn.base}, not ${expectedBase}`;
    const index = i.memoryIndex;
    const expectedIndex = index === Register.None ? INDEX_NONE : registers[index]!.reg;
    if (insn.index !== expectedIndex) return `index ${insn.index}, not ${expectedIndex}`;
    if (index !== Register.None && 1 << insn.scale !== i.memoryIndexScale) return `scale ${insn.scale}`;
    const bits = 8 * insn.addressSize;
    for (const register of [base, index]) {
      const width =
        register === Register.None
          ? insn.addressSize
          : ripRelative
            ? base === Register.RIP
              ? 8
              : 4
            : registers[register]!.size;
      if (width !== insn.addressSize) return `address size ${insn.addressSize}, not ${width}`;
    }
    const displacement = BigInt.asUintN(bits, ripRelative ? i.nextIP + insn.disp : insn.disp);
    const expected = BigInt.asUintN(bits, i.memoryDisplacement);
    if (displacement !== expected) return `displacement ${displacement}, not ${expected}`;
    const segment = this.segment(i.memorySegment);
    if (insn.segment !== segment) return `segment ${insn.segment}, not ${segment}`;
    const expectedSize = MemorySizeExt.size(i.memorySize);
    if (insn.def.mnemonic !== "nop" && size !== 0 && expectedSize !== 0 && size !== expectedSize)
      return `memory of ${size} bytes, not ${expectedSize}`;
    return "";
  }
}
