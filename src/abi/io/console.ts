/** The PV console ring (public/io/console.h). */
import { bytes, struct, u32 } from "../struct.ts";

export const XENCONS_IN_SIZE = 1024;
export const XENCONS_OUT_SIZE = 2048;

/**
 * struct xencons_interface. `in` flows to the guest, `out` from it. The guest writes `in_cons`
 * and `out_prod`, the backend `in_prod` and `out_cons`; all run freely modulo 2^32.
 */
export const xenconsInterface = struct("xencons_interface", {
  in: bytes(XENCONS_IN_SIZE),
  out: bytes(XENCONS_OUT_SIZE),
  in_cons: u32,
  in_prod: u32,
  out_cons: u32,
  out_prod: u32,
});
