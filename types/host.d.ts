/**
 * What every JavaScript host offers beyond ES2023, as far as the core uses it. Only
 * tsconfig.core.json includes this: it compiles the core without Node's and without the DOM's types.
 */
declare class TextEncoder {
  encode(text?: string): Uint8Array<ArrayBuffer>;
}

declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(bytes?: ArrayBufferView | ArrayBuffer, options?: { stream?: boolean }): string;
}

interface ReadableStreamDefaultController<R> {
  enqueue(chunk: R): void;
  close(): void;
  error(reason?: unknown): void;
}

declare class ReadableStream<R> {
  constructor(
    source?: {
      start?(controller: ReadableStreamDefaultController<R>): void | Promise<void>;
      pull?(controller: ReadableStreamDefaultController<R>): void | Promise<void>;
      cancel?(reason?: unknown): void | Promise<void>;
    },
    strategy?: { highWaterMark?: number; size?(chunk: R): number },
  );
  readonly locked: boolean;
  cancel(reason?: unknown): Promise<void>;
}

declare class WritableStream<W> {
  constructor(
    sink?: {
      write?(chunk: W): void | Promise<void>;
      close?(): void | Promise<void>;
      abort?(reason?: unknown): void | Promise<void>;
    },
    strategy?: { highWaterMark?: number; size?(chunk: W): number },
  );
  readonly locked: boolean;
  abort(reason?: unknown): Promise<void>;
}
