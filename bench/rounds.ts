/** Runs guests in turn, several times, and keeps every number. */
import type { Guest } from "./guests/guest.ts";
import { runSession, type Session } from "./guests/session.ts";
import { type Group, PROGRAMS } from "./suite.ts";

export interface Row {
  readonly name: string;
  /** Boots are a group of their own. */
  readonly group: Group | "boot";
  /** By guest, one number a round; a round that failed is missing. */
  readonly seconds: Readonly<Record<string, readonly number[]>>;
}

export interface Measurement {
  readonly rows: readonly Row[];
  readonly complaints: readonly string[];
}

/** Each round begins with another guest, so that what the host does meanwhile hits them alike. */
export async function measure(
  guests: readonly Guest[],
  rounds: number,
  timeoutSeconds: number,
  report: (message: string) => void,
): Promise<Measurement> {
  const sessions: { guest: Guest; session: Session }[] = [];
  const complaints: string[] = [];
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < guests.length; turn++) {
      const guest = guests[(round + turn) % guests.length];
      if (guest === undefined) continue;
      const from = performance.now();
      const session = await runSession(guest, timeoutSeconds);
      const all = ((performance.now() - from) / 1000).toFixed(1);
      report(`round ${round + 1} of ${rounds}: ${guest.name}, boot ${session.bootSeconds?.toFixed(2)} s, all ${all} s`);
      if (session.failure !== undefined) complaints.push(session.failure);
      sessions.push({ guest, session });
    }
  }
  complaints.push(...differences(sessions));
  return { rows: rows(guests, sessions), complaints };
}

type Runs = readonly { readonly guest: Guest; readonly session: Session }[];

function rows(guests: readonly Guest[], sessions: Runs): Row[] {
  const row = (name: string, group: Row["group"], of: (session: Session) => number | undefined): Row => ({
    name,
    group,
    seconds: Object.fromEntries(
      guests.map((guest) => [
        guest.name,
        sessions.flatMap((run) => (run.guest === guest ? (of(run.session) ?? []) : [])),
      ]),
    ),
  });
  const measured = PROGRAMS.filter(({ name }) => sessions.some(({ session }) => session.programs.has(name)));
  return [
    row("boot", "boot", (session) => session.bootSeconds),
    ...measured.map(({ name, group }) => row(name, group, (session) => session.programs.get(name)?.seconds)),
  ];
}

/** All guests must compute the same. */
function differences(sessions: Runs): string[] {
  return PROGRAMS.flatMap(({ name }) => {
    const results = new Map<string, string>();
    for (const { guest, session } of sessions) {
      const result = session.programs.get(name)?.result;
      if (result !== undefined) results.set(result, guest.name);
    }
    if (results.size < 2) return [];
    const said = [...results].map(([result, guest]) => `${result} in ${guest}`).join(", ");
    return [`${name} has computed ${said}`];
  });
}
