/** The words of xl.cfg(5): identifiers, numbers, strings, signs and ends of lines. */
import { ConfigError, type Place } from "./error.ts";

export type Token = Place &
  (
    | { readonly kind: "name" | "string"; readonly text: string }
    | { readonly kind: "number"; readonly value: number; readonly text: string }
    | { readonly kind: "sign"; readonly text: "=" | "+=" | "[" | "]" | "," }
    /** A newline or semicolon. */
    | { readonly kind: "end"; readonly text: string }
    | { readonly kind: "eof"; readonly text: "" }
  );

const SPACE = /[ \t\r\f\v]+|#[^\n]*/y;
const NAME = /[A-Za-z_][A-Za-z0-9_]*/y;
const NUMBER = /0[xX][0-9A-Fa-f]+|\d+/y;
const SIGN = /\+=|[=[\],]/y;
const ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  "\\": "\\",
  "'": "'",
  '"': '"',
  "?": "?",
};

/** @throws ConfigError */
export function tokenize(source: string, text: string): Token[] {
  return new Lexer(source, text).all();
}

class Lexer {
  readonly #source: string;
  readonly #text: string;
  #at = 0;
  #line = 1;
  #lineStart = 0;

  constructor(source: string, text: string) {
    this.#source = source;
    // A byte order mark says nothing here.
    this.#text = text.replace(/^\uFEFF/, "");
  }

  all(): Token[] {
    const tokens: Token[] = [];
    for (;;) {
      const token = this.#next();
      tokens.push(token);
      if (token.kind === "eof") return tokens;
    }
  }

  #next(): Token {
    while (this.#match(SPACE) !== undefined);
    const place = this.#place();
    const first = this.#text[this.#at];
    if (first === undefined) return { ...place, kind: "eof", text: "" };
    if (first === "\n" || first === ";") {
      this.#at++;
      if (first === "\n") this.#newLine();
      return { ...place, kind: "end", text: first };
    }
    if (first === "'" || first === '"') return { ...place, kind: "string", text: this.#string(first) };
    const name = this.#match(NAME);
    if (name !== undefined) return { ...place, kind: "name", text: name };
    const number = this.#match(NUMBER);
    if (number !== undefined) return { ...place, kind: "number", value: this.#number(number, place), text: number };
    const sign = this.#match(SIGN);
    if (sign !== undefined) return { ...place, kind: "sign", text: sign as "=" };
    throw new ConfigError(
      place,
      `unexpected ${JSON.stringify(String.fromCodePoint(this.#text.codePointAt(this.#at) ?? 0))}`,
    );
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  #place(): Place {
    return { source: this.#source, line: this.#line, column: this.#at - this.#lineStart + 1 };
  }

  #newLine(): void {
    this.#line++;
    this.#lineStart = this.#at;
  }

  /** Numbers with a leading zero are octal, as in C. */
  #number(text: string, place: Place): number {
    const octal = /^0\d/.test(text);
    if (octal && /[89]/.test(text)) throw new ConfigError(place, `${text} is no octal number`);
    const value = octal ? Number.parseInt(text, 8) : Number(text);
    if (!Number.isSafeInteger(value)) throw new ConfigError(place, `${text} is too large`);
    const after = this.#text[this.#at];
    if (after !== undefined && /[A-Za-z_.]/.test(after)) {
      throw new ConfigError(place, `a number, or a string in quotes, is expected: ${text}${after}...`);
    }
    return value;
  }

  #string(quote: string): string {
    const start = this.#place();
    let text = "";
    for (this.#at++; ; ) {
      const next = this.#text[this.#at];
      if (next === undefined || next === "\n") throw new ConfigError(start, "a string without an end");
      if (next === "\\") text += this.#escape();
      else {
        this.#at++;
        if (next === quote) return text;
        text += next;
      }
    }
  }

  #escape(): string {
    const place = this.#place();
    this.#at++;
    const letter = this.#text[this.#at];
    const known = letter === undefined ? undefined : ESCAPES[letter];
    if (known !== undefined) {
      this.#at++;
      return known;
    }
    const octal = this.#match(/[0-7]{1,3}/y);
    if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 0xff);
    const hex = this.#match(/x[0-9A-Fa-f]{2}/y);
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex.slice(1), 16));
    throw new ConfigError(place, "a backslash that stands for nothing (write two of them)");
  }
}
