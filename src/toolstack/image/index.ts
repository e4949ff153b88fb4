/** Makes initial ramdisks, and reads Debian packages. */
export { busyboxApplets } from "./busybox.ts";
export { commandArchive, type GuestCommand, shellQuote } from "./command.ts";
export { type CpioEntry, concatenate, writeCpio } from "./cpio.ts";
export { arMembers, debControl, extractDeb, parseControl } from "./deb.ts";
export { PackageError } from "./error.ts";
export { defaultInitramfs } from "./initramfs.ts";
