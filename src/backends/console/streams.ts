/** A console's two directions as web streams, for programs that pipe them. */
import type { Console } from "./console.ts";

/** What the guest writes; takes the console's output for itself. */
export function readableConsole(console: Console): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const bytes = await console.output.next();
        if (bytes === undefined) controller.close();
        else controller.enqueue(bytes);
      },
    },
    { highWaterMark: 0 },
  );
}

/** Input for the guest: a write is done when the guest's driver has taken it. */
export function writableConsole(console: Console): WritableStream<Uint8Array | string> {
  const encoder = new TextEncoder();
  return new WritableStream<Uint8Array | string>({
    write: (chunk) => console.write(typeof chunk === "string" ? encoder.encode(chunk) : chunk),
  });
}
