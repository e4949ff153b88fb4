/**
 * The hypercall page of a PV64 guest: 128 stubs of 32 bytes, stub n for hypercall n.
 *
 *     push %rcx; push %r11; mov $n,%eax; syscall; pop %r11; pop %rcx; ret
 *
 * SYSCALL destroys RCX and R11, which the stub saves. Stub 23 (iret) is jumped to, never called;
 * its pushes are the top of `struct iret_context`:
 *
 *     push %rcx; push %r11; push %rax; mov $23,%eax; syscall
 */
import { HYPERCALL_SLOT_SIZE, HYPERCALL_SLOTS, HYPERVISOR } from "../../abi/hypercall.ts";

const PUSH_RCX = [0x51];
const PUSH_R11 = [0x41, 0x53];
const PUSH_RAX = [0x50];
const POP_R11 = [0x41, 0x5b];
const POP_RCX = [0x59];
const SYSCALL = [0x0f, 0x05];
const RET = [0xc3];
const INT3 = 0xcc;
const movEax = (n: number): number[] => [0xb8, n, 0, 0, 0];

function stub(n: number): number[] {
  if (n === HYPERVISOR.iret) return [...PUSH_RCX, ...PUSH_R11, ...PUSH_RAX, ...movEax(n), ...SYSCALL];
  return [...PUSH_RCX, ...PUSH_R11, ...movEax(n), ...SYSCALL, ...POP_R11, ...POP_RCX, ...RET];
}

/** The page's content: what XEN_ELFNOTE_HYPERCALL_PAGE and the hypercall-page MSR ask for. */
export function hypercallPage64(): Uint8Array {
  const page = new Uint8Array(HYPERCALL_SLOTS * HYPERCALL_SLOT_SIZE).fill(INT3);
  for (let n = 0; n < HYPERCALL_SLOTS; n++) page.set(stub(n), n * HYPERCALL_SLOT_SIZE);
  return page;
}
