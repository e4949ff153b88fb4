/**
 * One client's conversation with the store: its watches, its transactions, and
 * the meaning of each message type of the wire protocol.
 */
import { XENSTORE_PAYLOAD_MAX, XS } from "../../abi/io/xs_wire.ts";
import { control } from "./control.ts";
import { XenstoreError } from "./error.ts";
import { domainPath, isSpecial, resolvePath } from "./path.ts";
import { type Caller, formatPermissions, isPrivileged, parsePermissions } from "./permissions.ts";
import type { Store, Watch } from "./store.ts";
import { Transaction } from "./transaction.ts";
import { decodeStrings, decodeText, encodeStrings, encodeText, type Message } from "./wire.ts";

/** What the store's server does for privileged clients. */
export interface DomainRegistry {
  introduce(domid: number, mfn: number, port: number): void;
  release(domid: number): void;
  isIntroduced(domid: number): boolean;
  setTarget(domid: number, target: number): void;
}

interface ClientWatch extends Watch {
  /** The path as the client wrote it. */
  readonly name: string;
  readonly token: string;
}

const OK = encodeText("OK\0");

export class Session {
  readonly caller: Caller;
  readonly #store: Store;
  readonly #domains: DomainRegistry;
  readonly #send: (message: Message) => void;
  readonly #watches: ClientWatch[] = [];
  readonly #transactions = new Map<number, Transaction>();
  #lastTransaction = 0;

  constructor(store: Store, domains: DomainRegistry, caller: Caller, send: (message: Message) => void) {
    this.#store = store;
    this.#domains = domains;
    this.caller = caller;
    this.#send = send;
  }

