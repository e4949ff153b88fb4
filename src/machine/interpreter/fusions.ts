/** Fused forms: runs of instructions that one case executes in one go. */
import type { Handler } from "./form-registry.ts";

/** Instructions of a fused form at most. */
export const MAX_FUSED = 4;

/** What has been decoded, as the beginning of fused forms. */
interface Prefix {
  /** The case that executes all of it, or 0. */
  case: number;
  readonly longer: Map<Handler, Prefix>;
}

export class Fusions {
  readonly #root: Prefix = { case: 0, longer: new Map() };
  /** By how far back, from the last instruction: the fused forms that may begin there. */
  readonly #open: (Prefix | undefined)[] = [];

  /** @param parts what executes each of the instructions alone */
  add(parts: readonly Handler[], caseNumber: number): void {
    let at = this.#root;
    for (const part of parts) {
      let longer = at.longer.get(part);
      if (!longer) at.longer.set(part, (longer = { case: 0, longer: new Map() }));
      at = longer;
    }
    at.case = caseNumber;
  }

  /** A run of code begins. */
  begin(): void {
    this.#open.length = 0;
  }

  /**
   * One more instruction of the run: `fuse(back, case)` is called for each fused form that ends with it, `back` instructions
   * after its first.
   */
  follow(next: Handler, fuse: (back: number, caseNumber: number) => void): void {
    const open = this.#open;
    for (let back = MAX_FUSED - 1; back >= 1; back--) {
      const longer = open[back - 1]?.longer.get(next);
      open[back] = longer;
      if (longer && longer.case !== 0) fuse(back, longer.case);
    }
    open[0] = this.#root.longer.get(next);
  }
}
