import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parse } from 'yaml';
import { repository, scratch } from '../helpers/git-repo.ts';
import { ROOT, run, runStep } from '../helpers/runner.ts';
import { truthCases } from '../helpers/truth.ts';

interface ActionFile {
  readonly name: string;
  readonly inputs?: Record<string, { readonly default?: string; readonly required: boolean }>;
  readonly outputs?: Record<string, unknown>;
  readonly runs: { readonly using: string; readonly main: string };
}

/** What GitHub downloads when a workflow uses an action: the files of the commit, and no node_modules. */
function downloaded(t: TestContext): string {
  const folder = join(scratch(t), 'lading');
  mkdirSync(folder);
  for (const part of ['dist', 'actions', 'action.yml'])
    cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  return folder;
}

const folders = ['.', ...readdirSync(join(ROOT, 'actions')).map((name) => `actions/${name}`)];

for (const folder of folders)
  test(`the built action in ${folder} starts where there is no node_modules, and says what it needs`, async (t) => {
    const root = downloaded(t);
    const action = parse(readFileSync(join(root, folder, 'action.yml'), 'utf8')) as ActionFile;
    assert.equal(action.runs.using, 'node24');
    const entry = resolve(root, folder, action.runs.main);
    assert.ok(existsSync(entry), entry);
    const workspace = repository(join(scratch(t), 'work'));
    const ran = await runStep(entry, { workspace });
    assert.equal(ran.code, 1, ran.stdout + ran.stderr);
    assert.equal(ran.stderr, '');
    assert.match(ran.stdout, /^::error title=Lading::/m, 'a message for the user');
    assert.doesNotMatch(ran.stdout, /Bug in Lading|node:internal|Cannot find/);
    assert.deepEqual(Object.keys(ran.outputs).sort(), Object.keys(action.outputs ?? {}).sort());
  });

test('the built command line starts where there is no node_modules', async (t) => {
  const root = downloaded(t);
  const help = await run(process.execPath, [join(root, 'dist/cli.js'), '--help'], { cwd: root });
  assert.equal(help.code, 0, help.stderr);
  assert.match(help.stdout, /inspect +Detect the format/);
  const formats = await run(process.execPath, [join(root, 'dist/cli.js'), 'formats', '--format', 'json'], {
    cwd: root,
  });
  assert.ok((JSON.parse(formats.stdout) as { formats: unknown[] }).formats.length > 0);
});

test('the built command line reads every format as the sources do', async () => {
  const models = join(ROOT, 'test/fixtures/models');
  const first = new Map(truthCases(models).map((one) => [one.truth.format, one.directory]));
  assert.ok(first.size > 20);
  for (const [format, directory] of first) {
    const [built, source] = await Promise.all(
      ['dist/cli.js', 'src/cli.ts'].map((entry) =>
        run(process.execPath, [join(ROOT, entry), 'inspect', directory, '--format', 'json'], { cwd: ROOT }),
      ),
    );
    assert.equal(built?.stdout, source?.stdout, format);
    assert.equal((JSON.parse(built?.stdout ?? '') as { format: string }).format, format);
  }
});

test('the server of the images and the licences of what is bundled are in dist', () => {
  assert.ok(
    readdirSync(join(ROOT, 'dist/server'), { recursive: true }).some((file) => String(file).endsWith('.py')),
  );
  const licences = readFileSync(join(ROOT, 'dist/licenses.txt'), 'utf8');
  assert.match(licences, /@actions\/core [\d.]+ \(MIT\)/);
});
