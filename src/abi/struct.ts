/**
 * The structure description language.
 *
 * Everything that lives in machine memory (what guests see by ABI and what the
 * hypervisor keeps for itself) is declared once as a `struct`; TypeScript gets
 * typed views over the bytes from it, the code generators get the offsets.
 * Layout is that of the System V C compiler: natural alignment, little-endian,
 * `ulong` being 8 bytes for 64-bit guests and 4 bytes for 32-bit ones.
 */

/** Bytes that views look at. Machine memory is one; a test may use a plain buffer. */
export interface Bytes {
  readonly dv: DataView;
  readonly u8: Uint8Array;
}

/** Width of a guest's `long`, in bits. */
export type Width = 64 | 32;

/** What a view is made of. */
interface Place {
  readonly bytes: Bytes;
  readonly address: number;
}

/** A property of views, for a field at a fixed offset. */
interface Accessor<T> {
  get(this: Place): T;
  set(this: Place, value: T): void;
}

/** A type that can be laid out in memory. `T` is what TypeScript sees. */
export interface FieldType<T> {
  size(width: Width): number;
  align(width: Width): number;
  get(bytes: Bytes, address: number, width: Width): T;
  set(bytes: Bytes, address: number, value: T, width: Width): void;
  /** The property of a field at offset `at`, where there is a faster one than by `get` and `set`. */
  accessor?(at: number, width: Width): Accessor<T>;
}

function scalar<T>(
  size: number,
  get: (dv: DataView, a: number) => T,
  set: (dv: DataView, a: number, v: T) => void,
  accessor: (at: number) => Accessor<T>,
): FieldType<T> {
  return {
    size: () => size,
    align: () => size,
    get: (b, a) => get(b.dv, a),
    set: (b, a, v) => set(b.dv, a, v),
    accessor,
  };
}

// Accessors are spelled out for each type: shared code would be slow for all of them.
export const u8 = scalar<number>(
  1,
  (d, a) => d.getUint8(a),
  (d, a, v) => d.setUint8(a, v),
  (at) => ({
    get() {
      return this.bytes.dv.getUint8(this.address + at);
    },
    set(v) {
      this.bytes.dv.setUint8(this.address + at, v);
    },
  }),
);
export const i8 = scalar<number>(
  1,
  (d, a) => d.getInt8(a),
  (d, a, v) => d.setInt8(a, v),
  (at) => ({
    get() {
      return this.bytes.dv.getInt8(this.address + at);
    },
    set(v) {
      this.bytes.dv.setInt8(this.address + at, v);
    },
  }),
);
export const u16 = scalar<number>(
  2,
  (d, a) => d.getUint16(a, true),
  (d, a, v) => d.setUint16(a, v, true),
  (at) => ({
    get() {
      return this.bytes.dv.getUint16(this.address + at, true);
    },
    set(v) {
      this.bytes.dv.setUint16(this.address + at, v, true);
    },
  }),
);
export const i16 = scalar<number>(
  2,
  (d, a) => d.getInt16(a, true),
  (d, a, v) => d.setInt16(a, v, true),
  (at) => ({
    get() {
      return this.bytes.dv.getInt16(this.address + at, true);
    },
    set(v) {
      this.bytes.dv.setInt16(this.address + at, v, true);
    },
  }),
);
export const u32 = scalar<number>(
  4,
  (d, a) => d.getUint32(a, true),
  (d, a, v) => d.setUint32(a, v, true),
  (at) => ({
    get() {
      return this.bytes.dv.getUint32(this.address + at, true);
    },
    set(v) {
      this.bytes.dv.setUint32(this.address + at, v, true);
    },
  }),
);
export const i32 = scalar<number>(
  4,
  (d, a) => d.getInt32(a, true),
  (d, a, v) => d.setInt32(a, v, true),
  (at) => ({
    get() {
      return this.bytes.dv.getInt32(this.address + at, true);
    },
    set(v) {
      this.bytes.dv.setInt32(this.address + at, v, true);
    },
  }),
);
/** For the hypervisor's own numbers only: no guest interface has one. Exact for integers up to 2^53. */
export const f64 = scalar<number>(
  8,
  (d, a) => d.getFloat64(a, true),
  (d, a, v) => d.setFloat64(a, v, true),
  (at) => ({
    get() {
      return this.bytes.dv.getFloat64(this.address + at, true);
    },
    set(v) {
      this.bytes.dv.setFloat64(this.address + at, v, true);
    },
  }),
);
/** 8 bytes, aligned to 4 only in 32-bit structures (i386 ABI); a header's `uint64_aligned_t` is `aligned(u64, 8)`. */
export const u64: FieldType<bigint> = {
  size: () => 8,
  align: (w) => w / 8,
  get: (b, a) => b.dv.getBigUint64(a, true),
  set: (b, a, v) => b.dv.setBigUint64(a, v, true),
  accessor: (at) => ({
    get() {
      return this.bytes.dv.getBigUint64(this.address + at, true);
    },
    set(v) {
      this.bytes.dv.setBigUint64(this.address + at, v, true);
    },
  }),
};

