/** A configuration that makes no sense. The message is one line that begins with the place: `web.cfg:3:7: ...`. */
export class ConfigError extends Error {
  override name = "ConfigError";
  readonly place: Place;
  constructor(place: Place, message: string) {
    super(`${place.source}:${place.line}:${place.column}: ${message}`);
    this.place = place;
  }
}

/** Where something stands; lines and columns count from 1, columns in characters. */
export interface Place {
  /** Name of a file, or what stands for it. */
  readonly source: string;
  readonly line: number;
  readonly column: number;
}
