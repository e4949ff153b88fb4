/** Finds the kernel in an unpacked linux-image package. */
import { readdirSync } from "node:fs";
import { join } from "node:path";

export function findKernel(root: string): string {
  const boot = join(root, "boot");
  const name = readdirSync(boot).find((file) => file.startsWith("vmlinuz-"));
  if (name === undefined) throw new Error(`there is no kernel in ${boot}`);
  return join(boot, name);
}
