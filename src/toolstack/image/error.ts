/** A file that is not a Debian package, or lacks what it should have. */
export class PackageError extends Error {
  override name = "PackageError";
}
