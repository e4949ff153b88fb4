import type { XsErrorName } from "../../abi/io/xs_wire.ts";

/** A request that the store refuses; the client gets the name of the error. */
export class XenstoreError extends Error {
  readonly code: XsErrorName;

  constructor(code: XsErrorName, detail: string) {
    super(`${code}: ${detail}`);
    this.name = "XenstoreError";
    this.code = code;
  }
}
