/**
 * The ring transport: a guest's messages to and from the store through one
 * shared page.
 *
 * The guest can write anything at any time into the page. So our own indices
 * are kept here and only published there, each of the guest's is read once and
 * checked, and a message is copied out whole before it is looked at. A guest
 * that breaks the protocol is told so in `error` and not listened to any more,
 * until it asks for a reconnection.
 */
import {
  XENSTORE_CONNECTED,
  XENSTORE_ERROR_COMM,
  XENSTORE_ERROR_NONE,
  XENSTORE_ERROR_PROTO,
  XENSTORE_ERROR_RINGIDX,
  XENSTORE_PAYLOAD_MAX,
  XENSTORE_RECONNECT,
  XENSTORE_RING_SIZE,
  XENSTORE_SERVER_FEATURE_ERROR,
  XENSTORE_SERVER_FEATURE_RECONNECTION,
  XS,
  xenstoreDomainInterface,
} from "../../abi/io/xs_wire.ts";
import { decodeHeader, decodeText, encodeMessage, HEADER_SIZE, type Message } from "./wire.ts";

/** Replies that a guest may leave unread before its further requests have to wait. */
const OUTSTANDING_REPLIES = 20;

/** The server's side of a connection, as the transport sees it. */
export interface Endpoint {
  receive(message: Message): void;
  reset(): void;
}

interface Outgoing {
  readonly bytes: Uint8Array;
  readonly event: string | undefined;
}

export class XenstoreRing {
  readonly #interface: ReturnType<typeof xenstoreDomainInterface.at>;
  readonly #notify: () => void;
  readonly #limit: number;
  readonly #endpoint: Endpoint;

  #requestConsumed = 0;
  #responseProduced = 0;
  /** The request that is being received: header, then payload. */
  #incoming = new Uint8Array(HEADER_SIZE);
  #received = 0;
  /** Messages for the guest; the first `#sent` bytes of the first are in the ring already. */
  readonly #queue: Outgoing[] = [];
  readonly #queuedEvents = new Set<string>();
  #queuedBytes = 0;
  #sent = 0;
  #broken = false;
  /** Within `onEvent`, which notifies once at its end. */
  #pumping = false;

