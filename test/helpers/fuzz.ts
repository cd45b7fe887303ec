import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { inspectModel } from '../../src/check/inspect.ts';
import { walk } from '../../src/model/walk.ts';
import { mutate, randomFrom } from './mutate.ts';
import { validJson } from './schemas.ts';
import type { Seed } from './seeds.ts';

/** One mutated input that a reader did not take well. */
export interface Crash {
  readonly seed: number;
  readonly file: string;
  readonly problem: string;
}

/** What an input may take before it counts as a hang, in milliseconds of processor time. */
const PATIENCE = 2000;

/** Bytes that are held after everything that can be let go is gone. */
export async function held(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  // Decompressors let go of their buffers a turn after they are collected themselves.
  for (let round = 0; round < 3; round++) {
    collect();
    await setTimeout(20);
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/**
 * Inspects `count` damaged copies of the models in turn. A reader may find what it likes in them; it may not throw and not
 * hang, and what it says keeps to the schema. A file is damaged, and now and then gone.
 * @param begin hears of each input before it is read.
 */
export async function fuzz(
  models: readonly Seed[],
  count: number,
  firstSeed: number,
  begin: (seed: number) => void = () => {},
): Promise<Crash[]> {
  const crashes: Crash[] = [];
  const scratch = mkdtempSync(join(tmpdir(), 'lading-fuzz-'));
  const written = new Set<string>();
  for (let index = 0; index < count; index++) {
    const seed = firstSeed + index;
    const random = randomFrom(seed);
    const which = seed % models.length;
    const model = models[which];
    const victim = model?.files[random(model.files.length)];
    if (!model || !victim) continue;
    const folder = join(scratch, `${which}`);
    for (const file of written.has(folder) ? [] : model.files) {
      mkdirSync(join(folder, dirname(file.path)), { recursive: true });
      writeFileSync(join(folder, file.path), file.bytes);
    }
    written.add(folder);
    const path = join(folder, victim.path);
    if (random(50) === 0) rmSync(path);
    else writeFileSync(path, await mutate(victim.bytes, random));
    begin(seed);
    const started = process.cpuUsage();
    const problem = await problemOf(folder);
    const { user, system } = process.cpuUsage(started);
    const took = Math.round((user + system) / 1000);
    const file = `${model.name}/${victim.path}`;
    if (problem !== null) crashes.push({ seed, file, problem });
    else if (took > PATIENCE) crashes.push({ seed, file, problem: `took ${took} ms` });
    writeFileSync(path, victim.bytes);
  }
  rmSync(scratch, { recursive: true, force: true });
  return crashes;
}

async function problemOf(folder: string): Promise<string | null> {
  try {
    const { inspection } = await inspectModel(walk('model', folder), { name: 'model' });
    validJson('inspect', JSON.stringify(inspection));
    return null;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}
