/** The x87 floating-point unit. */
export { executeX87, x87Mnemonics, x87Waits } from "./execute.ts";
export { enterMmx, mmxAddress, mmxWritten } from "./mmx.ts";
export { type X87Memory, x87MemoryOperand } from "./operands.ts";
export { FCW_DEFAULT, FSW_ES, type X87Host, X87Unit } from "./unit.ts";
