/**
 * Shapes of JSON values: one description gives the type and the check.
 *
 * Both ends of the control protocol check what they receive with it, so nothing behind
 * the check has to doubt its arguments.
 */

/** A value is not of its shape. The message names the place: `params.name: must be a string`. */
export class SchemaError extends Error {
  override name = "SchemaError";
}

export interface Schema<T> {
  /** Returns a value that has the shape, without what the shape does not know. @throws SchemaError */
  parse(value: unknown, path: string): T;
  /** The key may be missing in an object. */
  readonly optional?: true;
}

export type Infer<S> = S extends Schema<infer T> ? T : never;

type Fields = Readonly<Record<string, Schema<unknown>>>;
type OptionalKey<F extends Fields> = { [K in keyof F]: F[K] extends { readonly optional: true } ? K : never }[keyof F];
type ObjectOf<F extends Fields> = {
  readonly [K in Exclude<keyof F, OptionalKey<F>>]: Infer<F[K]>;
} & { readonly [K in OptionalKey<F>]?: Infer<F[K]> | undefined };

function refuse(path: string, expected: string): never {
  throw new SchemaError(`${path}: must be ${expected}`);
}

export function string(longest = 4096): Schema<string> {
  return {
    parse(value, path) {
      if (typeof value !== "string") refuse(path, "a string");
      if (value.length > longest) refuse(path, `at most ${longest} characters long`);
      return value;
    },
  };
}

export const boolean: Schema<boolean> = {
  parse: (value, path) => (typeof value === "boolean" ? value : refuse(path, "true or false")),
};

export function integer(least = 0, most = Number.MAX_SAFE_INTEGER): Schema<number> {
  return {
    parse(value, path) {
      const good = typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= most;
      return good ? value : refuse(path, `an integer from ${least} to ${most}`);
    },
  };
}

/** A finite number. */
export const number: Schema<number> = {
  parse: (value, path) => (typeof value === "number" && Number.isFinite(value) ? value : refuse(path, "a number")),
};

export function oneOf<const T extends string>(...words: readonly T[]): Schema<T> {
  return { parse: (value, path) => words.find((word) => word === value) ?? refuse(path, words.join(" or ")) };
}

export function array<T>(items: Schema<T>, most = 1 << 20): Schema<readonly T[]> {
  return {
    parse(value, path) {
      if (!Array.isArray(value)) refuse(path, "a list");
      if (value.length > most) refuse(path, `a list of at most ${most}`);
      return value.map((item, i) => items.parse(item, `${path}[${i}]`));
    },
  };
}

export function optional<T>(schema: Schema<T>): Schema<T> & { readonly optional: true } {
  return { parse: (value, path) => schema.parse(value, path), optional: true };
}

export function object<F extends Fields>(fields: F): Schema<ObjectOf<F>> {
  return {
    parse(value, path) {
      if (typeof value !== "object" || value === null || Array.isArray(value)) refuse(path, "an object");
      const given = value as Readonly<Record<string, unknown>>;
      const result: Record<string, unknown> = {};
      for (const [key, schema] of Object.entries(fields)) {
        const present = Object.hasOwn(given, key) && given[key] !== undefined;
        if (present) result[key] = schema.parse(given[key], `${path}.${key}`);
        else if (schema.optional !== true) throw new SchemaError(`${path}.${key}: is missing`);
      }
      return result as ObjectOf<F>;
    },
  };
}

/** No answer but that it is done. */
export const nothing: Schema<Record<string, never>> = object({}) as Schema<Record<string, never>>;
