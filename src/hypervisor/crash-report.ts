/** The report of a crash: registers, the last hypercalls, and what the guest's stack tells. */
import { CS, DS, ES, FS, GS, RSP, SS } from "../machine/x86/state.ts";
import { backtrace } from "./backtrace.ts";
import type { Hypervisor } from "./hypervisor.ts";
import { highHalf, lowHalf, readWords, wordAt } from "./traps/guest-words.ts";
import { baseOf, selectorOf } from "./traps/segments.ts";
import type { Vcpu } from "./vcpu.ts";

const NAMES = "rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15".split(" ");
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

function stackWords(vcpu: Vcpu): string[] {
  const row = new Uint32Array(8);
  const start = (vcpu.gpr[RSP] ?? 0n) & ~7n;
  const lines: string[] = [];
  for (let i = 0; i < 4; i++) {
    const at = BigInt.asUintN(64, start + BigInt(i * 32));
    if (!readWords(vcpu, lowHalf(at), highHalf(at), 4, row)) break;
    lines.push(`  ${wide(at)}: ${[0, 1, 2, 3].map((word) => wide(wordAt(row, word))).join(" ")}`);
  }
  return lines;
}

function hypercalls(hv: Hypervisor, vcpu: Vcpu): string[] {
  return hv.trace.of(vcpu.domain.id).map(({ vcpu: id, number, args, result }) => {
    const name = hv.hypercalls[number]?.name ?? `hypercall ${number}`;
    const value = result === undefined ? "..." : String(result);
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
      "backtrace (return addresses on the stack):",
      backtrace(vcpu).map((a) => `  ${wide(a)}${hv.symbolize(vcpu.domain, a)}`),
    ),
    ...section("last hypercalls:", hypercalls(hv, vcpu)),
  ].join("\n");
}
