/**
 * The control protocol: what a client can ask a machine's daemon, as data.
 *
 * Both directions carry lines of JSON. Each side greets the other first, with the
 * version of the protocol:
 *
 *     server   {"typervisor": "0.1.0", "protocol": 1}
 *     client   {"protocol": 1}
 *
 * From then on the client makes requests, in any number at a time, and the server answers
 * each: any number of events (if the method has any), then a result or an error.
 *
 *     client   {"id": 1, "method": "pause", "params": {"domain": "web"}}
 *     server   {"id": 1, "result": {}}
 *     server   {"id": 1, "error": {"code": "not-found", "message": "there is no domain web"}}
 *     server   {"id": 2, "event": {"data": "aGVsbG8="}}
 *     client   {"cancel": 2}          ends a request that streams; it is answered with an error "cancelled"
 *
 * Bytes are base64. Domains are named by id or name. Both ends check all that they receive.
 */

import { bytes, toBase64 } from "./base64.ts";
import {
  array,
  boolean,
  type Infer,
  integer,
  nothing,
  number,
  object,
  oneOf,
  optional,
  type Schema,
  string,
} from "./schema.ts";
import { domainOutcome, domainSpec, domainStatus, machineStatus, vcpuStatus } from "./shapes.ts";

export const PROTOCOL_VERSION = 1;
/** Bytes of a line, to the server and from it. */
export const LONGEST_REQUEST = 1 << 18;
export const LONGEST_REPLY = 1 << 26;
/** Bytes of console input in one request. */
export const LONGEST_INPUT = 1 << 14;
/** Requests of a connection that may be under way. */
export const MOST_REQUESTS = 64;

