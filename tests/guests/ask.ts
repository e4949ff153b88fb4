/** Talks to the demo guests: a request, and a line for an answer. */
import type { Domain } from "../../src/index.ts";

const text = new TextDecoder();

/** Writes `request` to the guest's console and reads its next line. @throws if the guest ends before */
export async function ask(domain: Domain, request: string): Promise<string> {
  const { raw } = domain.console;
  await raw.write(new TextEncoder().encode(request));
  let line = "";
  while (!line.endsWith("\n")) {
    const bytes = await raw.output.next();
    if (bytes === undefined) throw new Error(`domain ${domain.id} has ended`);
    line += text.decode(bytes);
  }
  return line.trimEnd();
}
