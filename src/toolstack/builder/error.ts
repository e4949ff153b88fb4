/** A kernel image that cannot be booted. The message is one clear line for the user. */
export class ImageError extends Error {
  override name = "ImageError";
}

/** A domain that cannot be built from a good image: too little memory, too long a command line... */
export class BuildError extends Error {
  override name = "BuildError";
}
