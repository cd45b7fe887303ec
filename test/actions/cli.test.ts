import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { TERMINAL_COMMANDS } from '../../src/commands/registry.ts';
import { scratch, write } from '../helpers/git-repo.ts';
import { lading, plainEnvironment, ROOT } from '../helpers/runner.ts';
import { validJson } from '../helpers/schemas.ts';

test('help lists every command, and each command explains its options', async () => {
  const overview = await lading(ROOT, ['--help']);
  assert.equal(overview.code, 0);
  for (const name of TERMINAL_COMMANDS) assert.match(overview.stdout, new RegExp(`^  ${name} +\\w`, 'm'));
  assert.match((await lading(ROOT, ['--version'])).stdout, /^lading \d+\.\d+\.\d+\n$/);
  const check = await lading(ROOT, ['check', '--help']);
  assert.equal(check.code, 0);
  assert.match(check.stdout, /lading check \[MODEL\] \[options\]/);
  assert.match(check.stdout, /--fail-on error\|warning\|notice\|never/);
  assert.match(
    check.stdout.replaceAll(/\s+/g, ' '),
    /--config … Configuration file\. [^[]*\[default: lading\.yaml\]/,
  );
});

test('no command is a mistake that shows the help', async () => {
  const ran = await lading(ROOT, []);
  assert.equal(ran.code, 2);
  assert.match(ran.stdout, /Usage/);
});

const mistakes: readonly [args: string[], message: RegExp, help: RegExp][] = [
  [['inspct', 'x'], /there is no command "inspct"/, /Did you mean "lading inspect"\?/],
  [['--digest', 'inspect'], /the command has to come before "--digest"/, /The commands are: plan, inspect/],
  [['inspect', '--modle', 'x'], /"lading inspect" has no option "--modle"/, /Did you mean "--model"\?/],
  [['inspect', '--zebra'], /has no option "--zebra"/, /lading inspect --help/],
  [['inspect', 'a', 'b'], /does not know what to do with "b"/, /--help/],
  [['inspect', 'a', '--model', 'b'], /"--model" is given twice/, /Once as --model/],
  [['inspect'], /the input "--model" is required/, /Directory of the model/],
  [['inspect', 'a', '--fail-on', 'x'], /"x" is not valid for "--fail-on"/, /error, warning, notice, never/],
  [['inspect', 'a', '--format', 'xml'], /"xml" is not valid for "--format"/, /text, json/],
];
for (const [args, message, help] of mistakes)
  test(`a mistake is a message with the way out, and exit code 2: lading ${args.join(' ')}`, async () => {
    const ran = await lading(ROOT, args);
    assert.equal(ran.code, 2, ran.stderr);
    assert.equal(ran.stdout, '');
    assert.match(ran.stderr, message);
    assert.match(ran.stderr, help);
    assert.doesNotMatch(ran.stderr, /\n +at .*\.ts/, 'no stack trace');
  });

test('colours are for terminals, and for those who force them', async () => {
  const plain = await lading(ROOT, ['formats']);
  assert.ok(!plain.stdout.includes('\x1b['));
  const forced = await lading(ROOT, ['formats'], { FORCE_COLOR: '1' });
  assert.ok(forced.stdout.includes('\x1b['));
  const refused = await lading(ROOT, ['formats'], { FORCE_COLOR: '1', NO_COLOR: '1' });
  assert.ok(!refused.stdout.includes('\x1b['));
});

test('escape sequences in the names of files do not reach the terminal', async (t) => {
  const root = scratch(t);
  write(root, { 'models/churn/\x1b[31mred\x1b[0m.pkl': '' });
  const ran = await lading(root, ['inspect', 'models/churn']);
  assert.ok(!ran.stdout.includes('\x1b'));
  assert.match(ran.stdout, /\\x1b\[31mred/);
});

for (const args of [['rules'], ['rules', '--format', 'json']])
  test(`a reader that has seen enough is no trouble: lading ${args.join(' ')}`, async () => {
    const child = spawn(process.execPath, [join(ROOT, 'src/cli.ts'), ...args], {
      cwd: ROOT,
      env: plainEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.stdout.destroy();
    const code = await new Promise((resolve) => child.on('close', resolve));
    assert.equal(code, 0, stderr);
    assert.equal(stderr, '');
  });

test('formats are listed for programs too', async () => {
  const ran = await lading(ROOT, ['formats', '--format', 'json']);
  const { formats } = validJson('formats', ran.stdout) as { formats: { id: string }[] };
  assert.ok(formats.some((format) => format.id === 'onnx'));
});

test('a configuration that is wrong is named with its line, on both surfaces', async (t) => {
  const root = scratch(t);
  write(root, { 'lading.yaml': 'models:\n  - path: models/churn\n    polcy: full\n', 'models/churn/x': '' });
  const ran = await lading(root, ['inspect', 'models/churn', '--format', 'json']);
  assert.equal(ran.code, 2);
  const { error } = validJson('error', ran.stdout) as { error: { file: string; line: number } };
  assert.deepEqual([error.file, error.line], ['lading.yaml', 3]);
  assert.match(ran.stderr, /at lading\.yaml:3/);
});
