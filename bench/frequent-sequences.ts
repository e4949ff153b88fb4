/** Which sequences of forms occur most, as the parts of runs of code. */

/** Forms executed one behind the other, and how often. */
export interface Run {
  readonly forms: readonly string[];
  readonly weight: number;
}

/** A part of a run: one form, or several that have been joined. */
interface Part {
  readonly id: number;
  readonly forms: readonly string[];
}

/**
 * Joins the two parts that occur most often one behind the other, again and again (as byte pair encoding does), so that runs have as few parts
 * as possible.
 * @param joinable forms that may be joined with others
 * @param longest forms of a sequence at most
 * @returns the sequences with the share of parts that each is, the largest first; and the parts for each form executed
 */
export function frequentSequences(
  runs: readonly Run[],
  joinable: ReadonlySet<string>,
  longest: number,
  count: number,
): { sequences: { forms: readonly string[]; share: number }[]; dispatches: number } {
  const singles = new Map<string, Part>();
  let ids = 0;
  const single = (form: string): Part => {
    const part = singles.get(form) ?? { id: ids++, forms: [form] };
    singles.set(form, part);
    return part;
  };
  const rows = merge(runs).map(({ forms, weight }) => ({ parts: forms.map(single), weight }));
  const mayJoin = (a: Part, b: Part): boolean =>
    a.forms.length + b.forms.length <= longest && [...a.forms, ...b.forms].every((form) => joinable.has(form));
  const joined: Part[] = [];
  while (joined.length < count) {
    const best = mostFrequentPair(rows, mayJoin);
    if (!best) break;
    const part = { id: ids++, forms: [...best.first.forms, ...best.second.forms] };
    joined.push(part);
    for (const row of rows) row.parts = join(row.parts, best.first, best.second, part);
  }
  const shares = new Map<Part, number>();
  let all = 0;
  let executed = 0;
  for (const { parts, weight } of rows) {
    all += parts.length * weight;
    for (const part of parts) {
      shares.set(part, (shares.get(part) ?? 0) + weight);
      executed += part.forms.length * weight;
    }
  }
  const sequences = joined.map((part) => ({ forms: part.forms, share: (shares.get(part) ?? 0) / executed }));
  return { sequences: sequences.sort((a, b) => b.share - a.share), dispatches: all / executed };
}

/** Runs of the same forms count together. */
function merge(runs: readonly Run[]): Run[] {
  const merged = new Map<string, { forms: readonly string[]; weight: number }>();
  for (const { forms, weight } of runs) {
    const key = forms.join();
    const known = merged.get(key);
    if (known) known.weight += weight;
    else merged.set(key, { forms, weight });
  }
  return [...merged.values()];
}

function mostFrequentPair(
  rows: readonly { parts: readonly Part[]; weight: number }[],
  mayJoin: (a: Part, b: Part) => boolean,
): { first: Part; second: Part } | undefined {
  const pairs = new Map<number, { first: Part; second: Part; weight: number }>();
  for (const { parts, weight } of rows) {
    for (let i = 1; i < parts.length; i++) {
      const [first, second] = [parts[i - 1] as Part, parts[i] as Part];
      const key = first.id * 65536 + second.id;
      const pair = pairs.get(key);
      if (pair) pair.weight += weight;
      else pairs.set(key, { first, second, weight });
    }
  }
  let best: { first: Part; second: Part; weight: number } | undefined;
  for (const pair of pairs.values()) {
    if (pair.weight > (best?.weight ?? 0) && mayJoin(pair.first, pair.second)) best = pair;
  }
  return best;
}

function join(parts: readonly Part[], first: Part, second: Part, whole: Part): Part[] {
  const result: Part[] = [];
  for (let i = 0; i < parts.length; i++) {
    if (parts[i] === first && parts[i + 1] === second) {
      result.push(whole);
      i++;
    } else result.push(parts[i] as Part);
  }
  return result;
}
