/** A client of the store that speaks the wire protocol by messages, without a ring. */
import { XS } from "../../src/abi/io/xs_wire.ts";
import type { Session } from "../../src/toolstack/xenstore/session.ts";
import { decodeStrings, decodeText, encodeText, type Message } from "../../src/toolstack/xenstore/wire.ts";
import type { Xenstore } from "../../src/toolstack/xenstore/xenstore.ts";

export class Client {
  readonly session: Session;
  /** Watch events that came, as "path token". */
  readonly events: string[] = [];
  #reply: Message | undefined;
  #nextRequest = 1;

  constructor(xenstore: Xenstore, domid: number) {
    this.session = xenstore.connect(domid, (message) => {
      if (message.type === XS.WATCH_EVENT) this.events.push(decodeStrings(message.payload).join(" "));
      else this.#reply = message;
    });
  }

  /** Sends a request; its reply's payload as text, or the name of the error. */
  ask(type: number, payload: string, transactionId = 0): string {
    const requestId = this.#nextRequest++;
    this.#reply = undefined;
    this.session.receive({ type, requestId, transactionId, payload: encodeText(payload) });
    const reply = this.#reply as Message | undefined;
    if (reply === undefined) throw new Error("no reply");
    if (reply.requestId !== requestId || reply.transactionId !== transactionId)
      throw new Error("reply to another request");
    return decodeText(reply.payload).replace(/\0$/, "");
  }

  read = (path: string, tx = 0): string => this.ask(XS.READ, `${path}\0`, tx);
  write = (path: string, value: string, tx = 0): string => this.ask(XS.WRITE, `${path}\0${value}`, tx);
  mkdir = (path: string, tx = 0): string => this.ask(XS.MKDIR, `${path}\0`, tx);
  rm = (path: string, tx = 0): string => this.ask(XS.RM, `${path}\0`, tx);
  directory = (path: string, tx = 0): string[] => this.ask(XS.DIRECTORY, `${path}\0`, tx).split("\0");
  permissions = (path: string): string[] => this.ask(XS.GET_PERMS, `${path}\0`).split("\0");
  setPermissions = (path: string, ...entries: string[]): string =>
    this.ask(XS.SET_PERMS, [path, ...entries].map((s) => `${s}\0`).join(""));
  watch = (path: string, token: string): string => this.ask(XS.WATCH, `${path}\0${token}\0`);
  unwatch = (path: string, token: string): string => this.ask(XS.UNWATCH, `${path}\0${token}\0`);
  begin = (): number => Number(this.ask(XS.TRANSACTION_START, "\0"));
  end = (tx: number, verdict: "T" | "F" = "T"): string => this.ask(XS.TRANSACTION_END, `${verdict}\0`, tx);

  /** The events since the last call. */
  takeEvents(): string[] {
    return this.events.splice(0);
  }
}
