import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { commitAll, git, withRemote } from '../helpers/git-repo.ts';
import { lading } from '../helpers/runner.ts';
import { validJson } from '../helpers/schemas.ts';

/** From the published version to the one of the pull request, through the commands, with git and the ledger. */

type Files = Readonly<Record<string, string | Uint8Array>>;

interface CheckJson {
  readonly models: readonly {
    readonly findings: readonly { readonly rule: string; readonly level: string; readonly message: string }[];
  }[];
}

const PRIORS = join(import.meta.dirname, '../fixtures/priors');
const BAYES = readFileSync(join(PRIORS, 'pipeline-multinomial-nb.pkl'));
const SHIFTED = readFileSync(join(PRIORS, 'pipeline-multinomial-nb-shifted.pkl'));
const CONTRACT = [
  'contract: v1',
  'signatures:',
  '  predict:',
  '    inputs: [{name: X, type: float32, shape: [batch, 4]}]',
  '    outputs: [{name: y, type: float32, shape: [batch, 1]}]',
  '',
].join('\n');

/** A file as the safetensors format says: length of the header, header, bytes. */
function safetensors(dtype: 'F32' | 'F16', shape: readonly [number, number]): Uint8Array {
  const size = shape[0] * shape[1] * (dtype === 'F32' ? 4 : 2);
  const header = Buffer.from(JSON.stringify({ weight: { dtype, shape, data_offsets: [0, size] } }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, Buffer.alloc(size)]);
}

function mlmodel(python: string): string {
  return [
    'flavors:',
    `  python_function: {loader_module: mlflow.sklearn, python_version: ${python}}`,
    '  sklearn: {pickled_model: model.pkl, sklearn_version: 1.9.1}',
    'mlflow_version: 2.17.0',
    '',
  ].join('\n');
}

/** Publishes `before`, and says what `check` finds about `after`; and the properties in the ledger. */
async function published(
  t: TestContext,
  before: Files,
  after: Files,
): Promise<{ findings: CheckJson['models'][number]['findings']; rules: string[]; properties: unknown }> {
  const { clone } = withRemote(t);
  git(clone, 'config', 'user.name', 'Tester');
  git(clone, 'config', 'user.email', 'tester@example.invalid');
  const put = (files: Files) =>
    commitAll(
      clone,
      Object.fromEntries(Object.entries(files).map(([name, it]) => [`models/wine/${name}`, it])),
    );
  put(before);
  git(clone, 'push', '-q');
  const first = await lading(clone, ['publish', 'models/wine', '--format', 'json']);
  assert.equal(first.code, 0, first.stdout + first.stderr);
  git(clone, 'pull', '-q', '--ff-only');
  const line = JSON.parse(git(clone, 'show', 'HEAD:ledger/wine.jsonl')) as { properties?: unknown };
  put(after);
  const ran = await lading(clone, ['check', 'models/wine', '--format', 'json']);
  assert.equal(ran.code, 0, ran.stdout + ran.stderr);
  const findings = (validJson('check', ran.stdout) as CheckJson).models[0]?.findings ?? [];
  return { findings, rules: findings.map((one) => `${one.level} ${one.rule}`), properties: line.properties };
}

test('other shares of the same classes are one notice, and the ledger has the old ones', async (t) => {
  const { findings, rules, properties } = await published(
    t,
    { 'model.pkl': BAYES },
    { 'model.pkl': SHIFTED },
  );
  assert.deepEqual(rules, ['notice behaviour-priors-changed']);
  assert.match(findings[0]?.message ?? '', /"barolo" was 33 % and is 10 % now/);
  assert.deepEqual(properties, { priors: '{"barbera":0.4,"barolo":0.3333,"grignolino":0.2667}' });
});

test('the next major version of the framework is one notice', async (t) => {
  const next = Buffer.from(BAYES.toString('latin1').replaceAll('1.9.1', '2.0.0'), 'latin1');
  const { rules } = await published(t, { 'model.pkl': BAYES }, { 'model.pkl': next });
  assert.deepEqual(rules, ['notice behaviour-framework-major']);
});

test('files that are half as large again are one notice', async (t) => {
  const { rules } = await published(t, { 'model.pkl': BAYES }, { 'notes.txt': 'n'.repeat(4000) });
  assert.deepEqual(rules, ['notice behaviour-size-changed']);
});

test('another Python in MLmodel is one notice', async (t) => {
  const { rules, properties } = await published(
    t,
    { 'model.pkl': BAYES, MLmodel: mlmodel('3.10.12') },
    { MLmodel: mlmodel('3.12.1') },
  );
  assert.deepEqual(rules, ['notice behaviour-python-changed']);
  assert.equal((properties as Record<string, string>)['python'], '3.10.12');
});

test('weights in half the bits are another precision and size, and not another count', async (t) => {
  const { rules, properties } = await published(
    t,
    { 'model.safetensors': safetensors('F32', [64, 64]), 'contract.yaml': CONTRACT },
    { 'model.safetensors': safetensors('F16', [64, 64]) },
  );
  assert.deepEqual(
    rules.filter((one) => !one.endsWith(' contract-unknown')),
    ['notice behaviour-precision-changed', 'notice behaviour-size-changed'],
  );
  assert.deepEqual(properties, { precision: 'float32' });
});

test('a model that was trained again in the same way is nothing to say', async (t) => {
  const after = Buffer.from(BAYES);
  const { rules } = await published(
    t,
    { 'model.pkl': BAYES },
    { 'model.pkl': after, 'model-card.md': '# Wine\n' },
  );
  assert.deepEqual(rules, []);
});
