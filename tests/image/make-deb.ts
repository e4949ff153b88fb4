/** Makes Debian packages for tests. */
import { gzipSync } from "fflate";
import { packTar } from "modern-tar";

/** An ar archive, as deb(5) has it. */
export function makeAr(members: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const parts = [Buffer.from("!<arch>\n")];
  for (const [name, data] of Object.entries(members)) {
    const header = `${name.padEnd(16)}${"0".padEnd(12)}${"0".padEnd(6)}${"0".padEnd(6)}${"100644".padEnd(8)}${String(data.length).padEnd(10)}\`\n`;
    parts.push(Buffer.from(header), Buffer.from(data));
    if (data.length % 2) parts.push(Buffer.from("\n"));
  }
  return new Uint8Array(Buffer.concat(parts));
}

async function tar(files: Readonly<Record<string, Uint8Array | string>>): Promise<Uint8Array> {
  return packTar(
    Object.entries(files).map(([path, body]) => {
      const data = typeof body === "string" ? new TextEncoder().encode(body) : body;
      return { header: { name: `./${path}`, size: data.length, type: "file" as const }, body: data };
    }),
  );
}

export async function makeDeb(
  control: Readonly<Record<string, string>>,
  files: Readonly<Record<string, Uint8Array | string>>,
): Promise<Uint8Array> {
  const text = Object.entries(control)
    .map(([name, value]) => `${name}: ${value}\n`)
    .join("");
  return makeAr({
    "debian-binary": new TextEncoder().encode("2.0\n"),
    "control.tar.gz": gzipSync(await tar({ control: text })),
    "data.tar.gz": gzipSync(await tar(files)),
  });
}
