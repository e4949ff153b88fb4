/** Assembles a WebAssembly module. */
import { Encoder } from "./encoder.ts";
import { type Expr, NodeKind, node, ValType } from "./expression.ts";
import { Fn, type FunctionType } from "./function.ts";

/** A function of the module under construction, imported or defined. */
export interface FunctionRef {
  readonly index: number;
  readonly type: FunctionType;
}

const MEMORY_MAX = 65536;

export class ModuleBuilder {
  readonly #types: FunctionType[] = [];
  readonly #typeKeys = new Map<string, number>();
  readonly #imports: { name: string; type: number }[] = [];
  readonly #functions: { type: number; body: Uint8Array | undefined }[] = [];
  readonly #exports: { name: string; index: number }[] = [];
  readonly #globals: ValType[] = [];
  #table: { import: boolean; size: number } | undefined;
  #memoryPages = 0;
  /** Functions placed into the own table, in order, from index 0. */
  readonly #elements: number[] = [];

  typeIndex(type: FunctionType): number {
    const key = `${type.params.join()}:${type.results.join()}`;
    let index = this.#typeKeys.get(key);
    if (index === undefined) {
      index = this.#types.push(type) - 1;
      this.#typeKeys.set(key, index);
    }
    return index;
  }

  /** The memory is imported as "e"."memory". */
  importMemory(pages: number): void {
    this.#memoryPages = pages;
  }

  /** Declares an own table of function references; fill it with `element`. */
  ownTable(size: number): void {
    this.#table = { import: false, size };
  }

  /** Imports a table as "e"."table". */
  importTable(): void {
    this.#table = { import: true, size: 0 };
  }

  element(f: FunctionRef): number {
    return this.#elements.push(f.index) - 1;
  }

  /** All imports come before the first definition. */
  importFunction(name: string, params: readonly ValType[], results: readonly ValType[]): FunctionRef {
    if (this.#functions.length > 0) throw new Error("imports precede definitions");
    const type = { params, results };
    this.#imports.push({ name, type: this.typeIndex(type) });
    return { index: this.#imports.length - 1, type };
  }

  /** Declares a function whose body follows with `define`. */
  declare(params: readonly ValType[], results: readonly ValType[], exportName?: string): FunctionRef {
    const type = { params, results };
    const index = this.#imports.length + this.#functions.push({ type: this.typeIndex(type), body: undefined }) - 1;
    if (exportName !== undefined) this.#exports.push({ name: exportName, index });
    return { index, type };
  }

  define(ref: FunctionRef, body: (fn: Fn) => void): void {
    const fn = new Fn(ref.type);
    body(fn);
    const entry = this.#functions[ref.index - this.#imports.length];
    if (!entry) throw new RangeError("not a function of this module");
    entry.body = fn.encode();
  }

  /** A mutable global, initially zero, exported under its name. */
  global(type: ValType, exportName?: string): number {
    const index = this.#globals.push(type) - 1;
    if (exportName !== undefined) this.#globalExports.push({ name: exportName, index });
    return index;
  }
  readonly #globalExports: { name: string; index: number }[] = [];

  encode(): Uint8Array<ArrayBuffer> {
    const out = new Encoder(1 << 16);
    out.raw(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
    const section = (id: number, write: (s: Encoder) => void): void => {
      const s = new Encoder(1 << 12);
      write(s);
      out.u8(id);
      out.sized(s.bytes);
    };
    section(1, (s) => {
      s.unsigned(this.#types.length);
      for (const t of this.#types) {
        s.u8(0x60);
        s.sized(Uint8Array.from(t.params));
        s.sized(Uint8Array.from(t.results));
      }
    });
    section(2, (s) => {
      s.unsigned(this.#imports.length + (this.#memoryPages ? 1 : 0) + (this.#table?.import ? 1 : 0));
      for (const f of this.#imports) {
        s.name("e");
        s.name(f.name);
        s.u8(0);
        s.unsigned(f.type);
      }
      if (this.#memoryPages) {
        s.name("e");
        s.name("memory");
        s.u8(2);
        s.u8(1);
        s.unsigned(this.#memoryPages);
        s.unsigned(MEMORY_MAX);
      }
      if (this.#table?.import) {
        s.name("e");
        s.name("table");
        s.u8(1);
        s.u8(0x70);
        s.u8(0);
        s.unsigned(0);
      }
    });
    section(3, (s) => {
      s.unsigned(this.#functions.length);
      for (const f of this.#functions) s.unsigned(f.type);
    });
    if (this.#table && !this.#table.import) {
      const size = Math.max(this.#table.size, this.#elements.length);
      section(4, (s) => {
        s.unsigned(1);
        s.u8(0x70);
        s.u8(0);
        s.unsigned(size);
      });
    }
    if (this.#globals.length) {
      section(6, (s) => {
        s.unsigned(this.#globals.length);
        for (const t of this.#globals) {
          s.u8(t);
          s.u8(1);
          s.u8(t === ValType.i32 ? 0x41 : 0x42);
          s.u8(0);
          s.u8(0x0b);
        }
      });
    }
    section(7, (s) => {
      const table = this.#table && !this.#table.import ? 1 : 0;
      s.unsigned(this.#exports.length + this.#globalExports.length + table);
      for (const e of this.#exports) {
        s.name(e.name);
        s.u8(0);
        s.unsigned(e.index);
      }
      for (const g of this.#globalExports) {
        s.name(g.name);
        s.u8(3);
        s.unsigned(g.index);
      }
      if (table) {
        s.name("table");
        s.u8(1);
        s.unsigned(0);
      }
    });
    if (this.#elements.length) {
      section(9, (s) => {
        s.unsigned(1);
        s.unsigned(0);
        s.u8(0x41);
        s.signed(0);
        s.u8(0x0b);
        s.unsigned(this.#elements.length);
        for (const f of this.#elements) s.unsigned(f);
      });
    }
    section(10, (s) => {
      s.unsigned(this.#functions.length);
      for (const f of this.#functions) {
        if (!f.body) throw new Error("function declared but not defined");
        s.sized(f.body);
      }
    });
    return out.bytes;
  }
}

/** Call of a function with one result. Calls without result go through Fn.run as well. */
export function call(f: FunctionRef, ...args: Expr[]): Expr {
  return node(NodeKind.Call, f.type.results[0] ?? ValType.i32, f.index, args);
}

/** Call through the table; `typeIndex` is that of the module. The index comes last. */
export function callIndirect(typeIndex: number, result: ValType, args: readonly Expr[], index: Expr): Expr {
  return node(NodeKind.CallIndirect, result, typeIndex, [...args, index]);
}
