/** Options of the benchmarks that run the suite. */
import { parseArgs } from "node:util";
import { type Program, selectPrograms } from "./suite.ts";

export interface Options {
  readonly rounds: number;
  /** Of the programs' repetitions: 0.1 for a tenth. */
  readonly scale: number;
  readonly programs: readonly Program[];
  /** Names; all if there is none. */
  readonly guests: readonly string[];
  /** Of one guest in one round. */
  readonly timeoutSeconds: number;
  readonly save: boolean;
}

/** Complete runs are worth keeping; what was narrowed is kept only if --save says so. */
export function parseOptions(words: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...words],
    options: {
      rounds: { type: "string", default: "3" },
      scale: { type: "string", default: "1" },
      only: { type: "string", default: "" },
      guests: { type: "string", default: "" },
      timeout: { type: "string", default: "600" },
      save: { type: "boolean" },
    },
    allowNegative: true,
  });
  const list = (text: string): string[] => text.split(",").filter((name) => name !== "");
  return {
    rounds: positive("rounds", values.rounds),
    scale: positive("scale", values.scale),
    programs: selectPrograms(list(values.only)),
    guests: list(values.guests),
    timeoutSeconds: positive("timeout", values.timeout),
    save: values.save ?? (values.only === "" && values.guests === "" && values.scale === "1"),
  };
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`--${name} ${text}: must be a positive number`);
  return value;
}
