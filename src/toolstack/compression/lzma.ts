/**
 * LZMA: the decoder proper, after the LZMA specification (LZMA SDK, lzma-specification.txt),
 * and the .lzma ("LZMA alone") container. LZMA2, in xz.ts, drives the same decoder.
 */
import { DecompressError } from "./error.ts";
import { Output } from "./output.ts";
import { Reader } from "./reader.ts";

const PROBABILITY_HALF = 1024;
/** Offsets of the probability models in one array. "Position states" are at most 16. */
const IS_MATCH = 0; // 12 states x 16 position states
const IS_REP = IS_MATCH + 12 * 16;
const IS_REP_G0 = IS_REP + 12;
const IS_REP_G1 = IS_REP_G0 + 12;
const IS_REP_G2 = IS_REP_G1 + 12;
const IS_REP0_LONG = IS_REP_G2 + 12; // 12 x 16
const POSITION_SLOT = IS_REP0_LONG + 12 * 16; // 4 length classes x 64
const POSITION_SPECIAL = POSITION_SLOT + 4 * 64; // 115
const ALIGN = POSITION_SPECIAL + 115; // 16
const MATCH_LENGTH = ALIGN + 16;
const LENGTH_LOW = 2; // 16 x 8, behind the two choice bits
const LENGTH_MIDDLE = LENGTH_LOW + 16 * 8;
const LENGTH_HIGH = LENGTH_MIDDLE + 16 * 8; // 256
const LENGTH_MODELS = LENGTH_HIGH + 256;
const REP_LENGTH = MATCH_LENGTH + LENGTH_MODELS;
const LITERAL = REP_LENGTH + LENGTH_MODELS; // 0x300 << (lc + lp)

const MATCH_MINIMUM = 2;

export class LzmaDecoder {
  readonly #out: Output;
  #in: Reader;
  #range = 0;
  #code = 0;
  #probabilities = new Uint16Array(0);
  #lc = 0;
  #lpMask = 0;
  #pbMask = 0;
  #state = 0;
  #rep0 = 0;
  #rep1 = 0;
  #rep2 = 0;
  #rep3 = 0;
  /** Where the dictionary begins in the output: matches do not reach before it. */
  #dictionary: number;

  constructor(out: Output, input: Reader) {
    this.#out = out;
    this.#in = input;
    this.#dictionary = out.length;
  }

  resetDictionary(): void {
    this.#dictionary = this.#out.length;
  }

  /** Sets lc, lp, pb from the properties byte `(pb * 5 + lp) * 9 + lc`, and resets the state. */
  setProperties(properties: number): void {
    if (properties >= 9 * 5 * 5) throw new DecompressError("lzma: bad properties byte");
    this.#lc = properties % 9;
    const lp = Math.floor(properties / 9) % 5;
    this.#lpMask = (1 << lp) - 1;
    this.#pbMask = (1 << Math.floor(properties / 45)) - 1;
    this.#probabilities = new Uint16Array(LITERAL + (0x300 << (this.#lc + lp)));
    this.resetState();
  }

  resetState(): void {
    this.#probabilities.fill(PROBABILITY_HALF);
    this.#state = 0;
    this.#rep0 = this.#rep1 = this.#rep2 = this.#rep3 = 0;
  }

  /** Starts the range decoder at the next five bytes of `input`. */
  start(input: Reader): void {
    this.#in = input;
    if (input.byte() !== 0) throw new DecompressError("lzma: bad start of the range coder");
    this.#range = 0xffffffff;
    this.#code = input.u32be();
  }

  /** True if the range decoder ends as a complete stream must. */
  get finished(): boolean {
    return this.#code === 0;
  }

