/** Comparison of many instructions with iced-x86, and the account of it. */

import { decode, newInsn } from "../../src/machine/x86/decode/index.ts";
import type { CodeSize } from "../../src/machine/x86/insn.ts";
import { Judge, whyNotOffered } from "./iced.ts";

export interface Account {
  instructions: number;
  /** VEX, EVEX and XOP encodings, #UD here. */
  vector: number;
  /** By reason: see iced.ts. */
  notOffered: Map<string, number>;
  /** Where iced is known to be wrong, by reason: see iced.ts. */
  disagreements: Map<string, number>;
  /** What is wrong, with an example. */
  differences: string[];
}

const LIMIT = 20;

export class Sweep {
  readonly account: Account = {
    instructions: 0,
    vector: 0,
    notOffered: new Map(),
    disagreements: new Map(),
    differences: [],
  };
  readonly insn = newInsn();
  private readonly judge: Judge;
  private readonly bytes: Uint8Array;
  private readonly codeSize: CodeSize;

  /** @param bytes with at least 16 bytes behind the last instruction */
  constructor(bytes: Uint8Array, codeSize: CodeSize) {
    this.bytes = bytes;
    this.codeSize = codeSize;
    this.judge = new Judge(bytes, codeSize);
  }

  free(): void {
    this.judge.free();
  }

  /** Compares the instruction at an offset; returns its length by iced, or -1. */
  compare(offset: number): number {
    const { judge, insn, account } = this;
    account.instructions++;
    const expected = judge.at(offset);
    const length = decode(this.bytes, offset, this.codeSize, insn);
    const disagreement = expected < 0 ? undefined : judge.disagreement(length > 0 ? insn.def.mnemonic : "undefined");
    if (disagreement !== undefined) {
      account.disagreements.set(disagreement, (account.disagreements.get(disagreement) ?? 0) + 1);
      return expected;
    }
    if (expected < 0) {
      if (length > 0) this.differ(offset, `is ${insn.def.mnemonic} (${insn.def.encoding}), not undefined`);
    } else if (length > 0) {
      const difference = judge.compare(insn);
      if (difference !== "") this.differ(offset, `${insn.def.encoding} ${insn.def.mnemonic}: ${difference}`);
    } else if (judge.isVector()) {
      account.vector++;
    } else {
      const mnemonic = judge.name().mnemonic;
      const reason = whyNotOffered(mnemonic);
      if (reason === undefined) this.differ(offset, `is undefined (${length}), not ${mnemonic}`);
      else account.notOffered.set(reason, (account.notOffered.get(reason) ?? 0) + 1);
    }
    return expected;
  }

  private differ(offset: number, what: string): void {
    if (this.account.differences.length >= LIMIT) return;
    const bytes = [...this.bytes.subarray(offset, offset + 15)].map((byte) => byte.toString(16).padStart(2, "0"));
    this.account.differences.push(`${bytes.join(" ")} ${what} [iced: ${this.judge.instruction.toString()}]`);
  }
}
