/** The transcendental instructions: their stack behaviour around the functions. SDM vol. 1 §8.3.7 to §8.3.10. */
import {
  denormalOperand,
  type Float,
  type FpContext,
  INDEFINITE,
  invalid,
  Kind,
  nanResult,
} from "../softfloat/index.ts";
import { f2xm1, fyl2x, fyl2xp1 } from "./exponential.ts";
import type { Handler } from "./handler.ts";
import { ONE } from "./inexact.ts";
import { cosine, fpatan, sine, tangent } from "./trigonometric.ts";
import { FSW_C2, type X87Unit } from "./unit.ts";

/** Arguments from 2 to this are refused with C2. */
const TRIG_LIMIT = 63;

type Trig = (context: FpContext, x: Float) => Float;

/**
 * @param pushed what is pushed above the result of `function_`: cosine (FSINCOS), 1 (FPTAN) or nothing
 */
function trigonometric(function_: Trig, pushed?: Trig): Handler {
  return (fpu) => {
    const context = fpu.begin();
    fpu.fsw &= ~FSW_C2;
    const overflow = pushed !== undefined && !fpu.isEmpty(7);
    if (fpu.isEmpty(0) || overflow) {
      if (!fpu.stackFault(!fpu.isEmpty(0))) return;
      fpu.write(0, INDEFINITE);
      if (pushed) fpu.push(INDEFINITE);
      return;
    }
    const x = fpu.read(0);
    if (x.kind === Kind.Finite && x.exp >= TRIG_LIMIT) {
      fpu.fsw |= FSW_C2;
      return;
    }
    let value: Float;
    let second: Float | undefined;
    const special = nanResult(context, x, x) ?? (x.kind === Kind.Infinity ? invalid(context) : undefined);
    if (special) {
      value = second = special;
    } else {
      if (denormalOperand(context, x, x)) {
        fpu.commit();
        return;
      }
      value = function_(context, x);
      second = pushed?.(context, x);
    }
    if (!fpu.commit()) return;
    fpu.write(0, value);
    if (pushed && second) fpu.push(second);
  };
}

/** ST(1) = f(ST(0), ST(1)), then pops. */
function binary(operation: (context: FpContext, x: Float, y: Float) => Float): Handler {
  return (fpu) => {
    const context = fpu.begin();
    if (fpu.isEmpty(0) || fpu.isEmpty(1)) {
      if (!fpu.stackFault(false)) return;
      fpu.write(1, INDEFINITE);
      fpu.pop();
      return;
    }
    const value = operation(context, fpu.read(0), fpu.read(1));
    if (!fpu.commit()) return;
    fpu.write(1, value);
    fpu.pop();
  };
}

function unary(fpu: X87Unit, operation: (context: FpContext, x: Float) => Float): void {
  const context = fpu.begin();
  if (fpu.isEmpty(0)) {
    if (fpu.stackFault(false)) fpu.write(0, INDEFINITE);
    return;
  }
  const value = operation(context, fpu.read(0));
  if (fpu.commit()) fpu.write(0, value);
}

export const transcendental: Record<string, Handler> = {
  f2xm1: (fpu) => unary(fpu, f2xm1),
  fyl2x: binary(fyl2x),
  fyl2xp1: binary(fyl2xp1),
  fpatan: binary(fpatan),
  fsin: trigonometric(sine),
  fcos: trigonometric(cosine),
  fsincos: trigonometric(sine, cosine),
  fptan: trigonometric(tangent, () => ONE),
};