/** A guest `unsigned long`: 8 or 4 bytes by the guest's width, always a bigint here. */
export const ulong: FieldType<bigint> = {
  size: (w) => w / 8,
  align: (w) => w / 8,
  get: (b, a, w) => (w === 64 ? b.dv.getBigUint64(a, true) : BigInt(b.dv.getUint32(a, true))),
  set: (b, a, v, w) =>
    w === 64 ? b.dv.setBigUint64(a, v, true) : b.dv.setUint32(a, Number(BigInt.asUintN(32, v)), true),
};

/** A guest virtual address (XEN_GUEST_HANDLE): a `ulong`. */
export const handle = ulong;

/** A view of an array in memory. */
export interface ArrayView<T> {
  readonly length: number;
  /** Address of the first element in the viewed bytes. */
  readonly address: number;
  get(index: number): T;
  set(index: number, value: T): void;
}

class ElementsView<T> implements ArrayView<T> {
  readonly length: number;
  readonly address: number;
  readonly #element: FieldType<T>;
  readonly #bytes: Bytes;
  readonly #width: Width;

  constructor(element: FieldType<T>, length: number, bytes: Bytes, address: number, width: Width) {
    this.#element = element;
    this.length = length;
    this.#bytes = bytes;
    this.address = address;
    this.#width = width;
  }

  get(index: number): T {
    return this.#element.get(this.#bytes, this.#at(index), this.#width);
  }

  set(index: number, value: T): void {
    this.#element.set(this.#bytes, this.#at(index), value, this.#width);
  }

  #at(index: number): number {
    if (!(index >= 0 && index < this.length)) throw new RangeError(`index ${index} outside array of ${this.length}`);
    return this.address + index * this.#element.size(this.#width);
  }
}

/** A fixed array of `length` elements. */
export function array<T>(element: FieldType<T>, length: number): FieldType<ArrayView<T>> {
  return {
    size: (w) => element.size(w) * length,
    align: (w) => element.align(w),
    get: (bytes, address, w) => new ElementsView(element, length, bytes, address, w),
    set: (bytes, address, value, w) => {
      for (let i = 0; i < length; i++) {
        element.set(bytes, address + i * element.size(w), value.get(i), w);
      }
    },
  };
}

/** A fixed field of raw bytes; reading gives a live view. */
export function bytes(length: number): FieldType<Uint8Array> {
  return {
    size: () => length,
    align: () => 1,
    get: (b, a) => b.u8.subarray(a, a + length),
    set: (b, a, v) => {
      b.u8.fill(0, a, a + length);
      b.u8.set(v.subarray(0, length), a);
    },
  };
}

/** A NUL-padded ASCII field of `length` bytes. */
export function cstring(length: number): FieldType<string> {
  return {
    size: () => length,
    align: () => 1,
    get: (b, a) => {
      let s = "";
      for (let i = a; i < a + length && b.u8[i] !== 0; i++) s += String.fromCharCode(b.u8[i] ?? 0);
      return s;
    },
    set: (b, a, v) => {
      if (v.length > length) throw new RangeError(`string of ${v.length} bytes in a field of ${length}`);
      b.u8.fill(0, a, a + length);
      for (let i = 0; i < v.length; i++) b.u8[a + i] = v.charCodeAt(i);
    },
  };
}

/** A field that only guests of one width have: it takes no room in the other layout, where it must not be used. */
export function onlyFor<T>(width: Width, type: FieldType<T>): FieldType<T> {
  const check = (w: Width): void => {
    if (w !== width) throw new TypeError(`field exists in the ${width}-bit layout only`);
  };
  return {
    size: (w) => (w === width ? type.size(w) : 0),
    align: (w) => (w === width ? type.align(w) : 1),
    get: (b, a, w) => {
      check(w);
      return type.get(b, a, w);
    },
    set: (b, a, v, w) => {
      check(w);
      type.set(b, a, v, w);
    },
  };
}

