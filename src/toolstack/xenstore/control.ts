/** XS_CONTROL: questions of an administrator to the store itself. */
import { XenstoreError } from "./error.ts";
import type { Store } from "./store.ts";

const COMMANDS: Readonly<Record<string, (store: Store) => string>> = {
  help: () => Object.keys(COMMANDS).join("\n"),
  quota: (store) =>
    Object.entries(store.quota)
      .map(([name, value]) => `${name}: ${value}`)
      .join("\n"),
  nodes: (store) => [...store.tree.owned].map(([domid, nodes]) => `domain ${domid}: ${nodes}`).join("\n"),
};

/** Runs a command given as its words. @throws XenstoreError EINVAL for unknown ones */
export function control(store: Store, [name = ""]: readonly string[]): string {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) throw new XenstoreError("EINVAL", `no control command ${JSON.stringify(name)}`);
  return command(store);
}
