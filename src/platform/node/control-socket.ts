/**
 * The daemon's unix socket: one daemon a socket, of one user alone.
 *
 * The socket is its own lock: whoever answers on it is alive, and one that nobody answers on
 * is left over from a process that was killed. A new daemon listens under a name of its own
 * first and moves that into place, so that the socket never has wrong permissions and is never
 * missing; if two start at the same moment, the one whose socket lies there afterwards has won.
 */
import { randomBytes } from "node:crypto";
import { chmod, lstat, readdir, rename, rm, stat } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Transport } from "../../toolstack/control/transport.ts";
import { FileError, fileError } from "./files.ts";
import { checkSocket, privateDirectory } from "./xdg.ts";

/** A daemon runs on this socket already. */
export class SocketInUse extends FileError {
  override name = "SocketInUse";
}

/** No daemon answers on this socket. */
export class NoDaemon extends FileError {
  override name = "NoDaemon";
}

/** What takes the bytes of a connection. */
export interface Receiver {
  receive(bytes: Uint8Array): void;
  closed(): void;
}

export interface ControlSocket {
  /** Ends all connections, and removes the socket. */
  close(): Promise<void>;
}

const MOST_CONNECTIONS = 256;
/** Bytes that wait before `send` asks for patience. */
const HIGH_WATER = 1 << 18;
/** For another daemon that starts at the same moment to move its socket into place, too. */
const SETTLE_MS = 50;
/** Names of sockets that are not in place yet. */
const TEMPORARY = /^~[0-9a-f]{8}$/;

/** Sees that no daemon has this socket, which may change. @throws SocketInUse, FileError */
export async function checkSocketFree(path: string): Promise<void> {
  await privateDirectory(dirname(path));
  if (await answers(path)) throw inUse(path);
}

/** Listens. @throws SocketInUse, FileError */
export async function listenOnSocket(path: string, accept: (transport: Transport) => Receiver): Promise<ControlSocket> {
  await checkSocketFree(path);
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    serve(socket, accept);
  });
  server.maxConnections = MOST_CONNECTIONS;
  const temporary = join(dirname(path), `~${randomBytes(4).toString("hex")}`);
  try {
    await listen(server, temporary);
    await chmod(temporary, 0o600);
    const { ino } = await stat(temporary);
    // Once more, as late as can be.
    if (await answers(path)) throw inUse(path);
    await rename(temporary, path);
    await delay(SETTLE_MS);
    if ((await inode(path)) !== ino) throw inUse(path);
    await removeLeftovers(path);
    return { close: () => close(server, open, path, ino) };
  } catch (error) {
    server.close();
    await rm(temporary, { force: true });
    throw fileError(error, `cannot listen on ${path}`);
  }
}

/** Connects to a daemon. @throws NoDaemon, FileError */
export async function connectToSocket(path: string, receiver: Receiver): Promise<Transport> {
  if ((await inode(path)) === undefined) throw new NoDaemon(path);
  await checkSocket(path);
  const socket = connect(path);
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", (error: NodeJS.ErrnoException) => {
      const nobody = error.code === "ECONNREFUSED" || error.code === "ENOENT";
      reject(nobody ? new NoDaemon(path) : fileError(error, `cannot connect to ${path}`));
    });
  });
  return attach(socket, receiver);
}

function inUse(path: string): SocketInUse {
  return new SocketInUse(`a machine runs on ${path} already: stop it first, or choose another name with --name`);
}

async function inode(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ ino }) => ino,
    () => undefined,
  );
}

/** Somebody listens there. @throws FileError if it is something that must not be replaced by a socket */
async function answers(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isSocket() === false) throw new FileError(`${path} is there, and is no socket`);
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => {
      // EAGAIN: its queue of connections is full.
      if (error.code === "EAGAIN") resolve(true);
      else if (error.code === "ECONNREFUSED" || error.code === "ENOENT") resolve(false);
      else reject(error);
    });
  });
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function serve(socket: Socket, accept: (transport: Transport) => Receiver): void {
  const queue: Uint8Array[] = [];
  let receiver: Receiver | undefined;
  const transport = attach(socket, {
    receive: (bytes) => (receiver === undefined ? queue.push(bytes) : receiver.receive(bytes)),
    closed: () => receiver?.closed(),
  });
  receiver = accept(transport);
  for (const bytes of queue) receiver.receive(bytes);
}

/** A socket as what the control protocol needs. */
function attach(socket: Socket, receiver: Receiver): Transport {
  const waiting = new Set<() => void>();
  let holds = 0;
  const wake = (): void => {
    for (const resolve of [...waiting]) resolve();
    waiting.clear();
  };
  socket.on("data", (bytes: Uint8Array) => receiver.receive(bytes));
  socket.on("drain", wake);
  // What follows an error is `close`.
  socket.on("error", () => {});
  socket.on("close", () => {
    receiver.closed();
    wake();
  });
  return {
    send: (text) => {
      if (!socket.writable) return true;
      socket.write(text);
      return socket.writableLength < HIGH_WATER;
    },
    get backlog() {
      return socket.writableLength;
    },
    drained: () =>
      socket.destroyed || socket.writableLength < HIGH_WATER
        ? Promise.resolve()
        : new Promise((resolve) => waiting.add(resolve)),
    hold: (until) => {
      holds++;
      socket.pause();
      const release = (): void => {
        if (--holds === 0) socket.resume();
      };
      until.then(release, release);
    },
    close: () => socket.end(() => socket.destroy()),
  };
}

/** Sockets that starting daemons left when they were killed. */
async function removeLeftovers(path: string): Promise<void> {
  const directory = dirname(path);
  for (const name of await readdir(directory)) {
    if (!TEMPORARY.test(name)) continue;
    const leftover = join(directory, name);
    if (!(await answers(leftover).catch(() => true))) await rm(leftover, { force: true });
  }
}

async function close(server: Server, open: ReadonlySet<Socket>, path: string, ino: number): Promise<void> {
  // Not the socket of somebody who has taken the place.
  if ((await inode(path)) === ino) await rm(path, { force: true });
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const socket of open) socket.destroySoon();
  await closed;
}
