/** The alignment of FXSAVE's and FXRSTOR's memory image. */
import { type Expr, i32, i64, type Local } from "../../wasm/expression.ts";
import { CR0_AM, EXC_AC, EXC_GP, FLAG_AC } from "../state.ts";
import type { Emit } from "./emit.ts";

/** FXSAVE, FXRSTOR: a misaligned image is #AC(0) where alignment is checked, else #GP(0). */
export function requireAlignedImage(e: Emit, linear: Local): void {
  const { fn } = e;
  const isSet = (field: "cr0" | "rflags_system", mask: number): Expr =>
    i32.ne(i32.and(e.state32(field), i32.const(mask)), i32.const(0));
  fn.if(i64.ne(i64.and(linear, i64.const(15)), i64.const(0)), () => {
    const checked = i32.and(isSet("rflags_system", FLAG_AC), isSet("cr0", Number(CR0_AM)));
    fn.if(i32.and(checked, i32.eq(e.state32("cpl"), i32.const(3))), () => e.raise(EXC_AC));
    e.raise(EXC_GP);
  });
}
