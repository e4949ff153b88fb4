/** xenstore over the control protocol, as domain 0. */
import { XenstoreError } from "../xenstore/error.ts";
import { isSpecial, resolvePath } from "../xenstore/path.ts";
import { formatPermissions } from "../xenstore/permissions.ts";
import { descendants, lookup } from "../xenstore/tree.ts";
import { encodeText } from "../xenstore/wire.ts";
import type { Xenstore } from "../xenstore/xenstore.ts";
import { ControlError } from "./protocol.ts";
import type { Handlers } from "./server.ts";

/** Changed paths that wait for a slow client; there are no more of them in a sane store's turn. */
const MOST_CHANGES = 4096;

type StoreHandlers = Pick<
  Handlers,
  "storeRead" | "storeList" | "storeTree" | "storeWrite" | "storeRemove" | "storeSetPermissions" | "storeWatch"
>;

export function storeHandlers(xenstore: Xenstore): StoreHandlers {
  const node = (path: string) => lookup(xenstore.store.tree, resolvePath(0, path));
  return {
    storeRead: ({ path }) =>
      attempt(() => {
        const found = node(path);
        return found === undefined ? {} : { value: encodeText(found.value) };
      }),
    storeList: ({ path }) =>
      attempt(() => {
        const found = node(path);
        return found === undefined ? {} : { names: [...found.children.keys()] };
      }),
    storeTree: ({ path }) =>
      attempt(() => {
        const found = node(path);
        if (found === undefined) return {};
        const nodes = [...descendants(found, resolvePath(0, path))].map(([at, { value, permissions }]) => ({
          path: at,
          value: encodeText(value),
          permissions: formatPermissions(permissions),
        }));
        return { nodes };
      }),
    storeWrite: ({ path, value }) => attempt(() => xenstore.write(path, value)),
    storeRemove: ({ path }) =>
      attempt(() => {
        if (node(path) === undefined) throw new XenstoreError("ENOENT", path);
        xenstore.remove(path);
      }),
    storeSetPermissions: ({ path, permissions }) => attempt(() => xenstore.setPermissions(path, permissions)),
    storeWatch: async ({ path }, call) => {
      const watched = attempt(() => (isSpecial(path) ? path : resolvePath(0, path)));
      const changed = new Set<string>();
      let wake: () => void = () => {};
      const unwatch = xenstore.watch(watched, (at) => {
        if (changed.size <= MOST_CHANGES) changed.add(at);
        wake();
      });
      const forget = call.onCancel(() => wake());
      try {
        while (!call.cancelled) {
          if (changed.size > MOST_CHANGES) throw new ControlError("unavailable", "too many changes to follow");
          const next = [...changed];
          changed.clear();
          for (const at of next) await call.event({ path: at });
          if (changed.size === 0 && !call.cancelled) await new Promise<void>((resolve) => (wake = resolve));
        }
      } finally {
        forget();
        unwatch();
      }
      return {};
    },
  };
}

/** Errors of the store as those of the protocol. */
function attempt<T>(operation: () => T): T extends void ? Record<string, never> : T {
  try {
    return (operation() ?? {}) as T extends void ? Record<string, never> : T;
  } catch (error) {
    if (!(error instanceof XenstoreError)) throw error;
    throw new ControlError(error.code === "ENOENT" ? "not-found" : "invalid", error.message);
  }
}
