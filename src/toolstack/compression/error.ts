/** Compressed data that is damaged, cut short, or uses what we do not decode. The message is one line. */
export class DecompressError extends Error {
  override name = "DecompressError";
}
