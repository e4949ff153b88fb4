/** Pushes, copies, exchanges and sign changes: bits are moved as they are. */
import { i32, type Local, StoreOp } from "../../wasm/expression.ts";
import type { Fn } from "../../wasm/function.ts";
import { isSpecial } from "./operands.ts";
import {
  begin,
  beginPush,
  DONE,
  finish,
  leave,
  loadNumber,
  loadTemporary,
  push,
  registerAddress,
  setInUse,
  storeNumber,
  tagOf,
} from "./unit.ts";

const ST0 = i32.const(0);
const ST0_IN_USE = i32.const(1);
const NO_FLAGS = i32.const(0);

/** push(): the temporary number. */
export function definePush(fn: Fn): void {
  const x = loadTemporary(fn);
  fn.if(isSpecial(x.high, x.significand), () => leave(fn));
  push(fn, beginPush(fn, i32.const(0)), x);
}

/** pushRegister(register): a copy of ST(i). */
export function definePushRegister(fn: Fn): void {
  const [register] = fn.params as [Local];
  const status = beginPush(fn, tagOf(register));
  push(fn, status, loadNumber(fn, registerAddress(status, register)));
}

/** pushExtended(host): 80 bits from memory. */
export function definePushExtended(fn: Fn): void {
  const [host] = fn.params as [Local];
  push(fn, beginPush(fn, i32.const(0)), loadNumber(fn, host));
}

/** copy(register, pops): ST(0) to ST(i), which may have been empty. */
export function defineCopy(fn: Fn): void {
  const [register, pops] = fn.params as [Local, Local];
  const status = begin(fn, ST0_IN_USE);
  const x = loadNumber(fn, registerAddress(status, ST0));
  storeNumber(fn, registerAddress(status, register), x.high, x.significand);
  setInUse(fn, status, register);
  finish(fn, NO_FLAGS, pops);
  fn.result(i32.const(DONE));
}

/** storeExtended(host, pops) */
export function defineStoreExtended(fn: Fn): void {
  const [host, pops] = fn.params as [Local, Local];
  const status = begin(fn, ST0_IN_USE);
  const x = loadNumber(fn, registerAddress(status, ST0));
  storeNumber(fn, host, x.high, x.significand);
  finish(fn, NO_FLAGS, pops);
  fn.result(i32.const(DONE));
}

/** exchange(register) */
export function defineExchange(fn: Fn): void {
  const [register] = fn.params as [Local];
  const status = begin(fn, i32.or(ST0_IN_USE, tagOf(register)));
  const [top, other] = [fn.let(registerAddress(status, ST0)), fn.let(registerAddress(status, register))];
  const [a, b] = [loadNumber(fn, top), loadNumber(fn, other)];
  storeNumber(fn, top, b.high, b.significand);
  storeNumber(fn, other, a.high, a.significand);
  finish(fn, NO_FLAGS);
  fn.result(i32.const(DONE));
}

/** move(register, condition): ST(i) to ST(0) if the condition is not zero. */
export function defineMove(fn: Fn): void {
  const [register, condition] = fn.params as [Local, Local];
  const status = begin(fn, i32.or(ST0_IN_USE, tagOf(register)));
  fn.if(condition, () => {
    const x = loadNumber(fn, registerAddress(status, register));
    storeNumber(fn, registerAddress(status, ST0), x.high, x.significand);
  });
  finish(fn, NO_FLAGS);
  fn.result(i32.const(DONE));
}

/** changeSign(kept, flipped): masks for the sign and exponent of ST(0), whatever it holds. */
export function defineChangeSign(fn: Fn): void {
  const [kept, flipped] = fn.params as [Local, Local];
  const status = begin(fn, ST0_IN_USE);
  const address = fn.let(registerAddress(status, ST0));
  const word = i32.xor(i32.and(i32.load16u(address, 8), kept), flipped);
  fn.store(StoreOp.i32as16, address, word, 8);
  finish(fn, NO_FLAGS);
  fn.result(i32.const(DONE));
}
