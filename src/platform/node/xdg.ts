/** Where a user's programs keep what: XDG Base Directory Specification. */
import { mkdir, stat } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { FileError, fileError } from "./files.ts";

/** The name of a machine unless another is given. */
export const DEFAULT_MACHINE = "default";

/** Longest path of a socket: sun_path has 108 bytes, of which a temporary name beside it may need a few. */
const LONGEST_SOCKET = 100;

export interface MachinePaths {
  readonly name: string;
  readonly socket: string;
  /** Logs, and what is known of the daemon. */
  readonly state: string;
}

/**
 * The files of a machine.
 * @param name undefined: that of TYPERVISOR_SOCKET, or the default machine
 * @throws FileError
 */
export function machinePaths(name?: string, environment: NodeJS.ProcessEnv = process.env): MachinePaths {
  if (name !== undefined && !/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,39}$/.test(name)) {
    throw new FileError(`${JSON.stringify(name)} is no name for a machine: 1 to 40 of A-Z a-z 0-9 _ . -`);
  }
  const given = environment.TYPERVISOR_SOCKET;
  const fromSocket = name === undefined && given ? resolve(given) : undefined;
  const machine = name ?? (fromSocket === undefined ? DEFAULT_MACHINE : nameOf(fromSocket));
  const socket = fromSocket ?? join(runtimeDirectory(environment), `${machine}.sock`);
  if (Buffer.byteLength(socket) > LONGEST_SOCKET) {
    throw new FileError(`the path of the socket is too long, ${LONGEST_SOCKET} bytes at most: ${socket}`);
  }
  const state = base(environment.XDG_STATE_HOME) ?? join(homedir(), ".local", "state");
  return { name: machine, socket, state: join(state, "typervisor", machine) };
}

/** $XDG_CACHE_HOME/typervisor, or ~/.cache/typervisor. */
export function defaultCacheDirectory(environment: NodeJS.ProcessEnv = process.env): string {
  return join(base(environment.XDG_CACHE_HOME) ?? join(homedir(), ".cache"), "typervisor");
}

function nameOf(socket: string): string {
  const name = socket.replace(/^.*\//, "").replace(/\.sock$/, "");
  return name.replace(/[^A-Za-z0-9_.-]/g, "_").slice(0, 40) || DEFAULT_MACHINE;
}

/** The specification has relative paths ignored. */
function base(path: string | undefined): string | undefined {
  return path && isAbsolute(path) ? path : undefined;
}

function runtimeDirectory(environment: NodeJS.ProcessEnv): string {
  const runtime = base(environment.XDG_RUNTIME_DIR);
  // Without a session there may be none: a directory of the user's in /tmp, whose owner is checked.
  return runtime === undefined ? join(tmpdir(), `typervisor-${process.getuid?.() ?? 0}`) : join(runtime, "typervisor");
}

/** Makes a directory that is the user's alone, or sees that it is. @throws FileError */
export async function privateDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw fileError(error, `cannot make the directory ${path}`);
  }
  await checkPrivate(path);
}

/** @throws FileError if others may have put something there */
export async function checkPrivate(path: string): Promise<void> {
  const { uid, mode } = await stat(path).catch((error: unknown) => {
    throw fileError(error, `cannot use the directory ${path}`);
  });
  const own = process.getuid?.();
  if (own !== undefined && uid !== own) throw new FileError(`the directory ${path} belongs to another user`);
  if ((mode & 0o077) !== 0) {
    throw new FileError(`the directory ${path} is open to others (mode ${(mode & 0o777).toString(8)}): chmod 700 it`);
  }
}

/** Sees that nobody else can be behind a socket. @throws FileError */
export async function checkSocket(socket: string): Promise<void> {
  const { uid } = await stat(socket).catch((error: unknown) => {
    throw fileError(error, `cannot use the socket ${socket}`);
  });
  const own = process.getuid?.();
  if (own !== undefined && uid !== own) throw new FileError(`the socket ${socket} belongs to another user`);
  await checkPrivate(dirname(socket));
}
