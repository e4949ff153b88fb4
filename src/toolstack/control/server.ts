/** The daemon's end of the control protocol: takes requests of many clients, and answers them. */
import { LineReader, LineTooLong } from "./lines.ts";
import {
  ControlError,
  cancel,
  clientGreeting,
  decode,
  type Event,
  encode,
  LONGEST_REQUEST,
  METHODS,
  type MethodName,
  MOST_REQUESTS,
  type Params,
  PROTOCOL_VERSION,
  type Result,
  request,
} from "./protocol.ts";
import { type Schema, SchemaError } from "./schema.ts";
import type { Transport } from "./transport.ts";

/** One request while it is answered. */
export interface Call<E = unknown> {
  /** Sends an event. Resolves when there is room for the next one, or nobody wants it any more. */
  event(event: E): Promise<void>;
  /** The client has gone, or has taken the request back. */
  readonly cancelled: boolean;
  /** Calls `listener` when that happens. Returns how to stop. */
  onCancel(listener: () => void): () => void;
}

export type Handlers = {
  readonly [M in MethodName]: (params: Params<M>, call: Call<Event<M>>) => Result<M> | Promise<Result<M>>;
};

export interface ControlServerOptions {
  /** Of Typervisor, for the greeting. */
  readonly version: string;
  readonly handlers: Handlers;
  /** An error that is nobody's but ours. */
  readonly onInternalError: (error: unknown, method: string) => void;
}

/** Takes what clients send; made by `ControlServer.accept`. */
export interface ServerConnection {
  receive(bytes: Uint8Array): void;
  /** The client has gone. */
  closed(): void;
}

export class ControlServer {
  readonly #options: ControlServerOptions;

  constructor(options: ControlServerOptions) {
    this.#options = options;
  }

  /** A client has connected. */
  accept(transport: Transport): ServerConnection {
    return new Connection(transport, this.#options);
  }
}

/** Bytes that may wait for a client that does not read them, when it asks for more. */
const MOST_BACKLOG = 1 << 24;

/** Something that can be called off. */
class RunningCall {
  cancelled = false;
  readonly #listeners = new Set<() => void>();

  cancel(): void {
    this.cancelled = true;
    for (const listener of [...this.#listeners]) listener();
    this.#listeners.clear();
  }

  onCancel(listener: () => void): () => void {
    if (this.cancelled) listener();
    else this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

class Connection implements ServerConnection {
  readonly #transport: Transport;
  readonly #options: ControlServerOptions;
  readonly #lines = new LineReader(LONGEST_REQUEST);
  readonly #calls = new Map<number, RunningCall>();
  #greeted = false;
  #open = true;

  constructor(transport: Transport, options: ControlServerOptions) {
    this.#transport = transport;
    this.#options = options;
    this.#send({ typervisor: options.version, protocol: PROTOCOL_VERSION });
  }

  receive(bytes: Uint8Array): void {
    if (!this.#open) return;
    try {
      for (const line of this.#lines.push(bytes)) {
        this.#take(line);
        if (!this.#open) return;
      }
    } catch (error) {
      this.#hangUp(error);
    }
  }

  closed(): void {
    this.#open = false;
    for (const call of this.#calls.values()) call.cancel();
  }

  /** One line. @throws whatever makes it impossible to go on with this client */
  #take(line: string): void {
    const message = decode(line);
    if (!this.#greeted) return this.#greet(message);
    if ("cancel" in message) {
      this.#calls.get(cancel.parse(message, "message").cancel)?.cancel();
      return;
    }
    const { id, method } = request.parse(message, "message");
    if (this.#calls.has(id)) throw new ControlError("bad-request", `request ${id} is under way already`);
    if (this.#calls.size >= MOST_REQUESTS) {
      throw new ControlError("bad-request", `more than ${MOST_REQUESTS} requests at a time`);
    }
    if (this.#transport.backlog > MOST_BACKLOG) throw new ControlError("bad-request", "answers are not read");
    if (!isMethod(method)) {
      this.#fail(id, new ControlError("bad-request", `there is no method ${JSON.stringify(method)}`));
      return;
    }
    void this.#call(id, method, message["params"] ?? {});
  }

  #greet(message: unknown): void {
    const { protocol } = clientGreeting.parse(message, "greeting");
    if (protocol !== PROTOCOL_VERSION) {
      throw new ControlError("bad-request", `protocol ${protocol}: this machine speaks protocol ${PROTOCOL_VERSION}`);
    }
    this.#greeted = true;
  }

  async #call<M extends MethodName>(id: number, method: M, given: unknown): Promise<void> {
    const running = new RunningCall();
    this.#calls.set(id, running);
    const call: Call<Event<M>> = {
      event: async (event) => {
        if (!running.cancelled && !this.#send({ id, event })) await this.#transport.drained();
      },
      get cancelled() {
        return running.cancelled;
      },
      onCancel: (listener) => running.onCancel(listener),
    };
    try {
      const params = (METHODS[method].params as Schema<Params<M>>).parse(given, "params");
      const result = await this.#options.handlers[method](params, call);
      if (running.cancelled) throw new ControlError("cancelled", "cancelled");
      this.#send({ id, result });
    } catch (error) {
      if (!(error instanceof ControlError) && !(error instanceof SchemaError)) {
        this.#options.onInternalError(error, method);
      }
      this.#fail(id, error);
    } finally {
      this.#calls.delete(id);
    }
  }

  #fail(id: number, error: unknown): void {
    this.#send({ id, error: describe(error) });
  }

  /** Says why, and ends the connection. */
  #hangUp(error: unknown): void {
    this.#send({ error: describe(error) });
    this.closed();
    this.#transport.close();
  }

  #send(message: object): boolean {
    if (!this.#open) return true;
    return this.#transport.send(encode(message));
  }
}

function isMethod(name: string): name is MethodName {
  return Object.hasOwn(METHODS, name);
}

function describe(error: unknown): { code: string; message: string } {
  if (error instanceof ControlError) return { code: error.code, message: error.message };
  // LineTooLong, too, is the client's fault.
  if (error instanceof SchemaError || error instanceof LineTooLong)
    return { code: "bad-request", message: error.message };
  const message = error instanceof Error ? error.message : String(error);
  return { code: "internal", message: `internal error, please report it: ${message.split("\n")[0]}` };
}
