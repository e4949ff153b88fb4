/** A control server with a client on the other end of nothing: bytes go from one to the other at once. */
import { ControlClient } from "../../src/toolstack/control/client.ts";
import { ControlServer, type Handlers } from "../../src/toolstack/control/server.ts";
import type { Transport } from "../../src/toolstack/control/transport.ts";

const encoder = new TextEncoder();

/** The server's side as lines of text. */
export class RawConnection {
  readonly lines: unknown[] = [];
  readonly internalErrors: unknown[] = [];
  backlog = 0;
  open = true;
  readonly #connection;

  constructor(handlers: Partial<Handlers>) {
    const transport: Transport = {
      send: (text) => {
        for (const line of text.trimEnd().split("\n")) this.lines.push(JSON.parse(line));
        return true;
      },
      drained: () => Promise.resolve(),
      backlog: 0,
      hold: () => {},
      close: () => {
        this.open = false;
      },
    };
    Object.defineProperty(transport, "backlog", { get: () => this.backlog });
    const server = new ControlServer({
      version: "1.2.3",
      handlers: handlers as Handlers,
      onInternalError: (error) => this.internalErrors.push(error),
    });
    this.#connection = server.accept(transport);
  }

  say(...messages: unknown[]): void {
    for (const message of messages) this.bytes(encoder.encode(`${JSON.stringify(message)}\n`));
  }

  bytes(bytes: Uint8Array): void {
    this.#connection.receive(bytes);
  }

  hangUp(): void {
    this.#connection.closed();
  }

  /** What came since the last time, when all that is under way has gone as far as it can. */
  async take(): Promise<unknown[]> {
    await new Promise((resolve) => setImmediate(resolve));
    return this.lines.splice(0);
  }
}

/** A client and a server that are connected. */
export function connected(handlers: Partial<Handlers>): ControlClient {
  const server = new ControlServer({ version: "1.2.3", handlers: handlers as Handlers, onInternalError: () => {} });
  const later: string[] = [];
  let client: ControlClient | undefined;
  const toServer: Transport = {
    send: (text) => {
      if (client === undefined) later.push(text);
      else client.receive(encoder.encode(text));
      return true;
    },
    drained: () => Promise.resolve(),
    backlog: 0,
    hold: () => {},
    close: () => client?.closed(),
  };
  const connection = server.accept(toServer);
  const toTheServer = (text: string): boolean => {
    connection.receive(encoder.encode(text));
    return true;
  };
  client = new ControlClient({ ...toServer, send: toTheServer });
  for (const text of later) client.receive(encoder.encode(text));
  return client;
}
