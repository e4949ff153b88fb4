/** console_io: the hypervisor's own console. */
import { E2BIG, EINVAL, ENOSYS, EPERM } from "../../abi/errno.ts";
import { CONSOLEIO_read, CONSOLEIO_write } from "../../abi/xen.ts";
import { CONTINUATION, type Hypercall } from "../hypercall.ts";
import { copyFromGuest } from "../mm/guest-access.ts";
import { done, firstArgument } from "./operation.ts";

/** Bytes taken in one go. */
const CHUNK = 16384;

export const consoleIo: Hypercall = {
  number: 18,
  name: "console_io",
  operations: { [CONSOLEIO_write]: done("write"), [CONSOLEIO_read]: done("read") },
  operationOf: firstArgument,
  handler(hv, vcpu, args) {
    // As in a release build of Xen, where only the control domain has it, unless the host listens.
    if (hv.hooks.onConsole === undefined) return -EPERM;
    const count = Number(BigInt.asUintN(32, args[1] ?? 0n));
    const buffer = args[2] ?? 0n;
    switch (firstArgument(args)) {
      case CONSOLEIO_write: {
        if (count > 0x7fff_ffff) return -EINVAL;
        const part = Math.min(count, CHUNK);
        if (part > 0) hv.consoleWrite(vcpu.domain, copyFromGuest(vcpu, buffer, part));
        if (part === count) return 0;
        args[1] = BigInt(count - part);
        args[2] = buffer + BigInt(part);
        return CONTINUATION;
      }
      case CONSOLEIO_read:
        // There never is input: guests have a console ring of their own.
        return count > 0x7fff_ffff ? -E2BIG : 0;
      default:
        return -ENOSYS;
    }
  },
};
