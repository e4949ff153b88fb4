/**
 * The PV console's two byte rings (public/io/console.h), seen from the backend.
 *
 * Our own indices are kept here and only published to the page; the guest's are
 * read once an operation and checked. Indices that cannot be (more bytes than a
 * ring has) stop the console: there is no way to tell what the guest meant.
 */
import { XENCONS_IN_SIZE, XENCONS_OUT_SIZE, xenconsInterface } from "../../abi/io/console.ts";

export class ConsoleRing {
  readonly #interface: ReturnType<typeof xenconsInterface.at>;
  readonly #in: Uint8Array;
  readonly #out: Uint8Array;
  #inProduced: number;
  #outConsumed: number;
  #broken = false;

  /** @param page the frame that the guest shares */
  constructor(page: Uint8Array) {
    this.#interface = xenconsInterface.at({ u8: page, dv: new DataView(page.buffer, page.byteOffset, page.length) }, 0);
    this.#in = this.#interface.in;
    this.#out = this.#interface.out;
    this.#inProduced = this.#interface.in_prod;
    this.#outConsumed = this.#interface.out_cons;
  }

  /** True once the guest's indices made no sense. */
  get broken(): boolean {
    return this.#broken;
  }

  /** Takes up to `limit` bytes that the guest has written; notify it if there were any. */
  receive(limit = XENCONS_OUT_SIZE): Uint8Array {
    const available = this.#distance(this.#interface.out_prod, this.#outConsumed, XENCONS_OUT_SIZE);
    const bytes = new Uint8Array(Math.min(available, limit));
    for (let i = 0; i < bytes.length; i++) bytes[i] = this.#out[(this.#outConsumed + i) % XENCONS_OUT_SIZE] ?? 0;
    this.#outConsumed = (this.#outConsumed + bytes.length) >>> 0;
    this.#interface.out_cons = this.#outConsumed;
    return bytes;
  }

  /** Gives the guest as many of `bytes` as there is room for; returns how many. Notify it if there were any. */
  send(bytes: Uint8Array): number {
    const used = this.#distance(this.#inProduced, this.#interface.in_cons, XENCONS_IN_SIZE);
    const length = this.#broken ? 0 : Math.min(XENCONS_IN_SIZE - used, bytes.length);
    for (let i = 0; i < length; i++) this.#in[(this.#inProduced + i) % XENCONS_IN_SIZE] = bytes[i] ?? 0;
    this.#inProduced = (this.#inProduced + length) >>> 0;
    this.#interface.in_prod = this.#inProduced;
    return length;
  }

  /** Bytes between a producer's and a consumer's index; 0 for ever after an impossible distance. */
  #distance(produced: number, consumed: number, size: number): number {
    const distance = (produced - consumed) >>> 0;
    if (distance > size) this.#broken = true;
    return this.#broken ? 0 : distance;
  }
}
