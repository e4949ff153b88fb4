/**
 * A Linux machine in a browser tab: bundles page.ts, and serves it with Debian's kernel and the default ramdisk.
 *
 *     npx tsx examples/browser/serve.ts [port]
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";
import { obtainGuestImage } from "../../src/node.ts";

const port = Number(process.argv[2] ?? 8080);
if (!Number.isInteger(port) || port < 0 || port > 65535) {
  console.error(`"${process.argv[2]}" is not a port: 0 to 65535, 0 for any that is free`);
  process.exit(2);
}
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

const { outputFiles } = await esbuild.build({
  entryPoints: [here("page.ts")],
  bundle: true,
  minify: true,
  platform: "browser",
  format: "esm",
  target: "es2022",
  write: false,
});
const script = outputFiles[0]?.contents;
if (!script) throw new Error("the bundle is empty");
console.error("Obtaining the kernel and busybox ...");
const { kernel, ramdisk } = await obtainGuestImage();

interface File {
  readonly type: string;
  readonly data: Uint8Array;
}
const files: ReadonlyMap<string, File> = new Map([
  ["/", { type: "text/html; charset=utf-8", data: readFileSync(here("page.html")) }],
  ["/page.js", { type: "text/javascript", data: script }],
  ["/xterm.css", { type: "text/css", data: readFileSync(here("../../node_modules/@xterm/xterm/css/xterm.css")) }],
  ["/kernel", { type: "application/octet-stream", data: kernel }],
  ["/ramdisk", { type: "application/octet-stream", data: ramdisk }],
]);

const server = createServer(({ method, url = "/" }, response) => {
  const file = files.get(new URL(url, "http://localhost").pathname);
  if (!file) return response.writeHead(404).end("there is no such file\n");
  response.writeHead(200, { "content-type": file.type, "content-length": file.data.length });
  return response.end(method === "HEAD" ? undefined : file.data);
});
server.on("error", (error) => {
  console.error(`Port ${port} cannot be served: ${error.message}`);
  process.exit(1);
});
server.listen(port, "127.0.0.1", () => {
  const address = server.address();
  console.log(`http://localhost:${typeof address === "object" && address ? address.port : port}/`);
});
