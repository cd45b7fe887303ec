import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { type Inspection, inspectModel } from '../../src/check/inspect.ts';
import type { Reading } from '../../src/formats/format.ts';
import { type Found, lookAt, readModel } from '../../src/formats/read.ts';
import { type ModelDirectory, walk } from '../../src/model/walk.ts';

export type Files = Readonly<Record<string, string | Uint8Array>>;

/** A model directory with these files, gone after the test. */
export function modelOf(t: TestContext, files: Files): ModelDirectory {
  const root = mkdtempSync(join(tmpdir(), 'lading-model-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return walk('model', root);
}

export const found = (t: TestContext, files: Files): Promise<Found> => readModel(lookAt(modelOf(t, files)));

/** The reading of the one model among the files. @throws when there is none. */
export async function readingOf(t: TestContext, files: Files): Promise<Reading> {
  const result = await found(t, files);
  if (result.kind !== 'model') throw new Error(`no model was found: ${JSON.stringify(result)}`);
  return result.reading;
}

export async function inspectionOf(t: TestContext, files: Files): Promise<Inspection> {
  return (await inspectModel(modelOf(t, files), { name: 'model' })).inspection;
}

const MODELS = join(import.meta.dirname, '../fixtures/models');

/** The files of a committed model, such as `torch/tied`, by path. */
export function fixture(name: string): Record<string, Buffer> {
  const root = join(MODELS, name, 'model');
  return Object.fromEntries(
    readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => {
        const path = join(entry.parentPath, entry.name);
        return [path.slice(root.length + 1), readFileSync(path)];
      }),
  );
}

/** A pickle that would run a shell command. */
export const HOSTILE = Buffer.from('\x80\x02cos\nsystem\nX\x06\x00\x00\x00id > x\x85R.', 'latin1');
