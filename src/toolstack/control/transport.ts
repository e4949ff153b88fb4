/** What carries the control protocol between two ends: a socket, or two ends in one program. */
export interface Transport {
  /** Sends text, complete lines. Returns false if much is waiting to be sent already: see `drained`. */
  send(text: string): boolean;
  /** Bytes that wait to be sent. */
  readonly backlog: number;
  /** Resolves when there is room again, or the connection has gone. */
  drained(): Promise<void>;
  /** Takes no more from the other end until then. */
  hold(until: Promise<unknown>): void;
  /** Ends the connection when what was sent is out. */
  close(): void;
}
