/** Random machine code for comparing the tiers: loops of arithmetic, memory accesses, x87, short branches, and subroutines. */

/** Programs begin somewhere in this page, often near its end. */
export const CODE_PAGE = 0x1000;
export const DATA = 0x8000;

/** A small reproducible generator (xorshift32). */
export class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed | 1;
  }
  next(bound: number): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return this.#state % bound;
  }
  pick<T>(from: readonly T[]): T {
    return from[this.next(from.length)] as T;
  }
}

const RSP = 4;
/** Holds the address of the data. */
const RBX = 3;
/** Counts the loop. */
const RCX = 1;
const RESERVED = new Set([RSP, RBX, RCX]);

const imm32 = (n: number): number[] => [n & 255, (n >> 8) & 255, (n >> 16) & 255, (n >> 24) & 255];
const modrm = (mod: number, reg: number, rm: number): number => (mod << 6) | ((reg & 7) << 3) | (rm & 7);
const rex = (w: number, reg: number, rm: number): number => 0x40 | (w << 3) | ((reg >> 3) << 2) | (rm >> 3);

/**
 * A program that runs `iterations` times through a random body and ends with INT3.
 * @param faults accesses may also cross pages and leave the mapping
 * @param broken there are instructions that are not compiled: the loop is many regions, which are entered at many places
 */