  #normalize(): void {
    if (this.#range < 0x1000000) {
      this.#range = (this.#range << 8) >>> 0;
      this.#code = ((this.#code << 8) | this.#in.byte()) >>> 0;
    }
  }

  #bit(model: number): number {
    const p = this.#probabilities[model] as number;
    const bound = (this.#range >>> 11) * p;
    let bit: number;
    if (this.#code < bound) {
      this.#range = bound;
      this.#probabilities[model] = p + ((2048 - p) >> 5);
      bit = 0;
    } else {
      this.#range -= bound;
      this.#code -= bound;
      this.#probabilities[model] = p - (p >> 5);
      bit = 1;
    }
    this.#normalize();
    return bit;
  }

  #directBits(count: number): number {
    let result = 0;
    for (; count > 0; count--) {
      this.#range >>>= 1;
      const bit = this.#code >= this.#range ? 1 : 0;
      if (bit) this.#code -= this.#range;
      result = result * 2 + bit;
      this.#normalize();
    }
    return result;
  }

  #tree(models: number, bits: number): number {
    let m = 1;
    for (let i = 0; i < bits; i++) m = m * 2 + this.#bit(models + m);
    return m - (1 << bits);
  }

  #reverseTree(models: number, bits: number): number {
    let m = 1;
    let symbol = 0;
    for (let i = 0; i < bits; i++) {
      const bit = this.#bit(models + m);
      m = m * 2 + bit;
      symbol |= bit << i;
    }
    return symbol;
  }

  #literal(position: number): void {
    const out = this.#out;
    const previous = position > 0 ? (out.bytes[out.length - 1] as number) : 0;
    const context = ((position & this.#lpMask) << this.#lc) + (previous >> (8 - this.#lc));
    const models = LITERAL + 0x300 * context;
    let symbol = 1;
    if (this.#state >= 7) {
      // After a match, the byte that the match would have gone on with is a good predictor.
      if (this.#rep0 >= position) throw new DecompressError("lzma: match before the start of the data");
      let match = out.bytes[out.length - this.#rep0 - 1] as number;
      do {
        const matchBit = (match >> 7) & 1;
        match <<= 1;
        const bit = this.#bit(models + ((1 + matchBit) << 8) + symbol);
        symbol = symbol * 2 + bit;
        if (matchBit !== bit) break;
      } while (symbol < 0x100);
    }
    while (symbol < 0x100) symbol = symbol * 2 + this.#bit(models + symbol);
    out.reserve(1);
    out.bytes[out.length++] = symbol & 0xff;
    this.#state = this.#state < 4 ? 0 : this.#state < 10 ? this.#state - 3 : this.#state - 6;
  }

  #length(models: number, positionState: number): number {
    if (this.#bit(models) === 0) return this.#tree(models + LENGTH_LOW + positionState * 8, 3);
    if (this.#bit(models + 1) === 0) return 8 + this.#tree(models + LENGTH_MIDDLE + positionState * 8, 3);
    return 16 + this.#tree(models + LENGTH_HIGH, 8);
  }

  #distance(length: number): number {
    const slot = this.#tree(POSITION_SLOT + Math.min(length, 3) * 64, 6);
    if (slot < 4) return slot;
    const bits = (slot >> 1) - 1;
    const base = (2 | (slot & 1)) * 2 ** bits;
    if (slot < 14) return base + this.#reverseTree(POSITION_SPECIAL + base - slot, bits);
    return base + this.#directBits(bits - 4) * 16 + this.#reverseTree(ALIGN, 4);
  }

  /** Reads which of the last four distances is repeated; true if it is for a single byte. */
  #repeat(positionState: number): boolean {
    const state = this.#state;
    if (this.#bit(IS_REP_G0 + state) === 0) {
      return this.#bit(IS_REP0_LONG + state * 16 + positionState) === 0;
    }
    let distance = this.#rep1;
    if (this.#bit(IS_REP_G1 + state) === 1) {
      if (this.#bit(IS_REP_G2 + state) === 0) {
        distance = this.#rep2;
      } else {
        distance = this.#rep3;
        this.#rep3 = this.#rep2;
      }
      this.#rep2 = this.#rep1;
    }
    this.#rep1 = this.#rep0;
    this.#rep0 = distance;
    return false;
  }

  /**
   * Decodes until the output is `limit` bytes long, or until the end marker.
   * @returns true if it was the end marker
   */
  decode(limit: number): boolean {
    const out = this.#out;
    while (out.length < limit) {
      const position = out.length - this.#dictionary;
      const positionState = position & this.#pbMask;
      if (this.#bit(IS_MATCH + this.#state * 16 + positionState) === 0) {
        this.#literal(position);
        continue;
      }
      let length: number;
      if (this.#bit(IS_REP + this.#state) === 1) {
        if (this.#repeat(positionState)) {
          this.#state = this.#state < 7 ? 9 : 11;
          length = 1;
        } else {
          length = MATCH_MINIMUM + this.#length(REP_LENGTH, positionState);
          this.#state = this.#state < 7 ? 8 : 11;
        }
      } else {
        this.#rep3 = this.#rep2;
        this.#rep2 = this.#rep1;
        this.#rep1 = this.#rep0;
        length = this.#length(MATCH_LENGTH, positionState);
        this.#state = this.#state < 7 ? 7 : 10;
        this.#rep0 = this.#distance(length);
        if (this.#rep0 === 0xffffffff) return true;
        length += MATCH_MINIMUM;
      }
      if (this.#rep0 >= position) throw new DecompressError("lzma: match before the start of the data");
      if (length > limit - out.length) throw new DecompressError("lzma: more data than announced");
      out.copyMatch(this.#rep0 + 1, length);
    }
    return false;
  }
}

/**
 * Decodes a .lzma file: properties byte, dictionary size (u32), uncompressed size (u64, all ones
 * if unknown), then one LZMA stream.
 */
export function decodeLzma(data: Uint8Array, sizeHint?: number): Uint8Array {
  const input = new Reader(data);
  const properties = input.byte();
  input.u32le(); // Our dictionary is the whole output.
  const low = input.u32le();
  const high = input.u32le();
  const known = !(low === 0xffffffff && high === 0xffffffff);
  const size = high * 2 ** 32 + low;
  const out = new Output(known ? size : sizeHint);
  const decoder = new LzmaDecoder(out, input);
  decoder.setProperties(properties);
  decoder.start(input);
  const ended = decoder.decode(known ? size : Number.POSITIVE_INFINITY);
  if (ended && known && out.length !== size) throw new DecompressError("lzma: less data than announced");
  return out.result();
}
