/**
 * The forced-emulation prefix: UD2 and "xen", then CPUID. So a PV guest, kernel or user, gets the
 * hypervisor's answer where the plain instruction cannot be intercepted (XEN_EMULATE_PREFIX).
 */
import type { Hypervisor } from "../hypervisor.ts";
import type { Vcpu } from "../vcpu.ts";
import { executeCpuid } from "./cpuid-instruction.ts";
import { fetchCode } from "./fetch.ts";

const SEQUENCE = [0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2] as const;
const code = new Uint8Array(SEQUENCE.length);

/** Called on #UD. @returns false if it is an ordinary one */
export function emulateForcedPrefix(hv: Hypervisor, vcpu: Vcpu): boolean {
  if (fetchCode(vcpu, SEQUENCE.length, code) < SEQUENCE.length) return false;
  for (let i = 0; i < SEQUENCE.length; i++) if (code[i] !== SEQUENCE[i]) return false;
  executeCpuid(hv, vcpu, SEQUENCE.length);
  return true;
}