export function randomProgram(random: Random, iterations: number, faults: boolean, broken = false): Uint8Array {
  const register = (): number => {
    for (;;) {
      const r = random.next(16);
      if (!RESERVED.has(r)) return r;
    }
  };
  const displacement = (): number[] => {
    if (faults && random.next(200) === 0) return imm32(0x200000);
    return imm32(random.next(faults ? 0x1ffc : 0xff0));
  };
  const memory = (reg: number): number[] => [modrm(2, reg, RBX), ...displacement()];
  const instruction = (): number[] => {
    const w = random.next(2);
    const a = register();
    const b = register();
    switch (random.next(21)) {
      case 0: // op r, r
      case 1:
      case 2:
        return [rex(w, b, a), random.next(8) * 8 + 1, modrm(3, b, a)];
      case 3: // op r8, r8
        return [rex(0, b, a), random.next(8) * 8, modrm(3, b, a)];
      case 4: // op r16, imm8
        return [0x66, rex(0, 0, a), 0x83, modrm(3, random.next(8), a), random.next(256)];
      case 5: // mov r, [rbx+d]
        return [rex(w, a, RBX), 0x8b, ...memory(a)];
      case 6: // mov [rbx+d], r
        return [rex(w, a, RBX), 0x89, ...memory(a)];
      case 7: // op [rbx+d], r
        return [rex(w, a, RBX), random.next(8) * 8 + 1, ...memory(a)];
      case 8: // shift r, imm8
        return [rex(w, 0, a), 0xc1, modrm(3, random.next(8), a), random.next(70)];
      case 9: // imul r, r
        return [rex(w, a, b), 0x0f, 0xaf, modrm(3, a, b)];
      case 10: // setcc r8
        return [rex(0, 0, a), 0x0f, 0x90 + random.next(16), modrm(3, 0, a)];
      case 11: // cmovcc r, r
        return [rex(w, a, b), 0x0f, 0x40 + random.next(16), modrm(3, a, b)];
      case 12: // movzx, movsx
        return [rex(w, a, b), 0x0f, [0xb6, 0xb7, 0xbe, 0xbf][random.next(4)] as number, modrm(3, a, b)];
      case 13: // lea r, [a + b*scale + d8]
        return [
          0x40 | (w << 3) | ((a >> 3) << 2) | ((b >> 3) << 1),
          0x8d,
          modrm(1, a, RSP),
          (random.next(4) << 6) | ((b & 7) << 3) | RBX,
          random.next(128),
        ];
      case 14: // push r; pop r
        return [0x41, 0x50 | ((8 + random.next(8)) & 7), 0x41, 0x58 | (random.next(8) & 7)];
      case 15: // bt/bts/btr/btc r, imm8
        return [rex(w, 0, a), 0x0f, 0xba, modrm(3, 4 + random.next(4), a), random.next(64)];
      case 16: // inc, dec, not, neg
        return random.next(2)
          ? [rex(w, 0, a), 0xff, modrm(3, random.next(2), a)]
          : [rex(w, 0, a), 0xf7, modrm(3, 2 + random.next(2), a)];
      case 17: // xchg / xadd / cmpxchg [rbx+d], r
        return [
          [rex(w, a, RBX), 0x87, ...memory(a)],
          [rex(w, a, RBX), 0x0f, 0xc1, ...memory(a)],
          [rex(w, a, RBX), 0x0f, 0xb1, ...memory(a)],
        ][random.next(3)] as number[];
      case 18: // x87, the stack as deep behind as before
        return x87();
      case 19: // rdtsc: how many instructions have retired
        return [0x0f, 0x31];
      default: // movdqu / paddd / pxor
        return [
          [0xf3, 0x0f, 0x6f, ...memory(a & 7)],
          [0x66, 0x0f, 0xfe, modrm(3, a, b)],
          [0x66, 0x0f, 0xef, modrm(3, a, b)],
          [0xf3, 0x0f, 0x7f, ...memory(a & 7)],
        ][random.next(4)] as number[];
    }
  };
  /** push rsi; push rdi; lea rsi, [rbx + d]; lea rdi, [rbx + d]; movsb; pop rdi; pop rsi */
  function copyByte(): number[] {
    const address = (): number[] => imm32(random.next(0xff0));
    return [0x56, 0x57, 0x48, 0x8d, 0xb3, ...address(), 0x48, 0x8d, 0xbb, ...address(), 0xa4, 0x5f, 0x5e];
  }
  /** Loads a number, works on it, stores it. */
  function x87(): number[] {
    const [load, loadExtension] = random.pick([
      [0xd9, 0], // fld m32
      [0xdd, 0], // fld m64
      [0xdb, 5], // fld m80
      [0xdf, 0], // fild m16
      [0xdf, 0],
      [0xdb, 0], // fild m32
      [0xdb, 0],
      [0xdf, 5], // fild m64
    ] as const);
    const [store, storeExtension] = random.pick([
      [0xd9, 3], // fstp m32
      [0xdd, 3], // fstp m64
      [0xdd, 3],
      [0xdb, 7], // fstp m80
      [0xdf, 7], // fistp m64
      [0xdd, 1], // fisttp m64
    ] as const);
    const operation = (): number[] => {
      // ST(1) is mostly empty.
      const i = random.next(20) === 0 ? 1 : 0;
      return [
        [0xd8, modrm(3, random.pick([0, 1, 2, 4, 5, 6, 7]), i)], // fadd to fdivr, fcom
        [0xd8, ...memory(random.pick([0, 1, 4, 5, 6, 7]))], // the same with m32
        [0xda, ...memory(random.pick([0, 1, 4, 5, 6, 7]))], // with m32int
        [0xd9, random.pick([0xe0, 0xe1, 0xe4, 0xfa, 0xfc])], // fchs, fabs, ftst, fsqrt, frndint
        [0xd9, 0xc0, 0xde, random.pick([0xc1, 0xc9, 0xe1, 0xe9, 0xf1, 0xf9])], // fld st0; faddp st1 and the like
        [0xd9, 0xe8 + random.next(7), 0xd9, 0xc9, 0xdb, 0xe9, 0xdd, 0xd9], // fldpi; fxch; fucomi st1; fstp st1
        [0xda, 0xc0 + 8 * random.next(4)], // fcmovcc st0
        [0xd9, 0xee, 0xdf, 0xf1], // fldz; fcomip st1
        [0xdf, 0xe0, 0xd9, 0xf7, 0xd9, 0xf6], // fnstsw ax; fincstp; fdecstp
      ][random.next(9)] as number[];
    };
    const middle = Array.from({ length: 1 + random.next(3) }, operation).flat();
    return [load, ...memory(loadExtension), ...middle, store, ...memory(storeExtension)];
  }
  const code: number[] = [0xb9, ...imm32(iterations)];
  /** Places of 32-bit displacements to be filled in, and the subroutine each goes to. */
  const calls: { at: number; to: number }[] = [];
  const subroutines = random.next(4);
  const sequence = (length: number, mayCall: number): void => {
    for (let i = 0; i < length; i++) {
      if (mayCall > 0 && random.next(8) === 0) {
        code.push(0xe8);
        calls.push({ at: code.length, to: random.next(mayCall) });
        code.push(0, 0, 0, 0);
        continue;
      }
      if (mayCall > 1 && random.next(4) === 0) {
        indirectCall(mayCall);
        continue;
      }
      if (broken && random.next(10) === 0) code.push(...copyByte());
      const insn = instruction();
      // Now and then a conditional branch over the instruction.
      if (random.next(5) === 0) code.push(0x70 + random.next(16), insn.length);
      code.push(...insn);
    }
  };
  /** Calls one of two subroutines, by a bit of the loop's counter. */
  function indirectCall(mayCall: number): void {
    // lea r8, [rip + one]; lea r9, [rip + other]; bt ecx, i; cmovc r8, r9; call r8
    for (const lea of [
      [0x4c, 0x8d, 0x05],
      [0x4c, 0x8d, 0x0d],
    ]) {
      code.push(...lea);
      calls.push({ at: code.length, to: random.next(mayCall) });
      code.push(0, 0, 0, 0);
    }
    code.push(0x0f, 0xba, 0xe1, random.next(5), 0x4d, 0x0f, 0x42, 0xc1, 0x41, 0xff, 0xd0);
  }
  const top = code.length;
  sequence(6 + random.next(30), subroutines);
  code.push(0xff, 0xc9); // dec ecx
  const back = top - (code.length + 6);
  code.push(0x0f, 0x85, ...imm32(back)); // jnz top
  code.push(0xcc);
  const entries: number[] = [];
  for (let n = 0; n < subroutines; n++) {
    entries.push(code.length);
    // A subroutine calls only those before it.
    sequence(2 + random.next(8), n);
    code.push(0xc3);
  }
  for (const { at, to } of calls) code.splice(at, 4, ...imm32((entries[to] as number) - (at + 4)));
  return Uint8Array.from(code);
}
