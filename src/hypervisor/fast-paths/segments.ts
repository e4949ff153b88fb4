/** Loading CS and SS from the guest's GDT for a return to 64-bit code. Twin: traps/segments.ts. */
import { FLAT_RING3_CS64, FLAT_RING3_SS64 } from "../../abi/arch-x86.ts";
import { PAGE_MASK, PAGE_SHIFT } from "../../machine/memory.ts";
import { type Expr, i32, i64, type Local, StoreOp, ValType } from "../../machine/wasm/expression.ts";
import type { Fn } from "../../machine/wasm/function.ts";
import type { FunctionRef, ModuleBuilder } from "../../machine/wasm/module.ts";
import { segmentRegister } from "../../machine/x86/state.ts";
import { domainRecord } from "../domain.ts";
import { WINDOW_PAGES } from "../mm/descriptor-window.ts";
import { domainMm, VCPUS_PER_WINDOW_TABLE } from "../mm/record.ts";
import {
  ATTR_ACCESSED,
  ATTR_CONFORMING,
  ATTR_DPL_SHIFT,
  ATTR_EXECUTABLE,
  ATTR_G,
  ATTR_L,
  ATTR_PRESENT,
  ATTR_S,
  ATTR_WRITABLE,
  FLAT_CODE64,
  FLAT_DATA,
} from "../traps/segments.ts";
import { vcpuRecord } from "../vcpu.ts";
import { Context, type Imports, RECORD } from "./context.ts";

const { i32: I32 } = ValType;
const ZERO = i32.const(0);
const WINDOW_L1 = domainRecord.offset.mm + domainMm.offset.window_l1;
const TABLE_INDICATOR = 4;
const D_OR_B = 1 << 10;
/** Bits of an attribute word that say what kind of segment it is. */
const CODE_KIND = ATTR_S | ATTR_EXECUTABLE | ATTR_PRESENT | ATTR_L | D_OR_B;
const STACK_KIND = ATTR_S | ATTR_EXECUTABLE | ATTR_WRITABLE | ATTR_PRESENT;

/**
 * Defines prepareSegment(selector, stack) -> 1 if the selector can be loaded into CS (`stack` 0) or SS (1),
 * which is then in `segments` of the record. 0: null, from the LDT, not 64-bit code, or a fault.
 */
export function definePrepareSegment(module: ModuleBuilder, imports: Imports, record: number): FunctionRef {
  const prepare = module.declare([I32, I32], [I32]);
  module.define(prepare, (fn) => emitPrepare(fn, new Context(fn, imports, record)));
  return prepare;
}

function emitPrepare(fn: Fn, c: Context): void {
  const [selector, stack] = fn.params as [Local, Local];
  const slot = fn.let(i32.mul(stack, i32.const(segmentRegister.sizeof)));
  const put = (attributes: Expr, limit: Expr, base: Expr): void => {
    const at = c.record + RECORD.segments;
    fn.store(StoreOp.i32, slot, i32.or(selector, i32.shl(attributes, i32.const(16))), at);
    fn.store(StoreOp.i32, slot, limit, at + segmentRegister.offset.limit);
    fn.store(StoreOp.i64, slot, i64.extendU(base), at + segmentRegister.offset.base);
    fn.return(i32.const(1));
  };
  const flat = i32.select(stack, i32.const(FLAT_RING3_SS64), i32.const(FLAT_RING3_CS64));
  fn.if(i32.eq(selector, flat), () =>
    put(i32.select(stack, i32.const(FLAT_DATA), i32.const(FLAT_CODE64)), i32.const(-1), ZERO),
  );
  c.leaveIf(i32.and(selector, i32.const(TABLE_INDICATOR)));
  c.leaveIf(i32.eqz(i32.and(selector, i32.const(0xfffc))));
  const offset = fn.let(i32.and(selector, i32.const(0xfff8)));
  const at = fn.let(
    i32.add(gdtPage(c, i32.shrU(offset, i32.const(PAGE_SHIFT))), i32.and(offset, i32.const(PAGE_MASK))),
  );
  const low = fn.let(i32.load(at));
  const high = fn.let(i32.load(at, 4));
  const type = i32.and(i32.shrU(high, i32.const(8)), i32.const(0xff));
  const flags = i32.and(i32.shrU(high, i32.const(12)), i32.const(0xf00));
  const attributes = fn.let(i32.or(type, flags));
  const has = (bits: number): Expr => i32.and(attributes, i32.const(bits));
  const ring3 = (): Expr => i32.eq(has(3 << ATTR_DPL_SHIFT), i32.const(3 << ATTR_DPL_SHIFT));
  fn.if(
    stack,
    () => {
      c.leaveIf(i32.ne(has(STACK_KIND), i32.const(ATTR_S | ATTR_WRITABLE | ATTR_PRESENT)));
      c.leaveIf(i32.eqz(ring3()));
    },
    () => {
      c.leaveIf(i32.ne(has(CODE_KIND), i32.const(ATTR_S | ATTR_EXECUTABLE | ATTR_PRESENT | ATTR_L)));
      c.leaveIf(i32.eqz(i32.or(has(ATTR_CONFORMING), ring3())));
    },
  );
  const limit = fn.let(i32.or(i32.and(low, i32.const(0xffff)), i32.and(high, i32.const(0xf_0000))));
  fn.if(has(ATTR_G), () => fn.set(limit, i32.or(i32.shl(limit, i32.const(12)), i32.const(0xfff))));
  const top = i32.or(i32.and(high, i32.const(0xff00_0000)), i32.shl(i32.and(high, i32.const(0xff)), i32.const(16)));
  put(i32.or(attributes, i32.const(ATTR_ACCESSED)), limit, i32.or(top, i32.shrU(low, i32.const(16))));
  fn.result(ZERO);
}

/** Machine address of a page (0..15) of the vCPU's GDT: as `gdtPage` of mm/descriptor-window.ts. */
function gdtPage(c: Context, page: Expr): Expr {
  const id = c.fn.let(i32.load(c.vcpu, vcpuRecord.offset.id));
  const tables = i32.add(c.record32(RECORD.domain), i32.const(WINDOW_L1));
  const table = i32.load(i32.add(tables, i32.shl(i32.divU(id, i32.const(VCPUS_PER_WINDOW_TABLE)), i32.const(2))));
  const first = i32.mul(i32.remU(id, i32.const(VCPUS_PER_WINDOW_TABLE)), i32.const(WINDOW_PAGES));
  const entry = i32.add(i32.shl(table, i32.const(PAGE_SHIFT)), i32.shl(i32.add(first, page), i32.const(3)));
  return i32.and(i32.load(entry), i32.const(~PAGE_MASK));
}
