/**
 * The xenstore wire protocol and its ring page (public/io/xs_wire.h).
 *
 * A message is a header of four 32-bit words and up to 4096 bytes of payload,
 * mostly NUL-terminated strings. Requests and replies flow through two rings
 * of 1024 bytes in one page that the guest shares with the store.
 */
import { bytes, struct, u32 } from "../struct.ts";

/** xsd_sockmsg_type. */
export const XS = {
  CONTROL: 0,
  DIRECTORY: 1,
  READ: 2,
  GET_PERMS: 3,
  WATCH: 4,
  UNWATCH: 5,
  TRANSACTION_START: 6,
  TRANSACTION_END: 7,
  INTRODUCE: 8,
  RELEASE: 9,
  GET_DOMAIN_PATH: 10,
  WRITE: 11,
  MKDIR: 12,
  RM: 13,
  SET_PERMS: 14,
  WATCH_EVENT: 15,
  ERROR: 16,
  IS_DOMAIN_INTRODUCED: 17,
  RESUME: 18,
  SET_TARGET: 19,
  RESET_WATCHES: 21,
  DIRECTORY_PART: 22,
} as const;

/** Errors travel as their names, so that they mean the same to every operating system. */
export type XsErrorName =
  | "EINVAL"
  | "EACCES"
  | "EEXIST"
  | "EISDIR"
  | "ENOENT"
  | "ENOMEM"
  | "ENOSPC"
  | "EIO"
  | "ENOTEMPTY"
  | "ENOSYS"
  | "EROFS"
  | "EBUSY"
  | "EAGAIN"
  | "EISCONN"
  | "E2BIG"
  | "EPERM";

/** struct xsd_sockmsg: the header of every message. */
export const xsdSockmsg = struct("xsd_sockmsg", {
  /** One of `XS`. */
  type: u32,
  /** Chosen by the client, echoed in the reply; 0 in watch events. */
  req_id: u32,
  /** Transaction, or 0 for none. */
  tx_id: u32,
  /** Bytes of payload that follow. */
  len: u32,
});

export const XENSTORE_RING_SIZE = 1024;

/**
 * struct xenstore_domain_interface. The guest writes `req`, `req_prod`, `rsp_cons` and
 * `connection`; the store writes the rest. All indices run freely modulo 2^32.
 */
export const xenstoreDomainInterface = struct("xenstore_domain_interface", {
  req: bytes(XENSTORE_RING_SIZE),
  rsp: bytes(XENSTORE_RING_SIZE),
  req_cons: u32,
  req_prod: u32,
  rsp_cons: u32,
  rsp_prod: u32,
  server_features: u32,
  connection: u32,
  error: u32,
});

export const XENSTORE_PAYLOAD_MAX = 4096;
/** Longest absolute path, in bytes. */
export const XENSTORE_ABS_PATH_MAX = 3072;
/** Longest path relative to the domain's own. */
export const XENSTORE_REL_PATH_MAX = 2048;

export const XENSTORE_SERVER_FEATURE_RECONNECTION = 1;
export const XENSTORE_SERVER_FEATURE_ERROR = 2;

/** Values of `connection`. */
export const XENSTORE_CONNECTED = 0;
export const XENSTORE_RECONNECT = 1;

/** Values of `error`. */
export const XENSTORE_ERROR_NONE = 0;
export const XENSTORE_ERROR_COMM = 1;
export const XENSTORE_ERROR_RINGIDX = 2;
export const XENSTORE_ERROR_PROTO = 3;
