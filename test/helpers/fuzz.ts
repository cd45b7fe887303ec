import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { lookAt, readModel } from '../../src/formats/read.ts';
import { walk } from '../../src/model/walk.ts';

/** One mutated input that a reader did not take well. */
export interface Crash {
  readonly seed: number;
  readonly file: string;
  readonly problem: string;
}

/** What an input may take before it counts as a hang, in milliseconds. */
const PATIENCE = 2000;

/** Numbers that are the same for the same seed (mulberry32). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below);
  };
}

const NASTY = [0x00, 0x01, 0x7f, 0x80, 0xff];

/** Damages bytes in one to four places: flips, runs of extreme values, cuts, repeats. */
function mutate(original: Buffer, random: (below: number) => number): Buffer {
  let bytes = Buffer.from(original);
  for (let round = random(4); round >= 0; round--) {
    if (bytes.length === 0) break;
    const at = random(bytes.length);
    switch (random(6)) {
      case 0:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
        break;
      case 1:
        bytes[at] = NASTY[random(NASTY.length)] ?? 0;
        break;
      case 2:
        bytes.fill(NASTY[random(NASTY.length)] ?? 0, at, Math.min(bytes.length, at + 1 + random(8)));
        break;
      case 3:
        bytes = bytes.subarray(0, at);
        break;
      case 4:
        bytes = Buffer.concat([
          bytes.subarray(0, at),
          bytes.subarray(at, at + random(64)),
          bytes.subarray(at),
        ]);
        break;
      default:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random(16))]);
    }
  }
  return bytes;
}

/** Files below a folder, with paths relative to it. */
function filesBelow(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
}

/**
 * Reads `count` damaged copies of the models in `directories`, in turn. A reader may find what it likes in them; it may not
 * throw and not hang.
 */
export async function fuzz(
  directories: readonly string[],
  count: number,
  firstSeed: number,
): Promise<Crash[]> {
  const crashes: Crash[] = [];
  const scratch = join(tmpdir(), `lading-fuzz-${process.pid}`);
  const originals = directories.map((directory) =>
    filesBelow(directory).map((path) => ({ path, bytes: readFileSync(join(directory, path)) })),
  );
  for (let index = 0; index < count; index++) {
    const seed = firstSeed + index;
    const random = randomFrom(seed);
    const files = originals[index % originals.length] ?? [];
    const victim = files[random(files.length)];
    if (!victim) continue;
    rmSync(scratch, { recursive: true, force: true });
    for (const file of files) {
      mkdirSync(join(scratch, dirname(file.path)), { recursive: true });
      writeFileSync(join(scratch, file.path), file === victim ? mutate(file.bytes, random) : file.bytes);
    }
    const name = `${directories[index % originals.length]}/${victim.path}`;
    const started = performance.now();
    try {
      await readModel(lookAt(walk('model', scratch)));
    } catch (error) {
      crashes.push({
        seed,
        file: name,
        problem: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    }
    const took = performance.now() - started;
    if (took > PATIENCE) crashes.push({ seed, file: name, problem: `took ${Math.round(took)} ms` });
  }
  rmSync(scratch, { recursive: true, force: true });
  return crashes;
}
