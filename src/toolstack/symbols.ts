/** Names for addresses, from a Linux System.map (lines of `address type name`). */

export interface SymbolTable {
  /** `name+0xoffset` of the symbol that holds the address, or undefined outside of the text. */
  describe(address: bigint): string | undefined;
  /** Address of a symbol. */
  find(name: string): bigint | undefined;
  /** True if the address is in the kernel's text. */
  isText(address: bigint): boolean;
}

const LINE = /^([0-9a-f]{8,16}) ([A-Za-z?]) (\S+)/;

/** @throws Error if the text has no symbols */
export function parseSystemMap(text: string): SymbolTable {
  const symbols: { address: bigint; name: string }[] = [];
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
  symbols.sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
  const first = symbols[0]?.address ?? 0n;
  const last = byName.get("_end") ?? byName.get("_etext") ?? (symbols.at(-1)?.address ?? 0n) + 0x1000n;

  const isText = (address: bigint): boolean => address >= first && address < last;
  return {
    isText,
    find: (name) => byName.get(name),
    describe: (address) => {
      if (!isText(address)) return undefined;
      let low = 0;
      let high = symbols.length;
      while (high - low > 1) {
        const middle = (low + high) >> 1;
        if ((symbols[middle]?.address ?? 0n) <= address) low = middle;
        else high = middle;
      }
      const symbol = symbols[low];
      return symbol && `${symbol.name}+0x${(address - symbol.address).toString(16)}`;
    },
  };
}
