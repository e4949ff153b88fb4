/** Names for code addresses, from wherever they come. */

export interface SymbolTable {
  /** The symbol that holds an address, and how far into it the address is; undefined outside of the text. */
  lookup(address: bigint): { readonly name: string; readonly offset: bigint } | undefined;
  /** The same as text: `name+0xoffset`. */
  describe(address: bigint): string | undefined;
  /** Address of a symbol. */
  find(name: string): bigint | undefined;
  /** True if the address is in the text that the symbols are of. */
  isText(address: bigint): boolean;
}

/** A function, or a label in code. */
export interface CodeSymbol {
  readonly address: bigint;
  readonly name: string;
}

/**
 * A table of symbols in code.
 * @param end behind the text's last byte
 * @param others symbols that are only found by name
 */
export function symbolTable(
  symbols: readonly CodeSymbol[],
  end: bigint,
  others: ReadonlyMap<string, bigint> = new Map(),
): SymbolTable {
  const sorted = [...symbols].sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
  const addresses = BigUint64Array.from(sorted, ({ address }) => address);
  const first = addresses[0] ?? end;

  const isText = (address: bigint): boolean => address >= first && address < end;
  const lookup = (address: bigint): { name: string; offset: bigint } | undefined => {
    if (!isText(address)) return undefined;
    let low = 0;
    let high = addresses.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((addresses[middle] ?? 0n) <= address) low = middle;
      else high = middle;
    }
    // Of several names for one address the first that the source has.
    while (low > 0 && addresses[low - 1] === addresses[low]) low--;
    const symbol = sorted[low];
    return symbol && { name: symbol.name, offset: address - symbol.address };
  };
  return {
    isText,
    lookup,
    describe: (address) => {
      const found = lookup(address);
      return found && `${found.name}+0x${found.offset.toString(16)}`;
    },
    find: (name) => others.get(name) ?? sorted.find((symbol) => symbol.name === name)?.address,
  };
}

/** Several tables as one: the first that has an answer gives it. */
export function joinSymbols(tables: readonly SymbolTable[]): SymbolTable {
  const first = <T>(ask: (table: SymbolTable) => T | undefined): T | undefined => {
    for (const table of tables) {
      const answer = ask(table);
      if (answer !== undefined) return answer;
    }
    return undefined;
  };
  return {
    lookup: (address) => first((table) => table.lookup(address)),
    describe: (address) => first((table) => table.describe(address)),
    find: (name) => first((table) => table.find(name)),
    isText: (address) => tables.some((table) => table.isText(address)),
  };
}

const LINE = /^([0-9a-f]{8,16}) ([A-Za-z?]) (\S+)/;

/**
 * Reads a Linux System.map: lines of `address type name`.
 * @throws Error if the text has no symbols
 */
export function parseSystemMap(text: string): SymbolTable {
  const symbols: CodeSymbol[] = [];
  const byName = new Map<string, bigint>();
  for (const line of text.split("\n")) {
    const match = LINE.exec(line);
    if (match === null) continue;
    const [, address = "", type = "", name = ""] = match;
    const value = BigInt(`0x${address}`);
    byName.set(name, value);
    // Per-CPU symbols are absolute and small; only code is looked up by address.
    if (/[tTwW]/.test(type)) symbols.push({ address: value, name });
  }
  if (symbols.length === 0) throw new Error("no symbols in it: not a System.map");
  const highest = symbols.reduce((most, { address }) => (address > most ? address : most), 0n);
  return symbolTable(symbols, byName.get("_end") ?? byName.get("_etext") ?? highest + 0x1000n, byName);
}
