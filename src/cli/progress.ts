/** A progress bar of one line, on a terminal only. */
import type { ImageProgress } from "../node.ts";

const WIDTH = 30;
const INTERVAL_MS = 80;

export interface ProgressBar {
  show(progress: ImageProgress): void;
  /** Removes the line. */
  clear(): void;
}

export function createProgressBar(stream: NodeJS.WriteStream): ProgressBar {
  let drawn = false;
  let last = 0;
  let stage = "";
  return {
    show(progress) {
      if (!stream.isTTY) {
        // One line a stage tells a log what takes so long.
        if (progress.message !== stage) stream.write(`typervisor: ${progress.message}\n`);
        stage = progress.message;
        return;
      }
      const now = Date.now();
      if (progress.message === stage && now - last < INTERVAL_MS) return;
      stage = progress.message;
      last = now;
      drawn = true;
      stream.write(`\r\x1b[K${line(progress).slice(0, stream.columns - 1)}`);
    },
    clear() {
      if (drawn) stream.write("\r\x1b[K");
      drawn = false;
    },
  };
}

function line({ message, done, total }: ImageProgress): string {
  if (total === undefined || total === 0) return `${message}...`;
  const part = Math.min(done / total, 1);
  const filled = Math.round(part * WIDTH);
  const bar = "#".repeat(filled) + "-".repeat(WIDTH - filled);
  return `${message} [${bar}] ${Math.floor(part * 100)}% of ${Math.round(total / 1e6)} MB`;
}
