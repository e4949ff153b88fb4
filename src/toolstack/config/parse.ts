/**
 * The syntax of xl.cfg(5): `key = value`, one a line or with semicolons between them.
 *
 * A value is a number, a string in quotes, or a list of values in brackets, which may go over
 * several lines. `key += value` adds to a string or list. What is set again replaces what was.
 */
import { ConfigError, type Place } from "./error.ts";
import { type Token, tokenize } from "./lexer.ts";

export type Value = Place &
  (
    | { readonly kind: "string"; readonly text: string }
    | { readonly kind: "number"; readonly number: number }
    | { readonly kind: "list"; readonly items: readonly Value[] }
  );

export interface Setting extends Place {
  readonly key: string;
  readonly value: Value;
}

/** Lists in lists, no deeper. */
const DEEPEST = 8;

/** The settings of a text, by key. @param before settings that it changes @throws ConfigError */
export function parseConfig(
  source: string,
  text: string,
  before: ReadonlyMap<string, Setting> = new Map(),
): Map<string, Setting> {
  const settings = new Map(before);
  const tokens = new Tokens(tokenize(source, text));
  for (;;) {
    while (tokens.take("end"));
    if (tokens.at("eof")) return settings;
    const key = tokens.expect("name", "the name of a setting");
    const add = tokens.takeSign("+=");
    if (!add && !tokens.takeSign("=")) tokens.refuse("=");
    const value = parseValue(tokens, 0);
    if (!tokens.at("end") && !tokens.at("eof")) tokens.refuse("the end of the line");
    const { source, line, column } = key;
    const old = settings.get(key.text)?.value;
    settings.set(key.text, { key: key.text, value: add ? joined(old, value) : value, source, line, column });
  }
}

function parseValue(tokens: Tokens, depth: number): Value {
  const token = tokens.next;
  const { source, line, column } = token;
  const place = { source, line, column };
  if (token.kind === "string") {
    tokens.advance();
    return { ...place, kind: "string", text: token.text };
  }
  if (token.kind === "number") {
    tokens.advance();
    return { ...place, kind: "number", number: token.value };
  }
  if (!tokens.takeSign("[")) tokens.refuse("a number, a string in quotes, or a list in brackets");
  if (depth === DEEPEST) throw new ConfigError(place, "lists in lists in lists");
  const items: Value[] = [];
  for (;;) {
    while (tokens.take("end", "\n"));
    if (tokens.takeSign("]")) break;
    if (tokens.at("eof")) throw new ConfigError(place, "a list without an end");
    items.push(parseValue(tokens, depth + 1));
    while (tokens.take("end", "\n"));
    if (tokens.takeSign("]")) break;
    if (tokens.at("eof")) throw new ConfigError(place, "a list without an end");
    if (!tokens.takeSign(",")) tokens.refuse(", or ]");
  }
  return { ...place, kind: "list", items };
}

function joined(old: Value | undefined, added: Value): Value {
  if (old === undefined) return added;
  if (old.kind === "string" && added.kind === "string") return { ...added, text: old.text + added.text };
  if (old.kind === "list" && added.kind === "list") return { ...added, items: [...old.items, ...added.items] };
  throw new ConfigError(added, `+= cannot add a ${added.kind} to a ${old.kind}`);
}

/** A cursor over the words. */
class Tokens {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  get next(): Token {
    return this.#tokens[this.#at] as Token;
  }

  at(kind: Token["kind"]): boolean {
    return this.next.kind === kind;
  }

  advance(): void {
    this.#at++;
  }

  /** Passes over a word of this kind, if it is next. */
  take(kind: Token["kind"], text?: string): boolean {
    const { next } = this;
    if (next.kind !== kind || (text !== undefined && next.text !== text)) return false;
    this.#at++;
    return true;
  }

  takeSign(sign: string): boolean {
    return this.take("sign", sign);
  }

  expect(kind: Token["kind"], what: string): Token {
    const { next } = this;
    if (next.kind !== kind) this.refuse(what);
    this.#at++;
    return next;
  }

  refuse(expected: string): never {
    const { next } = this;
    const found = next.kind === "eof" ? "the end" : next.kind === "end" ? "the end of the line" : next.text;
    throw new ConfigError(
      next,
      `expected ${expected}, found ${next.kind === "string" ? JSON.stringify(found) : found}`,
    );
  }
}