export const ERROR_CODES = [
  /** Not a request of this protocol. */
  "bad-request",
  "not-found",
  "name-in-use",
  "no-memory",
  /** A file cannot be read, or is not what it should be. */
  "bad-file",
  /** An argument that makes no sense. */
  "invalid",
  /** The machine is not able to do it. */
  "unsupported",
  /** Not now: the machine is about to stop, or the domain has ended. */
  "unavailable",
  "cancelled",
  "internal",
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

/** A request was refused. The message is one line for people. */
export class ControlError extends Error {
  override name = "ControlError";
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

interface Method {
  readonly params: Schema<unknown>;
  readonly result: Schema<unknown>;
  /** Only methods that stream have it. */
  readonly event?: Schema<unknown>;
}

const domain = string(64);
const path = string(4096);
const ofDomain = object({ domain });
const someDomains = object({ domain: optional(domain) });
const value = bytes(1 << 16);
const vcpuId = integer(0, 127);
/** 0, the first, if not given. */
const consoleNumber = integer(0, 255);
const microseconds = integer(0, 2 ** 40);
const rtds = { period: microseconds, budget: microseconds, extratime: boolean };

export const METHODS = {
  info: { params: nothing, result: machineStatus },
  list: { params: someDomains, result: object({ domains: array(domainStatus) }) },
  /** The machine's and its domains' figures, again and again. */
  top: {
    params: object({ milliseconds: integer(100, 3_600_000) }),
    event: object({ machine: machineStatus, domains: array(domainStatus) }),
    result: nothing,
  },
  create: {
    params: object({ spec: domainSpec, paused: boolean }),
    event: object({ stage: string(), message: string(), done: number, total: optional(number) }),
    result: object({ id: integer(), name: string() }),
  },
  destroy: { params: ofDomain, result: nothing },
  pause: { params: ofDomain, result: nothing },
  unpause: { params: ofDomain, result: nothing },
  shutdown: { params: object({ domain, how: oneOf("poweroff", "reboot") }), result: nothing },
  /** Answered when the domain has ended. While it is slow to follow a request to shut down, this says what is known of that. */
  wait: {
    params: ofDomain,
    event: object({ how: oneOf("poweroff", "reboot"), taken: boolean, requests: integer() }),
    result: domainOutcome,
  },
  rename: { params: object({ domain, name: string(256) }), result: nothing },
  sysrq: { params: object({ domain, letter: string(1) }), result: nothing },
  trigger: { params: object({ domain, trigger: oneOf("nmi"), vcpu: vcpuId }), result: nothing },

  vcpus: {
    params: someDomains,
    result: object({ domains: array(object({ id: integer(), name: string(), vcpus: array(vcpuStatus) })) }),
  },
  setVcpus: { params: object({ domain, vcpus: integer(1, 128) }), result: nothing },
  setMemoryTarget: { params: object({ domain, bytes: integer(0, 2 ** 40) }), result: nothing },
  setMaximumMemory: { params: object({ domain, bytes: integer(0, 2 ** 40) }), result: nothing },
  credit2: {
    params: someDomains,
    result: object({
      /** Of the machine, in microseconds. */
      rateLimit: microseconds,
      domains: array(object({ id: integer(), name: string(), weight: integer(), cap: integer() })),
    }),
  },
  setCredit2: {
    params: object({ domain, weight: optional(integer(1, 65535)), cap: optional(integer(0, 12800)) }),
    result: nothing,
  },
  /** The shortest time for which a vCPU has the processor before another's credit takes it away. */
  setRateLimit: { params: object({ microseconds }), result: nothing },
  /** Times in microseconds. */
  rtds: {
    params: someDomains,
    result: object({
      domains: array(object({ id: integer(), name: string(), ...rtds, vcpus: array(object({ id: vcpuId, ...rtds })) })),
    }),
  },
  /** Each change is for one vCPU, or for all. */
  setRtds: {
    params: object({
      domain,
      changes: array(
        object({
          vcpu: optional(vcpuId),
          period: optional(microseconds),
          budget: optional(microseconds),
          extratime: optional(boolean),
        }),
        1024,
      ),
    }),
    result: nothing,
  },

  /** A console's last output, and all that comes. Ends with the domain. */
  console: {
    params: object({ domain, console: optional(consoleNumber) }),
    event: object({ data: bytes(1 << 20), /** Bytes before it that came too fast. */ lost: optional(integer()) }),
    result: domainOutcome,
  },
  /** Answered when the guest has taken it. */
  consoleInput: {
    params: object({ domain, console: optional(consoleNumber), data: bytes(LONGEST_INPUT) }),
    result: nothing,
  },
  /** The hypervisor's message buffer. */
  messages: { params: object({ clear: boolean }), result: object({ text: string(1 << 24) }) },

  storeRead: { params: object({ path }), result: object({ value: optional(value) }) },
  storeList: { params: object({ path }), result: object({ names: optional(array(string())) }) },
  /** The node and all beneath it, parents first. */
  storeTree: {
    params: object({ path }),
    result: object({ nodes: optional(array(object({ path: string(), value, permissions: array(string(16)) }))) }),
  },
  storeWrite: { params: object({ path, value }), result: nothing },
  storeRemove: { params: object({ path }), result: nothing },
  storeSetPermissions: { params: object({ path, permissions: array(string(16), 64) }), result: nothing },
  /** Says the path once at first, then each path at or beneath it that changes. */
  storeWatch: { params: object({ path }), event: object({ path: string() }), result: nothing },

  /** Ends the machine: its guests are asked to shut down first, unless it is to be at once. */
  stop: { params: object({ now: boolean }), result: nothing },
} as const satisfies Readonly<Record<string, Method>>;

export type MethodName = keyof typeof METHODS;
export type Params<M extends MethodName> = Infer<(typeof METHODS)[M]["params"]>;
export type Result<M extends MethodName> = Infer<(typeof METHODS)[M]["result"]>;
export type Event<M extends MethodName> = (typeof METHODS)[M] extends { readonly event: infer S } ? Infer<S> : never;

export const serverGreeting = object({ typervisor: string(64), protocol: integer() });
export const clientGreeting = object({ protocol: integer() });

const requestId = integer(1);
export const request = object({ id: requestId, method: string(64), params: optional(object({})) });
export const cancel = object({ cancel: requestId });
export const failure = object({ code: oneOf(...ERROR_CODES), message: string(1 << 16) });
export const replyHeader = object({ id: requestId });

/** A message as a line. */
export function encode(message: object): string {
  // Node's Buffer turns itself into something else before a replacer sees it, so this looks at what it was.
  function replace(this: Readonly<Record<string, unknown>>, key: string, value: unknown): unknown {
    const original = this[key];
    return original instanceof Uint8Array ? toBase64(original) : value;
  }
  return `${JSON.stringify(message, replace)}\n`;
}

/** A line as what it says, not yet checked. @throws ControlError if it is no JSON object */
export function decode(line: string): Readonly<Record<string, unknown>> {
  let message: unknown;
  try {
    message = JSON.parse(line);
  } catch {
    throw new ControlError("bad-request", "not a line of JSON");
  }
  if (typeof message !== "object" || message === null || Array.isArray(message)) {
    throw new ControlError("bad-request", "not a JSON object");
  }
  return message as Readonly<Record<string, unknown>>;
}
