/** Why the processor stopped, and what to do about it. */
import { ExitReason } from "../machine/processor.ts";
import { CR0_TS, EXC_DF, EXC_GP, EXC_MC, EXC_NM, EXC_PF, EXC_UD, PF_RESERVED, PF_USER } from "../machine/x86/state.ts";
import { dispatchHypercall } from "./dispatch.ts";
import { emulateCpuidExit } from "./emulate/cpuid-instruction.ts";
import { emulateForcedPrefix } from "./emulate/forced-prefix.ts";
import { emulatePrivileged } from "./emulate/privileged.ts";
import type { Hypervisor } from "./hypervisor.ts";
import { handleLdtFault } from "./mm/descriptor-window.ts";
import { ptwrEmulate } from "./mm/ptwr.ts";
import { isCanonical } from "./traps/guest-words.ts";
import {
  exceptionName,
  injectException,
  injectGeneralProtection,
  injectPageFault,
  softwareInterrupt,
} from "./traps/inject.ts";
import { guestSyscall, guestSysenter } from "./traps/syscall.ts";
import type { Vcpu } from "./vcpu.ts";

/** Handles an exit of the current vCPU. May throw DomainCrash. */
export function handleExit(hv: Hypervisor, vcpu: Vcpu, reason: ExitReason): void {
  switch (reason) {
    case ExitReason.Syscall:
      if (vcpu.kernelMode) dispatchHypercall(hv, vcpu);
      else guestSyscall(vcpu);
      break;
    case ExitReason.Exception:
      handleException(hv, vcpu);
      break;
    case ExitReason.Cpuid:
      emulateCpuidExit(hv, vcpu);
      break;
    case ExitReason.SoftwareInterrupt:
      softwareInterrupt(vcpu, vcpu.state.exit_vector & 0xff, vcpu.state.exit_instruction_length);
      break;
    case ExitReason.Sysenter:
      guestSysenter(vcpu, hv.policy.sysenterInLongMode);
      break;
    case ExitReason.Halt:
      // Guests never run at CPL 0.
      vcpu.domain.crash("the processor halted");
      break;
    case ExitReason.Budget:
      break;
  }
}

function handleException(hv: Hypervisor, vcpu: Vcpu): void {
  const state = vcpu.state;
  const vector = state.exit_vector;
  const errorCode = state.exit_error_code;
  if (vector < hv.statistics.exceptions.length) hv.statistics.exceptions[vector]!++;
  switch (vector) {
    case EXC_PF:
      pageFault(hv, vcpu, state.cr2, errorCode);
      return;
    case EXC_GP:
      if (errorCode === 0 && emulatePrivileged(hv, vcpu)) return;
      break;
    case EXC_UD:
      if (emulateForcedPrefix(hv, vcpu)) return;
      break;
    case EXC_NM:
      // The guest's handler finds TS clear (as after fpu_taskswitch(0)) and loads its state.
      state.cr0 &= ~CR0_TS;
      break;
    case EXC_DF:
    case EXC_MC:
      vcpu.domain.crash(`the processor raised ${exceptionName(vector)}`);
  }
  injectException(vcpu, vector, errorCode);
}

/** A page fault may be the hypervisor's own business: its LDT window, or a write to a page table. */
function pageFault(hv: Hypervisor, vcpu: Vcpu, cr2: bigint, errorCode: number): void {
  // The processor reads descriptors with supervisor rights; nothing that guest code does itself is one.
  const ldt = (errorCode & (PF_USER | PF_RESERVED)) === 0 ? handleLdtFault(vcpu, cr2) : undefined;
  if (ldt?.kind === "mapped") return;
  if (ldt?.kind === "reflect") {
    // The guest's own address; where that is none, the selector that led there.
    if (isCanonical(ldt.address)) injectPageFault(vcpu, ldt.address, errorCode);
    else injectGeneralProtection(vcpu, Number(cr2 & 0xfff8n) | 4);
    return;
  }
  if (ptwrEmulate(vcpu, cr2, errorCode)) {
    hv.statistics.ptwr++;
    return;
  }
  injectPageFault(vcpu, cr2, errorCode);
}
