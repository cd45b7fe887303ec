import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { generatedFiles } from '../../scripts/actions.ts';
import { ACTION_COMMANDS } from '../../src/commands/registry.ts';
import { ROOT } from '../helpers/runner.ts';

test('action.yml and the tables of each README say what the commands say', async () => {
  for (const [path, text] of await generatedFiles()) {
    const full = join(ROOT, path);
    assert.ok(
      existsSync(full) && readFileSync(full, 'utf8') === text,
      `${path}: run node scripts/actions.ts`,
    );
  }
});

test('every action has an entry, and says which permissions it needs and why', () => {
  for (const name of ACTION_COMMANDS) {
    assert.ok(existsSync(join(ROOT, `src/actions/${name}.ts`)), name);
    const readme = join(ROOT, `actions/${name}/README.md`);
    if (existsSync(readme))
      assert.match(readFileSync(readme, 'utf8'), /permissions:\n {2}\w+: \w+ #/, readme);
  }
});
