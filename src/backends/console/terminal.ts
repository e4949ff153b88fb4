/** What stands at the host's end of an interactive console. */

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** A screen and keyboard. Implement it to show a guest's console wherever you like. */
export interface Terminal {
  /** Shows what the guest writes; the promise delays its further output. */
  write(bytes: Uint8Array): void | Promise<void>;
  /** Calls `listener` with what is typed. Returns how to stop. */
  onInput(listener: (bytes: Uint8Array) => void): () => void;
  size(): TerminalSize | undefined;
  /** Calls `listener` after a change of size. Returns how to stop. */
  onResize(listener: (size: TerminalSize) => void): () => void;
}
