/**
 * Data that exercises decoders: text with near and far repetitions, runs, noise, and x86 calls.
 * It is computed, so that the fixtures are all that must be stored.
 */
export function sample(): Uint8Array {
  const bytes: number[] = [];
  let seed = 1;
  const random = (limit: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return (seed >>> 8) % limit;
  };
  const words = ["hypervisor", "guest", "frame", "grant", "event", "channel", " of ", " the "];
  for (let i = 0; i < 300; i++) for (const c of words[random(words.length)] as string) bytes.push(c.charCodeAt(0));
  for (let i = 0; i < 3000; i++) bytes.push(0);
  for (let i = 0; i < 200; i++) bytes.push(random(256));
  // call rel32 to one of three functions, with little in between: what the x86 filter is for.
  for (let i = 0; i < 150; i++) {
    const target = [0x100, 0x2000, 0x7fff0][random(3)] as number;
    const displacement = (target - (bytes.length + 5)) >>> 0;
    bytes.push(0xe8, displacement & 255, (displacement >>> 8) & 255, (displacement >>> 16) & 255, displacement >>> 24);
    if (random(3) === 0) bytes.push(0x90, 0xe8);
  }
  const far = bytes.slice(0, 600);
  for (let i = 0; i < 20000; i++) bytes.push(65 + (i % 7));
  bytes.push(...far);
  return Uint8Array.from(bytes);
}
