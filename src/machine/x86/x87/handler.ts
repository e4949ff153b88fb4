/** What executes one x87 mnemonic. */
import type { Insn } from "../insn.ts";
import type { X87Unit } from "./unit.ts";

/**
 * @param address machine address of the memory operand, if the instruction has one
 * @returns an exception vector to be raised, or nothing
 */
// biome-ignore lint/suspicious/noConfusingVoidType: most handlers return nothing
export type Handler = (fpu: X87Unit, insn: Insn, address: number) => number | void;
