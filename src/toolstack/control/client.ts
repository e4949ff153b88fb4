/** A client's end of the control protocol. */
import { LineReader } from "./lines.ts";
import {
  ControlError,
  decode,
  type Event,
  encode,
  failure,
  LONGEST_REPLY,
  METHODS,
  type MethodName,
  type Params,
  PROTOCOL_VERSION,
  type Result,
  replyHeader,
  serverGreeting,
} from "./protocol.ts";
import type { Schema } from "./schema.ts";
import type { Transport } from "./transport.ts";

interface Pending {
  readonly method: MethodName;
  readonly onEvent: (event: never) => void | Promise<void>;
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

/** A request under way. */
export interface PendingRequest<M extends MethodName> {
  /** @throws ControlError, ConnectionLost */
  readonly result: Promise<Result<M>>;
  /** Takes it back: `result` rejects with a ControlError "cancelled". */
  cancel(): void;
}

/** The machine's daemon has gone. */
export class ConnectionLost extends Error {
  override name = "ConnectionLost";
}

export class ControlClient {
  /** Version of the Typervisor at the other end, once it has greeted. @throws ConnectionLost, ControlError */
  readonly greeting: Promise<string>;
  /** Resolves when the connection has ended, for whatever reason. */
  readonly ended: Promise<void>;
  readonly #transport: Transport;
  readonly #lines = new LineReader(LONGEST_REPLY);
  readonly #pending = new Map<number, Pending>();
  #greet: (version: string) => void = () => {};
  #refuse: (error: unknown) => void = () => {};
  #end: () => void = () => {};
  #greeted = false;
  #lost: Error | undefined;
  #last = 0;

  constructor(transport: Transport) {
    this.#transport = transport;
    this.greeting = new Promise((resolve, reject) => {
      this.#greet = resolve;
      this.#refuse = reject;
    });
    this.greeting.catch(() => {});
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    transport.send(encode({ protocol: PROTOCOL_VERSION }));
  }

  /** Makes a request that is answered once. @throws ControlError, ConnectionLost */
  request<M extends MethodName>(method: M, params: Params<M>): Promise<Result<M>> {
    return this.stream(method, params, () => {}).result;
  }

  /** Makes a request whose events are wanted. While a promise of `onEvent` is open, no more are taken from the machine. */
  stream<M extends MethodName>(
    method: M,
    params: Params<M>,
    onEvent: (event: Event<M>) => void | Promise<void>,
  ): PendingRequest<M> {
    const id = ++this.#last;
    const result = new Promise<Result<M>>((resolve, reject) => {
      if (this.#lost !== undefined) {
        reject(this.#lost);
        return;
      }
      const take = resolve as (result: unknown) => void;
      this.#pending.set(id, { method, onEvent: onEvent as Pending["onEvent"], resolve: take, reject });
      this.#transport.send(encode({ id, method, params }));
    });
    result.catch(() => {});
    return { result, cancel: () => void this.#transport.send(encode({ cancel: id })) };
  }

  /** For the transport: bytes have come. */
  receive(bytes: Uint8Array): void {
    if (this.#lost !== undefined) return;
    try {
      for (const line of this.#lines.push(bytes)) this.#take(line);
    } catch (error) {
      this.closed(error instanceof Error ? error : new Error(String(error)));
      this.#transport.close();
    }
  }

  /** For the transport: the connection has ended. */
  closed(error: Error = new ConnectionLost("the machine has gone")): void {
    this.#lost ??= error;
    this.#refuse(this.#lost);
    for (const { reject } of this.#pending.values()) reject(this.#lost);
    this.#pending.clear();
    this.#end();
  }

  /** Ends the connection. */
  close(): void {
    this.#transport.close();
    this.closed(new ConnectionLost("the connection was closed"));
  }

  #take(line: string): void {
    const message = decode(line);
    if (!this.#greeted) {
      if ("error" in message) throw errorOf(message["error"]);
      const { typervisor, protocol } = serverGreeting.parse(message, "greeting");
      if (protocol !== PROTOCOL_VERSION) {
        throw new ControlError(
          "bad-request",
          `the machine is of Typervisor ${typervisor} and speaks protocol ${protocol}, not ${PROTOCOL_VERSION}: stop it and start it anew`,
        );
      }
      this.#greeted = true;
      this.#greet(typervisor);
      return;
    }
    // An error that belongs to no request: the end of the connection.
    if (!("id" in message)) throw errorOf(message["error"]);
    const { id } = replyHeader.parse(message, "reply");
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    const method: { result: Schema<unknown>; event?: Schema<unknown> } = METHODS[pending.method];
    if ("event" in message) {
      if (method.event === undefined) return;
      const taken = pending.onEvent(method.event.parse(message["event"], "event") as never);
      if (taken !== undefined) this.#transport.hold(taken);
      return;
    }
    if ("error" in message) pending.reject(errorOf(message["error"]));
    else pending.resolve(method.result.parse(message["result"], "result"));
    this.#pending.delete(id);
  }
}

function errorOf(given: unknown): ControlError {
  const { code, message } = failure.parse(given, "error");
  return new ControlError(code, message);
}
