/**
 * What guests see of their processor by CPUID, apart from the hypervisor's own leaves.
 *
 * An AMD processor, as the decoder is where vendors differ, of a family for which guests know
 * neither errata nor work-arounds. Never offered, since paravirtualization excludes them: PSE and
 * PGE (large and global pages), SEP, MTRR, VME, PCID, SMEP, SMAP, UMIP; and XSAVE, for now.
 */
import { DEFAULT_FEATURES, type FeatureWord, featureWords } from "./features.ts";

/** EAX, EBX, ECX, EDX of a leaf. */
export type CpuidResult = readonly [eax: number, ebx: number, ecx: number, edx: number];

export interface CpuPolicyOptions {
  /** Instruction sets that the processor implements, by name: see features.ts. */
  readonly features?: ReadonlySet<string>;
  readonly brand?: string;
}

export const VENDOR = "AuthenticAMD";
const NOTHING: CpuidResult = [0, 0, 0, 0];
const FAMILY = 0x1a;
const MODEL = 0;
const STEPPING = 0;
/** Highest basic leaf: 0xd, where a processor without XSAVE says nothing. */
const MAX_LEAF = 0xd;
const MAX_EXTENDED_LEAF = 0x8000_0021;
/** CLFLUSH line, in units of 8 bytes. */
const CLFLUSH_LINE = 8;
/** Bits of a linear and of a machine address. */
const LINEAR_BITS = 48;
const ADDRESS_BITS = 40;

/** Leaf 1: family, model, stepping (APM vol. 3, E.3.2). */
function signature(): number {
  const base = Math.min(FAMILY, 0xf);
  return ((FAMILY - base) << 20) | ((MODEL >> 4) << 16) | (base << 8) | ((MODEL & 0xf) << 4) | STEPPING;
}

/** Four ASCII bytes as a register holds them. */
export function asciiWord(text: string, at: number): number {
  let word = 0;
  for (let i = 3; i >= 0; i--) word = (word << 8) | (at + i < text.length ? text.charCodeAt(at + i) & 0xff : 0);
  return word >>> 0;
}

export class CpuPolicy {
  readonly features: ReadonlySet<string>;
  readonly words: Readonly<Record<FeatureWord, number>>;
  readonly brand: string;
  /** SYSENTER in long mode: Intel's have it, AMD's raise #UD. */
  readonly sysenterInLongMode = false;

  constructor(options: CpuPolicyOptions = {}) {
    this.features = options.features ?? DEFAULT_FEATURES;
    this.words = featureWords(this.features);
    this.brand = options.brand ?? "Typervisor Virtual Processor";
  }

  /** CPUID of vCPU `vcpuId`, but for the hypervisor leaves at 0x40000000. */
  leaf(leaf: number, subleaf: number, vcpuId: number): CpuidResult {
    return leaf >= 0x8000_0000 ? this.#extended(leaf) : this.#basic(leaf, subleaf, vcpuId);
  }

  #basic(leaf: number, subleaf: number, vcpuId: number): CpuidResult {
    const words = this.words;
    switch (leaf) {
      case 0:
        return [MAX_LEAF, asciiWord(VENDOR, 0), asciiWord(VENDOR, 8), asciiWord(VENDOR, 4)];
      case 1: {
        // Xen gives vCPUs every second APIC id.
        const apicId = (vcpuId * 2) & 0xff;
        return [signature(), ((apicId << 24) | (1 << 16) | (CLFLUSH_LINE << 8)) >>> 0, words["1.ecx"], words["1.edx"]];
      }
      case 7:
        return subleaf === 0 ? [0, words["7.ebx"], words["7.ecx"], words["7.edx"]] : NOTHING;
      default:
        return NOTHING;
    }
  }

  #extended(leaf: number): CpuidResult {
    const words = this.words;
    switch (leaf) {
      case 0x8000_0000:
        return [MAX_EXTENDED_LEAF, asciiWord(VENDOR, 0), asciiWord(VENDOR, 8), asciiWord(VENDOR, 4)];
      case 0x8000_0001:
        return [signature(), 0, words["e1.ecx"], words["e1.edx"]];
      case 0x8000_0002:
      case 0x8000_0003:
      case 0x8000_0004: {
        const at = (leaf - 0x8000_0002) * 16;
        const word = (i: number): number => asciiWord(this.brand.slice(0, 47), at + i * 4);
        return [word(0), word(1), word(2), word(3)];
      }
      case 0x8000_0005:
        // First-level data and instruction caches: 32 KiB, 8 ways, lines of 64 bytes.
        return [0, 0, 0x2008_0140, 0x2008_0140];
      case 0x8000_0006:
        // Second level: 512 KiB, 8 ways (code 6), lines of 64 bytes.
        return [0, 0, 0x0200_6140, 0];
      case 0x8000_0007:
        return [0, 0, 0, words["e7.edx"]];
      case 0x8000_0008:
        return [(LINEAR_BITS << 8) | ADDRESS_BITS, words["e8.ebx"], 0, 0];
      case 0x8000_0021:
        return [words["e21.eax"], 0, 0, 0];
      default:
        return NOTHING;
    }
  }
}
