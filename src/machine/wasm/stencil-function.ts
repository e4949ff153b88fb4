/** Writes a stencil (stencil.ts) as if it were a function. */
import { type Expr, type Local, NodeKind, node, type ValType } from "./expression.ts";
import { Fn } from "./function.ts";
import { HoleKind, type Stencil } from "./stencil.ts";

const LOCAL_GET = 0x20;

export class StencilFn extends Fn {
  readonly #holes: number[] = [];
  /** Types of the locals that the stencil needs for itself, in order of their symbols. */
  readonly temporaries: ValType[] = [];
  readonly #firstTemporary: number;
  /** Symbols of the locals that are used, and of those that are set; numbers of the constants. */
  readonly used = new Set<number>();
  readonly assigned = new Set<number>();
  /** Those whose value before is needed: it is read, or not always replaced. */
  readonly needed = new Set<number>();
  readonly #replaced = new Set<number>();
  readonly constants = new Set<number>();

  /** @param firstTemporary symbols from here on are the stencil's own */
  constructor(firstTemporary: number) {
    super({ params: [], results: [] });
    this.#firstTemporary = firstTemporary;
  }

  override ownLocal(type: ValType): Local {
    return node(NodeKind.Local, type, this.#firstTemporary + this.temporaries.push(type) - 1) as Local;
  }

  override set(local: Local, value: Expr): void {
    this.assigned.add(local.code);
    super.set(local, value);
    if (this.depth === 0) this.#replaced.add(local.code);
    else if (!this.#replaced.has(local.code)) this.needed.add(local.code);
  }

  /** The place writes something here. */
  flow(which: number, symbol = 0): void {
    this.interrupt();
    this.#hole(HoleKind.Flow, which | (this.depth << 8) | (symbol << 16));
  }

  protected override localIndex(symbol: number): void {
    this.used.add(symbol);
    if (this.code.last === LOCAL_GET && !this.#replaced.has(symbol)) this.needed.add(symbol);
    this.#hole(HoleKind.Local, symbol);
  }

  protected override hole(which: number): void {
    this.constants.add(which);
    this.#hole(HoleKind.Constant, which);
  }

  protected override makeTee(): void {
    this.code.patch(this.code.length - 1, 0x22);
  }

  #hole(kind: number, value: number): void {
    this.#holes.push(this.code.length, kind, value);
  }

  /** The stencil; it cannot be written to any more. */
  stencil(): Stencil {
    const code = this.code.bytes.slice();
    this.recycle();
    return { code, holes: Int32Array.from(this.#holes) };
  }
}
