/** The xenstore-* tools. Paths without a leading slash are domain 0's, as they are for those tools. */
import type { ControlClient } from "../../client.ts";
import { ExitStatus, UserError } from "../exit-status.ts";
import { addMachineVerb, forEach, GROUPS, print, type VerbContext } from "./verb.ts";

interface Prefix {
  readonly prefix?: boolean;
}

const PREFIX = ["-p, --prefix", "print the path before each"] as const;

export function addXenstoreVerbs(context: VerbContext): void {
  addMachineVerb<[string | undefined], { readonly full?: boolean; readonly permissions?: boolean }>(
    context,
    {
      usage: "xenstore-ls [path]",
      group: GROUPS.store,
      description: "print a part of the store, or all of it, as a tree",
      options: [
        ["-f, --full", "print whole paths"],
        ["-p, --permissions", "print permissions, too"],
      ],
      examples: ["typervisor xenstore-ls /local/domain/1", "typervisor xenstore-ls -f | grep console"],
    },
    async (client, [path = "/"], { full, permissions }) => {
      const { nodes } = await client.request("storeTree", { path });
      if (nodes === undefined) throw new UserError(`xenstore-ls: there is no node ${path}`);
      const top = depth(nodes[0]?.path ?? "/");
      // The node itself is not printed, what is beneath it is.
      for (const node of nodes.slice(1)) {
        const name = full ? node.path : node.path.replace(/^.*\//, "");
        const indent = full ? "" : " ".repeat(depth(node.path) - top - 1);
        const rights = permissions ? `   (${node.permissions.join(",")})` : "";
        print(`${indent}${name} = "${escaped(node.value)}"${rights}`);
      }
      return 0;
    },
  );
  addMachineVerb<[string[]], Prefix>(
    context,
    {
      usage: "xenstore-read <path...>",
      group: GROUPS.store,
      description: "print values",
      options: [PREFIX],
      examples: ["typervisor xenstore-read /local/domain/1/name"],
    },
    async (client, [paths], { prefix }) => {
      for (const path of paths) {
        const { value } = await client.request("storeRead", { path });
        if (value === undefined) throw new UserError(`xenstore-read: there is no node ${path}`);
        print(`${prefix ? `${path}: ` : ""}${escaped(value)}\n`);
      }
      return 0;
    },
  );
  addMachineVerb<[string[]], Prefix>(
    context,
    {
      usage: "xenstore-list <path...>",
      group: GROUPS.store,
      description: "print names of children",
      options: [PREFIX],
      examples: ["typervisor xenstore-list /local/domain"],
    },
    async (client, [paths], { prefix }) => {
      for (const path of paths) {
        const { names } = await client.request("storeList", { path });
        if (names === undefined) throw new UserError(`xenstore-list: there is no node ${path}`);
        print(names.map((name) => (prefix ? `${path.replace(/\/$/, "")}/${name}` : name)).join("\n"));
      }
      return 0;
    },
  );
  addMachineVerb<[string[]]>(
    context,
    {
      usage: "xenstore-write <path-value...>",
      group: GROUPS.store,
      description: "write values: PATH VALUE, in any number",
      examples: ["typervisor xenstore-write /local/domain/1/data/motd hello"],
    },
    async (client, [words]) => {
      if (words.length % 2 !== 0) throw new UserError("a path without a value", ExitStatus.Usage);
      for (let i = 0; i < words.length; i += 2) {
        const value = unescaped(words[i + 1] ?? "");
        await client.request("storeWrite", { path: words[i] ?? "", value });
      }
      return 0;
    },
  );
  addMachineVerb<[string[]], { readonly tidy?: boolean }>(
    context,
    {
      usage: "xenstore-rm <path...>",
      group: GROUPS.store,
      description: "remove nodes, and all beneath them",
      options: [["-t, --tidy", "and their parents that are empty then"]],
      examples: ["typervisor xenstore-rm /local/domain/1/data/motd"],
    },
    async (client, [paths], { tidy }) =>
      forEach(paths, async (path) => {
        await client.request("storeRemove", { path });
        if (tidy) await removeEmptyParents(client, path);
      }),
  );
  addMachineVerb<[string, string[]], { readonly recursive?: boolean }>(
    context,
    {
      usage: "xenstore-chmod <path> <permission...>",
      group: GROUPS.store,
      description: "set permissions: the owner's with everybody's first, as in n0 r1 b2",
      options: [["-r, --recursive", "of all nodes beneath, too"]],
      examples: ["typervisor xenstore-chmod /tool/shared n0 r1"],
    },
    async (client, [path, permissions], { recursive }) => {
      await client.request("storeSetPermissions", { path, permissions });
      if (!recursive) return 0;
      for (const node of (await client.request("storeTree", { path })).nodes ?? []) {
        await client.request("storeSetPermissions", { path: node.path, permissions });
      }
      return 0;
    },
  );
  addMachineVerb<[string[]], { readonly count?: string }>(
    context,
    {
      usage: "xenstore-watch <path...>",
      group: GROUPS.store,
      description: "print paths that change, and at first those that are watched",
      options: [["-n, --count <n>", "end after so many"]],
      examples: ["typervisor xenstore-watch /local/domain/1/memory", "typervisor xenstore-watch @releaseDomain"],
    },
    async (client, [paths], { count }) => {
      if (count !== undefined && !/^[1-9]\d{0,8}$/.test(count))
        throw new UserError(`-n ${count}: no number`, ExitStatus.Usage);
      await watch(client, paths, count === undefined ? Number.POSITIVE_INFINITY : Number(count));
      return 0;
    },
  );
}

function watch(client: ControlClient, paths: readonly string[], count: number): Promise<void> {
  let seen = 0;
  return new Promise((resolve, reject) => {
    for (const path of paths) {
      const request = client.stream("storeWatch", { path }, ({ path: changed }) => {
        if (seen < count) print(changed);
        if (++seen === count) resolve();
      });
      request.result.catch(reject);
    }
  });
}

async function removeEmptyParents(client: ControlClient, path: string): Promise<void> {
  for (let parent = path.replace(/\/[^/]*$/, ""); parent.includes("/"); parent = parent.replace(/\/[^/]*$/, "")) {
    const { nodes = [] } = await client.request("storeTree", { path: parent });
    if (nodes.length !== 1 || nodes[0]?.value.length !== 0) return;
    await client.request("storeRemove", { path: parent });
  }
}

function depth(path: string): number {
  return path === "/" ? 0 : path.split("/").length - 1;
}

/** What is not printable, as the tools show it: \n, \t, \\, and \xx for the rest. */
function escaped(value: Uint8Array): string {
  const text = Array.from(value, (byte) => {
    if (byte === 0x0a) return "\\n";
    if (byte === 0x09) return "\\t";
    if (byte === 0x0d) return "\\r";
    if (byte === 0x5c) return "\\\\";
    return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`;
  });
  return text.join("");
}

/** The bytes that are meant by what `escaped` prints; other text is UTF-8. */
function unescaped(text: string): Uint8Array {
  const bytes: number[] = [];
  for (const part of text.match(/\\(?:[ntr\\]|x[0-9A-Fa-f]{2})|[^\\]+|\\/g) ?? []) {
    const letter = part[0] === "\\" ? part[1] : undefined;
    const plain = letter === undefined ? undefined : { n: 0x0a, t: 0x09, r: 0x0d, "\\": 0x5c }[letter];
    if (plain !== undefined) bytes.push(plain);
    else if (letter === "x") bytes.push(Number.parseInt(part.slice(2), 16));
    else bytes.push(...new TextEncoder().encode(part));
  }
  return Uint8Array.from(bytes);
}
