/**
 * Which generated code executes which form. Known forms come with the first module; others are
 * generated when the decoder first meets them.
 */
import type { MemoryLayout } from "../layout.ts";
import { decode, newInsn } from "../x86/decode/index.ts";
import type { Insn } from "../x86/insn.ts";
import { semantics } from "../x86/semantics/index.ts";
import { cloneInsn, formKey, formName } from "./forms.ts";
import { Fusions, MAX_FUSED } from "./fusions.ts";
import { type Generated, generateHandlers, generateInterpreter } from "./generate.ts";
import type { Emitted, FormShape } from "./handlers.ts";
import { CASE_CALL, CASE_FIRST_FORM, CASE_FIRST_REGION } from "./record.ts";
import { HANDLERS } from "./status.ts";

/** How a form is executed. */
export interface Handler {
  readonly name: string;
  readonly case: number;
  /** Table index of its function, which is called where there is no case, and where a case leaves it to that. */
  readonly handler: number;
  usesSystem: boolean;
  callsRuntime?: boolean;
  /** An instruction of this form, for profiles. */
  example?: string;
}

/** Decodes an example encoding ("4889c3", or those of some instructions) to the shape of a form. */
export function shapeOf(hex: string): FormShape {
  const bytes = Uint8Array.from(hex.match(/../g) ?? [], (h) => Number.parseInt(h, 16));
  const shape: Insn[] = [];
  for (let at = 0; at < bytes.length; ) {
    const insn = newInsn();
    const length = decode(bytes, at, 64, insn);
    if (length <= 0) throw new Error(`form "${hex}" does not decode at byte ${at}`);
    shape.push(cloneInsn(insn));
    at += length;
  }
  return shape;
}

const shapeName = (shape: FormShape): string => shape.map(formName).join(" + ");

export class FormRegistry {
  readonly #layout: MemoryLayout;
  readonly #byName = new Map<string, Handler>();
  /** By table line, then by form key. */
  readonly #byKey: (Map<number, Handler> | undefined)[] = [];
  readonly fusions = new Fusions();
  readonly #pending: { shape: FormShape; handler: Handler }[] = [];
  #handlers = 0;
  /** Handlers that came with the first module; those behind can be forgotten. */
  readonly #known: number;
  readonly #firstFused: number;
  /** Links generated functions to the first module. */
  #link: ((bytes: Uint8Array<ArrayBuffer>) => Record<string, unknown>) | undefined;
  #table: WebAssembly.Table | undefined;
  readonly generated: Generated;

  /**
   * @param inline example encodings of the forms that get a case; some instructions for a fused form
   * @param known example encodings of forms that get a function at once
   */
  constructor(layout: MemoryLayout, inline: readonly string[], known: readonly string[], profile = 0) {
    this.#layout = layout;
    const unique = (list: readonly string[]): FormShape[] => {
      const shapes: FormShape[] = [];
      for (const hex of list) {
        const shape = shapeOf(hex);
        const name = shapeName(shape);
        if (seen.has(name)) continue;
        seen.add(name);
        shapes.push(shape);
      }
      return shapes;
    };
    const seen = new Set<string>();
    // Plain forms first: a case number tells whether it is a fused one.
    const inlineShapes = unique(inline).sort((a, b) => a.length - b.length);
    this.#firstFused = CASE_FIRST_FORM + inlineShapes.filter((s) => s.length === 1).length;
    const functions = [...inlineShapes.filter((shape) => shape.length === 1), ...unique(known)];
    this.generated = generateInterpreter(layout, inlineShapes, functions, profile);
    functions.forEach((shape, i) => {
      const caseNumber = CASE_FIRST_FORM + i;
      this.#add(shape, {
        case: caseNumber < this.#firstFused ? caseNumber : CASE_CALL,
        handler: i,
        ...(this.generated.functions[i] as Emitted),
      });
    });
    this.#handlers = this.#known = functions.length;
    inlineShapes.forEach((shape, i) => {
      if (shape.length === 1) return;
      if (shape.length > MAX_FUSED) throw new Error(`fused form "${shapeName(shape)}" of more than ${MAX_FUSED}`);
      const parts = shape.map((part) => {
        const handler = this.#byName.get(formName(part));
        if (!handler?.case) throw new Error(`fused form "${shapeName(shape)}" of one without a case`);
        return handler;
      });
      this.fusions.add(parts, CASE_FIRST_FORM + i);
    });
  }

  /** Must be called before a form outside the known ones is met. */
  connect(table: WebAssembly.Table, link: (bytes: Uint8Array<ArrayBuffer>) => Record<string, unknown>): void {
    this.#table = table;
    this.#link = link;
  }

  #add(shape: FormShape, how: Omit<Handler, "name">): Handler {
    const handler = { name: shapeName(shape), ...how };
    this.#byName.set(handler.name, handler);
    return handler;
  }

  /** The handler of an instruction, or undefined if it has no semantics. New ones need `flush` before they run. */
  handlerOf(insn: Insn, example?: () => string): Handler | undefined {
    const byKey = (this.#byKey[insn.def.id] ??= new Map());
    const key = formKey(insn);
    let handler = byKey.get(key);
    if (handler) return handler;
    const name = formName(insn);
    handler = this.#byName.get(name);
    if (!handler) {
      if (!semantics.has(insn.def.mnemonic)) return undefined;
      handler = this.#create([cloneInsn(insn)]);
      if (example) handler.example = example();
    }
    byKey.set(key, handler);
    return handler;
  }

  isFused(caseNumber: number): boolean {
    return caseNumber >= this.#firstFused && caseNumber < CASE_FIRST_REGION;
  }

  #create(shape: FormShape): Handler {
    if (this.room === 0) throw new Error("table of instruction forms is full");
    // Whether it needs the decoded instruction is known once it is generated; until then assume so.
    const handler = this.#add(shape, { case: CASE_CALL, handler: this.#handlers++, usesSystem: true });
    this.#pending.push({ shape, handler });
    return handler;
  }

  /** How many more forms can be met before `forget` must be called. */
  get room(): number {
    return HANDLERS - this.#handlers;
  }

  /** Forgets the forms that did not come with the first module. No record may use them any more. */
  forget(): void {
    for (const [name, { handler, case: how }] of this.#byName) {
      if (how !== CASE_CALL || handler < this.#known) continue;
      this.#byName.delete(name);
      this.#table?.set(handler, null);
    }
    this.#byKey.length = 0;
    this.#pending.length = 0;
    this.#handlers = this.#known;
  }

  /** Generates the functions of the forms met since the last call. */
  flush(): void {
    if (this.#pending.length === 0) return;
    const { bytes, forms } = generateHandlers(
      this.#layout,
      this.#pending.map((p) => p.shape),
    );
    if (!this.#link || !this.#table) throw new Error("interpreter is not linked");
    const exports = this.#link(bytes);
    this.#pending.forEach(({ handler }, i) => {
      this.#table?.set(handler.handler, exports[String(i)]);
      Object.assign(handler, forms[i]);
    });
    this.#pending.length = 0;
  }

  /** Names of all forms by how they are executed, for profiling. */
  names(): Map<string, Handler> {
    return this.#byName;
  }
}
