/** Logs that do not grow for ever: FILE, and FILE.1 with what was before it. */
import { closeSync, fstatSync, openSync, renameSync, writeSync } from "node:fs";

/** Bytes after which a log begins anew. */
const LIMIT = 1 << 20;

export class LogFile {
  readonly #path: string;
  readonly #limit: number;
  #descriptor: number | undefined;
  #size = 0;

  /** Opens it for appending. A log that cannot be written is none; the machine goes on. */
  constructor(path: string, limit = LIMIT) {
    this.#path = path;
    this.#limit = limit;
    this.#open();
  }

  /** Written at once, so that a killed process has said all. */
  write(data: Uint8Array | string): void {
    const bytes = typeof data === "string" ? Buffer.from(data) : data;
    if (this.#descriptor === undefined) return;
    try {
      if (this.#size + bytes.length > this.#limit && this.#size > 0) this.#rotate();
      if (this.#descriptor !== undefined) writeSync(this.#descriptor, bytes);
      this.#size += bytes.length;
    } catch {
      // The disk is full, perhaps: later writes may succeed.
    }
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }

  #rotate(): void {
    this.close();
    renameSync(this.#path, `${this.#path}.1`);
    this.#open();
  }

  #open(): void {
    try {
      this.#descriptor = openSync(this.#path, "a", 0o600);
      this.#size = fstatSync(this.#descriptor).size;
    } catch {
      this.#descriptor = undefined;
    }
  }
}