  /**
   * @param page the shared page
   * @param notify raises the guest's event channel
   * @param connect makes the server's side, given how to send to the guest
   * @param limit bytes of unread messages after which the guest is disconnected
   */
  constructor(
    page: Uint8Array,
    notify: () => void,
    connect: (send: (message: Message) => void) => Endpoint,
    limit: number,
  ) {
    this.#notify = notify;
    this.#limit = limit;
    this.#interface = xenstoreDomainInterface.at(
      { u8: page, dv: new DataView(page.buffer, page.byteOffset, page.length) },
      0,
    );
    this.#endpoint = connect((message) => this.#send(message));
    this.#interface.server_features = XENSTORE_SERVER_FEATURE_RECONNECTION | XENSTORE_SERVER_FEATURE_ERROR;
    this.#interface.connection = XENSTORE_CONNECTED;
    this.#requestConsumed = this.#interface.req_cons;
    this.#responseProduced = this.#interface.rsp_prod;
  }

  /** Number of requests or replies that wait for the guest to read them. */
  get backlog(): number {
    return this.#queue.length;
  }

  /** True once the guest has broken the protocol. */
  get broken(): boolean {
    return this.#broken;
  }

  /** The guest has raised its event channel: reads requests, writes what there is room for. */
  onEvent(): void {
    if (this.#interface.connection === XENSTORE_RECONNECT) this.#reconnect();
    let moved = false;
    this.#pumping = true;
    // Each makes room for the other: replies that leave let requests in, and requests make replies.
    while (!this.#broken) {
      const wrote = this.#write();
      const read = this.#read();
      if (!wrote && !read) break;
      moved = true;
    }
    this.#pumping = false;
    if (moved) this.#notify();
  }

  #reconnect(): void {
    this.#endpoint.reset();
    this.#queue.length = 0;
    this.#queuedEvents.clear();
    this.#queuedBytes = this.#sent = this.#received = 0;
    this.#broken = false;
    this.#requestConsumed = this.#responseProduced = 0;
    const page = this.#interface;
    page.req_cons = page.req_prod = page.rsp_cons = page.rsp_prod = 0;
    page.error = XENSTORE_ERROR_NONE;
    page.connection = XENSTORE_CONNECTED;
    this.#notify();
  }

  #fail(error: number): void {
    this.#broken = true;
    this.#endpoint.reset();
    this.#interface.error = error;
    this.#notify();
  }

  /** Takes what the guest has put into the request ring. Returns whether there was anything. */
  #read(): boolean {
    const produced = this.#interface.req_prod;
    let available = (produced - this.#requestConsumed) >>> 0;
    if (available > XENSTORE_RING_SIZE) {
      this.#fail(XENSTORE_ERROR_RINGIDX);
      return false;
    }
    const start = this.#requestConsumed;
    while (available > 0 && this.#queue.length < OUTSTANDING_REPLIES && !this.#broken) {
      const wanted = this.#wanted();
      const length = Math.min(wanted - this.#received, available);
      this.#copyIn(length);
      available -= length;
      this.#received += length;
      this.#dispatch();
    }
    return this.#requestConsumed !== start;
  }

  /** Bytes of the message under way, as far as known. There is room for them. */
  #wanted(): number {
    if (this.#received < HEADER_SIZE) return HEADER_SIZE;
    const wanted = HEADER_SIZE + decodeHeader(this.#incoming).length;
    if (wanted > this.#incoming.length) {
      // Most guests send few messages, and nearly all of them short ones.
      const larger = new Uint8Array(wanted);
      larger.set(this.#incoming);
      this.#incoming = larger;
    }
    return wanted;
  }

  #copyIn(length: number): void {
    const ring = this.#interface.req;
    for (let i = 0; i < length; i++) {
      this.#incoming[this.#received + i] = ring[(this.#requestConsumed + i) % XENSTORE_RING_SIZE] ?? 0;
    }
    this.#requestConsumed = (this.#requestConsumed + length) >>> 0;
    this.#interface.req_cons = this.#requestConsumed;
  }

  /** Hands a message on once it is complete. */
  #dispatch(): void {
    if (this.#received < HEADER_SIZE) return;
    const header = decodeHeader(this.#incoming);
    if (header.length > XENSTORE_PAYLOAD_MAX) {
      this.#fail(XENSTORE_ERROR_PROTO);
      return;
    }
    const end = HEADER_SIZE + header.length;
    if (this.#received < end) return;
    this.#received = 0;
    const { type, requestId, transactionId } = header;
    this.#endpoint.receive({ type, requestId, transactionId, payload: this.#incoming.slice(HEADER_SIZE, end) });
  }

  #send(message: Message): void {
    if (this.#broken) return;
    const event = message.type === XS.WATCH_EVENT ? decodeText(message.payload) : undefined;
    if (event !== undefined) {
      // An event says "look again": one that the guest has not read yet says it for both.
      if (this.#queuedEvents.has(event)) return;
      this.#queuedEvents.add(event);
    }
    const bytes = encodeMessage(message);
    this.#queue.push({ bytes, event });
    this.#queuedBytes += bytes.length;
    if (this.#queuedBytes > this.#limit) {
      this.#fail(XENSTORE_ERROR_COMM);
    } else if (!this.#pumping && this.#write()) {
      this.#notify();
    }
  }

  /** Writes queued messages as far as there is room. Returns whether it wrote any. */
  #write(): boolean {
    const unread = (this.#responseProduced - this.#interface.rsp_cons) >>> 0;
    if (unread > XENSTORE_RING_SIZE) {
      this.#fail(XENSTORE_ERROR_RINGIDX);
      return false;
    }
    let room = XENSTORE_RING_SIZE - unread;
    const start = this.#responseProduced;
    const ring = this.#interface.rsp;
    for (let first = this.#queue[0]; first !== undefined && room > 0; first = this.#queue[0]) {
      const part = first.bytes.subarray(this.#sent, this.#sent + room);
      for (const [i, byte] of part.entries()) {
        ring[(this.#responseProduced + i) % XENSTORE_RING_SIZE] = byte;
      }
      this.#responseProduced = (this.#responseProduced + part.length) >>> 0;
      room -= part.length;
      this.#sent += part.length;
      if (this.#sent === first.bytes.length) this.#dequeue(first);
    }
    this.#interface.rsp_prod = this.#responseProduced;
    return this.#responseProduced !== start;
  }

  #dequeue(first: Outgoing): void {
    this.#queue.shift();
    this.#queuedBytes -= first.bytes.length;
    this.#sent = 0;
    if (first.event !== undefined) this.#queuedEvents.delete(first.event);
  }
}
