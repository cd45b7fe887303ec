import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';

const SRC = join(import.meta.dirname, '../src');

/** What each folder may build on. Everything may use `model` and `ports`. */
const BUILDS_ON: Readonly<Record<string, readonly string[]>> = {
  ports: [],
  model: [],
  contract: [],
  formats: ['contract'],
  check: ['contract', 'formats'],
  oci: [],
  image: ['oci', 'contract', 'formats'],
  ledger: ['oci', 'contract'],
  report: ['contract', 'formats', 'check'],
  release: ['ledger', 'oci', 'contract', 'report'],
  commands: ['release', 'ledger', 'image', 'oci', 'check', 'contract', 'formats', 'report'],
  actions: ['commands', 'report'],
  cli: ['commands', 'report'],
};

/** Imports of a file: static ones, re-exports and dynamic ones; whether only types come in. */
function importsOf(file: string): { target: string; typesOnly: boolean }[] {
  const text = readFileSync(file, 'utf8');
  const pattern = /(?:import|export)\s+(type\s)?[^;'"]*?from\s+'(\.[^']+)'|import\('(\.[^']+)'\)/g;
  return [...text.matchAll(pattern)].map((match) => ({
    target: resolve(dirname(file), match[2] ?? match[3] ?? ''),
    typesOnly: match[1] !== undefined,
  }));
}

const folderOf = (file: string): string | null => {
  const [first = '', ...rest] = relative(SRC, file).split('/');
  return rest.length === 0 ? null : first;
};

test('imports run one way', () => {
  const wrong: string[] = [];
  for (const entry of readdirSync(SRC, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
    const file = join(entry.parentPath, entry.name);
    const from = folderOf(file);
    if (from === null) continue;
    const allowed = BUILDS_ON[from] ?? assert.fail(`src/${from} has no place in the order`);
    for (const { target, typesOnly } of importsOf(file)) {
      const to = folderOf(target);
      if (to === null || to === from || to === 'ports') continue;
      if (to === 'model' && from !== 'ports') continue;
      // A renderer may know the shape of what it renders.
      if (from === 'report' && to === 'commands' && typesOnly) continue;
      if (!allowed.includes(to)) wrong.push(`${relative(SRC, file)} imports ${relative(SRC, target)}`);
    }
  }
  assert.deepEqual(wrong, []);
});
