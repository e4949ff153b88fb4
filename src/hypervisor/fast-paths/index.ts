/**
 * Fast paths: the exits that paravirtualized kernels make most, served in WebAssembly beside the
 * processor's loop. Each does exactly what its TypeScript twin does, or nothing: docs/fast-paths.md.
 */
import type { Hypervisor } from "../hypervisor.ts";
import type { Vcpu } from "../vcpu.ts";
import { generateFastPaths } from "./module.ts";
import { fastPathRecord } from "./record.ts";

export { EXITS_PER_CLOCK } from "./module.ts";

const EXITS = fastPathRecord.offset.exits_unclocked;

export class FastPaths {
  readonly record: ReturnType<typeof fastPathRecord.at>;
  /** The module's function, for tests; undefined: exits all come to TypeScript. */
  readonly tryServe: (() => number) | undefined;
  readonly #u32: Uint32Array;
  readonly #exits: number;

  /** @param enabled install them, if the processor has a place for them */
  constructor({ memory, heap, cpu }: Pick<Hypervisor, "memory" | "heap" | "cpu">, enabled: boolean) {
    const address = heap.allocBytes(fastPathRecord.sizeof);
    this.record = fastPathRecord.at(memory, address);
    this.#u32 = memory.u32;
    this.#exits = (address + EXITS) >>> 2;
    if (!enabled || cpu.fastExits === undefined) return;
    const module = new WebAssembly.Module(generateFastPaths(address, memory.memory.buffer.byteLength / 65536));
    const { serve } = new WebAssembly.Instance(module, { e: cpu.fastExits.imports }).exports;
    cpu.fastExits.install(serve);
    this.tryServe = serve as () => number;
  }

  /** The vCPU whose exits are served from now on. */
  serve(vcpu: Vcpu | undefined): void {
    const known = vcpu !== undefined && vcpu.domain.width === 64;
    this.record.vcpu = known ? vcpu.record.address : 0;
    this.record.domain = known ? vcpu.domain.record.address : 0;
  }

  /** Counts an exit that came to TypeScript. @returns exits since the run loop last looked at the clock */
  countExit(): number {
    return ++this.#u32[this.#exits]!;
  }

  /** The run loop has looked at the clock. */
  clockSeen(): void {
    this.#u32[this.#exits] = 0;
  }
}
