/**
 * The x86 branch filter of xz, undone.
 *
 * Before compression the relative targets of CALL (E8) and JMP (E9) were made absolute, so that
 * calls of one function look alike. Kernels for x86 are always compressed so.
 */

/** Bytes that the top of a displacement can have: the filter touches targets within +-16 MiB only. */
const isTop = (byte: number): boolean => byte === 0 || byte === 0xff;

/**
 * Which of the three bytes before an opcode looked like opcodes, too: as an index into these.
 * From the encoder's rule that overlapping candidates are skipped.
 */
const MASK_ALLOWED = [true, true, true, false, true, false, false, false] as const;
const MASK_BITS = [0, 1, 2, 2, 3, 3, 3, 3] as const;

/** Undoes the filter in place. `data` is one whole block: addresses count from its start. */
export function undoBranchFilterX86(data: Uint8Array, startOffset = 0): void {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const last = data.length - 5;
  let previous = -5;
  let mask = 0;
  for (let i = 0; i <= last; i++) {
    if (((data[i] as number) & 0xfe) !== 0xe8) continue;
    const gap = i - previous;
    previous = i;
    if (gap > 3) {
      mask = 0;
    } else {
      mask = (mask << (gap - 1)) & 7;
      if (mask !== 0) {
        const byte = data[i + 4 - (MASK_BITS[mask] as number)] as number;
        if (!MASK_ALLOWED[mask] || isTop(byte)) {
          mask = ((mask << 1) & 7) | 1;
          continue;
        }
      }
    }
    if (!isTop(data[i + 4] as number)) {
      mask = ((mask << 1) & 7) | 1;
      continue;
    }
    let source = view.getInt32(i + 1, true);
    let target: number;
    for (;;) {
      target = (source - (startOffset + i + 5)) | 0;
      if (mask === 0) break;
      const shift = (MASK_BITS[mask] as number) * 8;
      if (!isTop((target >>> (24 - shift)) & 0xff)) break;
      source = target ^ (2 ** (32 - shift) - 1);
    }
    // Sign-extend from 25 bits.
    view.setInt32(i + 1, (target << 7) >> 7, true);
    i += 4;
  }
}
