/** The page's side: a machine in a browser tab, its console in a terminal. */
import { Terminal as Screen } from "@xterm/xterm";
import { attachTerminal, createMachine, type Terminal } from "../../src/index.ts";

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no element "${id}"`);
  return found;
}

const status = (text: string): void => {
  element("status").textContent = text;
};

/** Fetches a file, and says how far it is. */
async function download(path: string): Promise<Uint8Array> {
  const response = await fetch(path);
  if (!response.ok || !response.body) throw new Error(`${path}: ${response.status} ${response.statusText}`);
  const size = Number(response.headers.get("content-length"));
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const reader = response.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) return bytes.subarray(0, at);
    bytes.set(value, at);
    at += value.length;
    status(`Fetching the ${path}: ${Math.floor((100 * at) / size)} % of ${(size / 2 ** 20).toFixed(0)} MiB`);
  }
}

/** What xterm.js shows and is typed, as a terminal of ours. */
function terminalOf(screen: Screen): Terminal {
  const encoder = new TextEncoder();
  return {
    write: (bytes) => new Promise((resolve) => screen.write(bytes, resolve)),
    onInput: (listener) => {
      const typed = screen.onData((text) => listener(encoder.encode(text)));
      return () => typed.dispose();
    },
    size: () => ({ columns: screen.cols, rows: screen.rows }),
    onResize: (listener) => {
      const resized = screen.onResize(({ cols, rows }) => listener({ columns: cols, rows }));
      return () => resized.dispose();
    },
  };
}

async function boot(): Promise<void> {
  const kernel = await download("kernel");
  const ramdisk = await download("ramdisk");
  const screen = new Screen({ cols: 100, rows: 30 });
  screen.open(element("screen"));
  screen.focus();
  const start = performance.now();
  const machine = await createMachine({ memory: "256M" });
  const domain = await machine.createDomain({ kernel, ramdisk, commandLine: "console=hvc0", memory: "256M" });
  status("The machine runs in this tab. Leave the shell to power it off.");
  await attachTerminal(domain.console.raw, terminalOf(screen));
  const { reason } = await domain.wait();
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  status(`The guest ended after ${seconds} seconds: ${reason}. Reload the page to start it again.`);
  machine.destroy();
}

boot().catch((error: unknown) => {
  status(`This did not work: ${error instanceof Error ? error.message : error}`);
  throw error;
});
