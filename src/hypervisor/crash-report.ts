/** The report of a crash: registers, the last hypercalls, and what the guest's stack tells. */
import { CS, DS, ES, FS, GS, RBP, RSP, SS } from "../machine/x86/state.ts";
import type { Hypervisor } from "./hypervisor.ts";
import { readWords } from "./traps/guest-words.ts";
import { baseOf, selectorOf } from "./traps/segments.ts";
import type { Vcpu } from "./vcpu.ts";

const NAMES = "rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15".split(" ");
const MAX_FRAMES = 32;
/** Words of the stack that are looked at for return addresses. */
const SCANNED_WORDS = 256;
const MAX_SCANNED = 24;

const hex = (value: bigint | number): string => `0x${value.toString(16)}`;
const wide = (value: bigint): string => value.toString(16).padStart(16, "0");

function registers(hv: Hypervisor, vcpu: Vcpu): string[] {
  const { state, gpr } = vcpu;
  const symbol = hv.symbolize(vcpu.domain, state.rip);
  const lines = [
    `rip ${wide(state.rip)}${symbol}`,
    `rflags ${hex(hv.cpu.rflags)}  ${vcpu.kernelMode ? "guest kernel" : "guest user"} mode  iopl ${vcpu.traps.iopl}`,
  ];
  for (let i = 0; i < 16; i += 4) {
    const row = NAMES.slice(i, i + 4).map((name, j) => `${name.padStart(3)} ${wide(gpr[i + j] ?? 0n)}`);
    lines.push(row.join("  "));
  }
  const selectors = { cs: CS, ss: SS, ds: DS, es: ES, fs: FS, gs: GS };
  lines.push(
    Object.entries(selectors)
      .map(([name, i]) => `${name} ${selectorOf(vcpu, i).toString(16).padStart(4, "0")}`)
      .join("  "),
  );
  lines.push(
    `fs base ${wide(baseOf(vcpu, FS))}  gs base ${wide(baseOf(vcpu, GS))}  inactive gs base ${wide(state.kernel_gs_base)}`,
  );
  lines.push(`cr0 ${hex(state.cr0)}  cr2 ${wide(vcpu.traps.cr2)}  cr3 ${hex(state.cr3)}  cr4 ${hex(vcpu.traps.cr4)}`);
  lines.push(
    `kernel root frame ${hex(vcpu.mm.kernel_root)}  user root frame ${hex(vcpu.mm.user_root)}  kernel stack ${wide(vcpu.traps.kernel_sp)}`,
  );
  return lines;
}

/** Return addresses by the chain of frame pointers. */
export function backtrace(vcpu: Vcpu): bigint[] {
  const pair = new BigUint64Array(2);
  const found: bigint[] = [];
  let rbp = vcpu.gpr[RBP] ?? 0n;
  while (found.length < MAX_FRAMES && readWords(vcpu, rbp, 2, pair)) {
    const [next = 0n, address = 0n] = pair;
    if (address === 0n) break;
    found.push(address);
    // A stack grows down: callers are above.
    if (next <= rbp) break;
    rbp = next;
  }
  return found;
}

/** Words on the stack that look like code: what a guest built without frame pointers leaves. */
function stackScan(hv: Hypervisor, vcpu: Vcpu): string[] {
  const word = new BigUint64Array(1);
  const start = (vcpu.gpr[RSP] ?? 0n) & ~7n;
  const lines: string[] = [];
  for (let i = 0; i < SCANNED_WORDS && lines.length < MAX_SCANNED; i++) {
    if (!readWords(vcpu, BigInt.asUintN(64, start + BigInt(i * 8)), 1, word)) break;
    const symbol = hv.symbolize(vcpu.domain, word[0] ?? 0n);
    if (symbol !== "") lines.push(`  +${hex(i * 8)}: ${wide(word[0] ?? 0n)}${symbol}`);
  }
  return lines;
}

function stackWords(vcpu: Vcpu): string[] {
  const row = new BigUint64Array(4);
  const start = (vcpu.gpr[RSP] ?? 0n) & ~7n;
  const lines: string[] = [];
  for (let i = 0; i < 4; i++) {
    const at = BigInt.asUintN(64, start + BigInt(i * 32));
    if (!readWords(vcpu, at, 4, row)) break;
    lines.push(`  ${wide(at)}: ${[...row].map(wide).join(" ")}`);
  }
  return lines;
}

function hypercalls(hv: Hypervisor, vcpu: Vcpu): string[] {
  return hv.trace.of(vcpu.domain.id).map(({ vcpu: id, number, args, result }) => {
    const name = hv.hypercalls[number]?.name ?? `hypercall ${number}`;
    const value = result === undefined ? "..." : BigInt.asIntN(64, result).toString();
    return `  vCPU ${id}: ${name}(${args.map(hex).join(", ")}) = ${value}`;
  });
}

/** Text for a log; the vCPU is the current one. */
export function crashReport(hv: Hypervisor, vcpu: Vcpu, message: string): string {
  const section = (title: string, lines: string[]): string[] => (lines.length === 0 ? [] : [title, ...lines]);
  return [
    `domain ${vcpu.domain.id} vCPU ${vcpu.id} crashed: ${message}`,
    ...registers(hv, vcpu),
    ...section("stack:", stackWords(vcpu)),
    ...section(
      "frame pointers:",
      backtrace(vcpu).map((a) => `  ${wide(a)}${hv.symbolize(vcpu.domain, a)}`),
    ),
    ...section("code addresses on the stack:", stackScan(hv, vcpu)),
    ...section("last hypercalls:", hypercalls(hv, vcpu)),
  ].join("\n");
}