  /** Answers one request. Events that it causes follow its reply. */
  receive(request: Message): void {
    this.#store.operation(() => {
      let type = request.type;
      let payload: Uint8Array;
      try {
        payload = this.#process(request);
        if (payload.length > XENSTORE_PAYLOAD_MAX) throw new XenstoreError("E2BIG", "reply");
      } catch (error) {
        if (!(error instanceof XenstoreError)) throw error;
        type = XS.ERROR;
        payload = encodeStrings([error.code]);
      }
      this.#send({ type, requestId: request.requestId, transactionId: request.transactionId, payload });
    });
  }

  /** Ends all that the client had under way, as RESET_WATCHES does. */
  reset(): void {
    for (const watch of this.#watches.splice(0)) this.#store.removeWatch(watch);
    this.#transactions.clear();
  }

  #process(request: Message): Uint8Array {
    const { type, payload } = request;
    const transaction = this.#transaction(request);
    switch (type) {
      case XS.DIRECTORY:
        return encodeStrings([...this.#read(oneString(payload), transaction).children.keys()]);
      case XS.DIRECTORY_PART:
        return this.#directoryPart(payload, transaction);
      case XS.READ:
        return encodeText(this.#read(oneString(payload), transaction).value);
      case XS.GET_PERMS: {
        const [path] = decodeStrings(payload);
        const special = path !== undefined && isSpecial(path) && isPrivileged(this.caller);
        const permissions = special
          ? this.#store.specialPermissions(path)
          : this.#read(oneString(payload), transaction).permissions;
        return encodeStrings(formatPermissions(permissions));
      }
      case XS.WRITE: {
        const end = payload.indexOf(0);
        if (end < 0) throw new XenstoreError("EINVAL", "WRITE without a value");
        const path = this.#resolve(decodeText(payload.subarray(0, end)));
        this.#store.change(
          this.caller,
          { kind: "write", path, value: decodeText(payload.subarray(end + 1)) },
          transaction,
        );
        return OK;
      }
      case XS.MKDIR:
        this.#store.change(this.caller, { kind: "mkdir", path: this.#resolve(oneString(payload)) }, transaction);
        return OK;
      case XS.RM:
        this.#store.change(this.caller, { kind: "remove", path: this.#resolve(oneString(payload)) }, transaction);
        return OK;
      case XS.SET_PERMS: {
        const [name = "", ...entries] = decodeStrings(payload);
        const permissions = parsePermissions(entries);
        if (isSpecial(name)) this.#store.setSpecialPermissions(this.caller, name, permissions);
        else {
          const path = this.#resolve(name);
          this.#store.change(this.caller, { kind: "permissions", path, permissions }, transaction);
        }
        return OK;
      }
      case XS.WATCH:
        return this.#watch(payload);
      case XS.UNWATCH:
        return this.#unwatch(payload);
      case XS.RESET_WATCHES:
        this.reset();
        return OK;
      case XS.TRANSACTION_START:
        if (transaction !== undefined) throw new XenstoreError("EBUSY", "transactions do not nest");
        return encodeStrings([String(this.#begin())]);
      case XS.TRANSACTION_END:
        return this.#end(request, transaction);
      case XS.GET_DOMAIN_PATH:
        return encodeStrings([domainPath(domainNumber(oneString(payload)))]);
      case XS.IS_DOMAIN_INTRODUCED:
      case XS.CONTROL:
      case XS.INTRODUCE:
      case XS.RELEASE:
      case XS.RESUME:
      case XS.SET_TARGET:
        return this.#privileged(type, payload);
      default:
        throw new XenstoreError("ENOSYS", `message type ${type}`);
    }
  }

  #resolve(path: string): string {
    return resolvePath(this.caller.domid, path);
  }

  #read(path: string, transaction: Transaction | undefined): ReturnType<Store["read"]> {
    return this.#store.read(this.caller, this.#resolve(path), transaction);
  }

  /** A directory too long for one reply, from byte `offset` of its list of names on. */
  #directoryPart(payload: Uint8Array, transaction: Transaction | undefined): Uint8Array {
    const [path = "", offset = ""] = decodeStrings(payload);
    if (!/^\d{1,9}$/.test(offset)) throw new XenstoreError("EINVAL", "offset of DIRECTORY_PART");
    const node = this.#read(path, transaction);
    const names = encodeStrings([...node.children.keys()]);
    const generation = encodeStrings([String(node.generation)]);
    // Only whole names; an empty one marks the end of the list.
    const room = XENSTORE_PAYLOAD_MAX - generation.length - 1;
    const rest = names.subarray(Number(offset));
    const part = rest.length <= room ? rest : rest.subarray(0, rest.lastIndexOf(0, room - 1) + 1);
    const last = part.length === rest.length;
    const reply = new Uint8Array(generation.length + part.length + (last ? 1 : 0));
    reply.set(generation);
    reply.set(part, generation.length);
    return reply;
  }

  #watch(payload: Uint8Array): Uint8Array {
    const [name = "", token] = decodeStrings(payload);
    if (token === undefined) throw new XenstoreError("EINVAL", "WATCH without a token");
    const path = isSpecial(name) ? name : this.#resolve(name);
    if (this.#watches.some((watch) => watch.name === name && watch.token === token)) {
      throw new XenstoreError("EEXIST", name);
    }
    if (!isPrivileged(this.caller) && this.#watches.length > this.#store.quota.watches) {
      throw new XenstoreError("E2BIG", `domain ${this.caller.domid} has its ${this.#store.quota.watches} watches`);
    }
    // Who watches a relative path is told relative paths.
    const prefix = name.startsWith("/") || isSpecial(name) ? 0 : domainPath(this.caller.domid).length + 1;
    const watch: ClientWatch = {
      name,
      token,
      path,
      caller: this.caller,
      onEvent: (changed) => this.#sendEvent(changed.slice(prefix), token),
    };
    this.#watches.push(watch);
    this.#store.addWatch(watch);
    return OK;
  }

  #unwatch(payload: Uint8Array): Uint8Array {
    const [name = "", token] = decodeStrings(payload);
    const index = this.#watches.findIndex((watch) => watch.name === name && watch.token === token);
    const [watch] = index < 0 ? [] : this.#watches.splice(index, 1);
    if (watch === undefined) throw new XenstoreError("ENOENT", `watch of ${name}`);
    this.#store.removeWatch(watch);
    return OK;
  }

  #sendEvent(path: string, token: string): void {
    const payload = encodeStrings([path, token]);
    // A path and a token of full length do not fit a message; nobody could have been told otherwise.
    if (payload.length > XENSTORE_PAYLOAD_MAX) return;
    this.#send({ type: XS.WATCH_EVENT, requestId: 0, transactionId: 0, payload });
  }

  /** The transaction that a request belongs to. */
  #transaction({ type, transactionId }: Message): Transaction | undefined {
    // Watches are no part of the store's content: the protocol ignores their transaction.
    if (transactionId === 0 || type === XS.WATCH || type === XS.UNWATCH || type === XS.RESET_WATCHES) return undefined;
    const transaction = this.#transactions.get(transactionId);
    if (transaction === undefined) throw new XenstoreError("ENOENT", `transaction ${transactionId}`);
    return transaction;
  }

  #begin(): number {
    if (!isPrivileged(this.caller) && this.#transactions.size > this.#store.quota.transactions) {
      throw new XenstoreError("ENOSPC", "too many transactions");
    }
    do this.#lastTransaction = (this.#lastTransaction + 1) >>> 0;
    while (this.#lastTransaction === 0 || this.#transactions.has(this.#lastTransaction));
    const transaction = new Transaction(this.#store.tree, this.caller, this.#store.quota);
    this.#transactions.set(this.#lastTransaction, transaction);
    return this.#lastTransaction;
  }

  #end({ transactionId, payload }: Message, transaction: Transaction | undefined): Uint8Array {
    const verdict = oneString(payload);
    if (verdict !== "T" && verdict !== "F") throw new XenstoreError("EINVAL", "TRANSACTION_END without T or F");
    if (transaction === undefined) throw new XenstoreError("ENOENT", "no transaction to end");
    this.#transactions.delete(transactionId);
    if (verdict === "T") this.#store.commit(transaction);
    return OK;
  }

  #privileged(type: number, payload: Uint8Array): Uint8Array {
    if (!isPrivileged(this.caller)) throw new XenstoreError("EACCES", "for domain 0 only");
    const strings = decodeStrings(payload);
    if (type === XS.CONTROL) return encodeStrings([control(this.#store, strings)]);
    const domid = domainNumber(strings[0]);
    if (type === XS.INTRODUCE) {
      this.#domains.introduce(domid, unsignedNumber(strings[1]), unsignedNumber(strings[2]));
      return OK;
    }
    const introduced = this.#domains.isIntroduced(domid);
    if (type === XS.IS_DOMAIN_INTRODUCED) return encodeStrings([introduced ? "T" : "F"]);
    if (!introduced) throw new XenstoreError("ENOENT", `domain ${domid}`);
    if (type === XS.RELEASE) this.#domains.release(domid);
    else if (type === XS.SET_TARGET) this.#domains.setTarget(domid, domainNumber(strings[1]));
    // RESUME clears the mark "has shut down", which this store does not keep.
    return OK;
  }
}

function oneString(payload: Uint8Array): string {
  const [string, ...more] = decodeStrings(payload);
  if (string === undefined || more.length > 0) throw new XenstoreError("EINVAL", "expected one string");
  return string;
}

function unsignedNumber(text: string | undefined): number {
  if (text === undefined || !/^\d{1,15}$/.test(text)) throw new XenstoreError("EINVAL", "expected a number");
  return Number(text);
}

function domainNumber(text: string | undefined): number {
  const domid = unsignedNumber(text);
  // DOMID_FIRST_RESERVED
  if (domid >= 0x7ff0) throw new XenstoreError("EINVAL", `domain ${domid}`);
  return domid;
}
