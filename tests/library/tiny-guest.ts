/**
 * A PV guest of some hundred bytes, written in machine code: prints a line on its
 * console, reads what is typed up to a newline if asked to, and shuts down.
 */
import { XEN_ELFNOTE } from "../../src/abi/elfnote.ts";
import { makeElf, note, plainNotes } from "../builder/elf-image.ts";

const VIRT_BASE = 0x1000_0000;
/** Load address within the domain. */
const LOAD = 0x10_0000;

/** sched_op shutdown reasons. */
export const SHUTDOWN = { poweroff: 0, reboot: 1, suspend: 2, crash: 3, watchdog: 4 } as const;

export interface TinyGuest {
  readonly prints: string;
  /** Waits for a line of input, and prints it. */
  readonly echo?: boolean;
  /** How it ends: shuts down, executes an undefined instruction, blocks for ever, or loops. */
  readonly ends: keyof typeof SHUTDOWN | "fault" | "block" | "spin";
}

/** Collects machine code; forward references are patched when their place is known. */
class Code {
  readonly bytes: number[] = [];
  readonly #patches: { at: number; label: string }[] = [];
  readonly #labels = new Map<string, number>();

  emit(...bytes: number[]): this {
    this.bytes.push(...bytes);
    return this;
  }
  imm32(value: number): this {
    return this.emit(...new Uint8Array(Uint32Array.of(value).buffer));
  }
  label(name: string): this {
    this.#labels.set(name, this.bytes.length);
    return this;
  }
  /** A 32-bit displacement from the end of the instruction to `label`. */
  rel32(label: string): this {
    this.#patches.push({ at: this.bytes.length, label });
    return this.imm32(0);
  }
  /** mov eax, number; syscall */
  hypercall(number: number): this {
    return this.emit(0xb8).imm32(number).emit(0x0f, 0x05);
  }
  assemble(): Uint8Array {
    const code = Uint8Array.from(this.bytes);
    const view = new DataView(code.buffer);
    for (const { at, label } of this.#patches) view.setInt32(at, (this.#labels.get(label) ?? 0) - (at + 4), true);
    return code;
  }
}

/** notify the console's backend: event_channel_op(EVTCHNOP_send, &start_info->console.domU.evtchn) */
function notify(code: Code): void {
  code.emit(0x49, 0x8d, 0x74, 0x24, 0x50); // lea rsi, [r12+0x50]
  code.emit(0xbf).imm32(4); // mov edi, EVTCHNOP_send
  code.hypercall(32);
}

function end(code: Code, ends: TinyGuest["ends"]): void {
  if (ends === "fault") code.emit(0x0f, 0x0b); // ud2
  if (ends === "block") {
    // sched_op poll for no port and without a timeout, again whenever an event has ended it.
    code.label("sleep");
    code.emit(0x48, 0x8d, 0x35).rel32("poll"); // lea rsi, [poll]
    code.emit(0xbf).imm32(3); // mov edi, SCHEDOP_poll
    code.hypercall(29);
    code.emit(0xe9).rel32("sleep"); // jmp sleep
  }
  if (ends === "spin") code.emit(0xeb, 0xfe); // jmp $
  code.emit(0x48, 0x8d, 0x35).rel32("reason"); // lea rsi, [reason]
  code.emit(0xbf).imm32(2); // mov edi, SCHEDOP_shutdown
  code.hypercall(29);
  code.emit(0x0f, 0x0b);
}

/** The guest as an ELF kernel. */
export function tinyGuest({ prints, echo, ends }: TinyGuest): Uint8Array {
  const text = new TextEncoder().encode(prints);
  const code = new Code();
  code.emit(0x49, 0x89, 0xf4); // mov r12, rsi: start_info
  code.emit(0x49, 0x8b, 0x44, 0x24, 0x48); // mov rax, [r12+0x48]: console.domU.mfn
  code.emit(0x48, 0xbb, 0, 0, 0, 0, 0, 0x80, 0xff, 0xff); // mov rbx, 0xffff800000000000: the M2P
  code.emit(0x48, 0x8b, 0x04, 0xc3); // mov rax, [rbx+rax*8]
  code.emit(0x48, 0xc1, 0xe0, 0x0c); // shl rax, 12
  code.emit(0x48, 0x05).imm32(VIRT_BASE); // add rax, VIRT_BASE
  code.emit(0x49, 0x89, 0xc5); // mov r13, rax: the console's page
  code.emit(0x49, 0x8d, 0xbd).imm32(0x400); // lea rdi, [r13+0x400]: out
  code.emit(0x48, 0x8d, 0x35).rel32("text"); // lea rsi, [text]
  code.emit(0xb9).imm32(text.length); // mov ecx, length
  code.emit(0xfc, 0xf3, 0xa4); // cld; rep movsb
  code.emit(0x41, 0xc7, 0x85).imm32(0xc0c).imm32(text.length); // mov dword [r13+0xc0c], length: out_prod
  notify(code);
  if (echo) {
    code.emit(0x45, 0x31, 0xf6); // xor r14d, r14d: in_cons
    code.label("wait");
    code.emit(0x45, 0x3b, 0xb5).imm32(0xc04); // cmp r14d, [r13+0xc04]: in_prod
    code.emit(0x0f, 0x84).rel32("wait"); // je wait
    code.emit(0x43, 0x8a, 0x44, 0x35, 0x00); // mov al, [r13+r14]
    code.emit(0x41, 0x8b, 0x8d).imm32(0xc0c); // mov ecx, [r13+0xc0c]
    code.emit(0x41, 0x88, 0x84, 0x0d).imm32(0x400); // mov [r13+rcx+0x400], al
    code.emit(0xff, 0xc1); // inc ecx
    code.emit(0x41, 0x89, 0x8d).imm32(0xc0c); // mov [r13+0xc0c], ecx
    code.emit(0x41, 0xff, 0xc6); // inc r14d
    code.emit(0x45, 0x89, 0xb5).imm32(0xc00); // mov [r13+0xc00], r14d
    code.emit(0x3c, 0x0a); // cmp al, '\n'
    code.emit(0x0f, 0x85).rel32("wait"); // jne wait
    notify(code);
  }
  end(code, ends);
  code.label("reason").imm32(ends in SHUTDOWN ? SHUTDOWN[ends as keyof typeof SHUTDOWN] : 0);
  code.label("poll").emit(...new Uint8Array(24));
  code.label("text").emit(...text);
  return makeElf({
    entry: BigInt(VIRT_BASE + LOAD),
    segments: [{ paddr: BigInt(LOAD), vaddr: BigInt(VIRT_BASE + LOAD), data: code.assemble() }],
    notes: plainNotes(
      BigInt(VIRT_BASE),
      note(XEN_ELFNOTE.PADDR_OFFSET, 0n),
      note(XEN_ELFNOTE.ENTRY, BigInt(VIRT_BASE + LOAD)),
    ),
  });
}