/** Like `type`, but with another alignment (for example 16 for an XMM register). */
export function aligned<T>(type: FieldType<T>, alignment: number): FieldType<T> {
  return { ...type, align: () => alignment };
}

type Fields = Record<string, FieldType<unknown>>;
type ValueOf<F> = F extends FieldType<infer T> ? T : never;

/** A live, typed view of one structure in memory: fields read and write through. */
export type View<F extends Fields> = { -readonly [K in keyof F]: ValueOf<F[K]> } & {
  /** Address of the structure in the viewed bytes. */
  readonly address: number;
};

/** Layout of a structure for one guest width. */
export interface Layout<F extends Fields> {
  readonly size: number;
  readonly align: number;
  /** Byte offset of each field. */
  readonly offset: { readonly [K in keyof F]: number };
  /** A view of the structure at `address`. */
  at(bytes: Bytes, address: number): View<F>;
}

/** A declared structure. Without a width, everything is for 64-bit guests. */
export interface StructDef<F extends Fields> extends FieldType<View<F>> {
  readonly structName: string;
  readonly offset: { readonly [K in keyof F]: number };
  readonly sizeof: number;
  at(bytes: Bytes, address: number): View<F>;
  for(width: Width): Layout<F>;
}

function layOut<F extends Fields>(fields: F, width: Width, union: boolean): Layout<F> {
  const offset: Record<string, number> = {};
  let end = 0;
  let align = 1;
  for (const [name, type] of Object.entries(fields)) {
    // Views use these names themselves.
    if (name === "address" || name === "bytes") throw new TypeError(`a field cannot be named "${name}"`);
    const a = type.align(width);
    const at = union ? 0 : Math.ceil(end / a) * a;
    offset[name] = at;
    end = Math.max(end, at + type.size(width));
    align = Math.max(align, a);
  }
  class StructView {
    // Only declared: fields with initialisers would make every view slower to create.
    declare readonly bytes: Bytes;
    declare readonly address: number;
    constructor(bytes: Bytes, address: number) {
      this.bytes = bytes;
      this.address = address;
    }
  }
  for (const [name, type] of Object.entries(fields)) {
    const at = offset[name] ?? 0;
    const accessor = type.accessor?.(at, width) ?? {
      get(this: Place) {
        return type.get(this.bytes, this.address + at, width);
      },
      set(this: Place, value: unknown) {
        type.set(this.bytes, this.address + at, value, width);
      },
    };
    Object.defineProperty(StructView.prototype, name, { ...accessor, enumerable: true });
  }
  return {
    size: Math.ceil(end / align) * align,
    align,
    offset: offset as Layout<F>["offset"],
    at: (bytes, address) => new StructView(bytes, address) as unknown as View<F>,
  };
}

function define<F extends Fields>(structName: string, fields: F, union: boolean): StructDef<F> {
  const w64 = layOut(fields, 64, union);
  let w32: Layout<F> | undefined;
  const layout = (w: Width): Layout<F> => {
    if (w === 64) return w64;
    w32 ??= layOut(fields, 32, union);
    return w32;
  };
  const def: StructDef<F> = {
    structName,
    offset: w64.offset,
    sizeof: w64.size,
    at: w64.at,
    for: layout,
    size: (w) => layout(w).size,
    align: (w) => layout(w).align,
    get: (b, a, w) => layout(w).at(b, a),
    set: (b, a, v, w) => {
      const size = layout(w).size;
      const source = v as unknown as { bytes: Bytes; address: number };
      b.u8.set(source.bytes.u8.subarray(source.address, source.address + size), a);
    },
    accessor: (at, w) => {
      const { at: view } = layout(w);
      return {
        get() {
          return view(this.bytes, this.address + at);
        },
        set(value) {
          def.set(this.bytes, this.address + at, value, w);
        },
      };
    },
  };
  return def;
}

/** Declares a structure; fields are laid out in order as a C compiler would. */
export function struct<F extends Fields>(name: string, fields: F): StructDef<F> {
  return define(name, fields, false);
}

/** Declares a union: all fields at offset 0. */
export function union<F extends Fields>(name: string, fields: F): StructDef<F> {
  return define(name, fields, true);
}
