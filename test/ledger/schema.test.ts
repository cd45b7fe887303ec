import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import { asEvent } from '../../src/ledger/shape.ts';

function schema(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(import.meta.dirname, '../../schemas', name), 'utf8'));
}

const HASH = 'b'.repeat(64);
const PLACE = { seq: 1, at: '2026-01-01T00:00:00.123Z', name: 'wine', prev: HASH, version: '1.0.0' };
const PUBLISH = {
  ...PLACE,
  event: 'publish',
  bump: 'first',
  kind: 'image',
  repository: 'ghcr.io/acme/wine',
  digest: `sha256:${HASH}`,
  content: HASH,
  contract: { contract: 'v1', signatures: { predict: { inputs: null, outputs: [] } } },
  framework: { name: 'onnx', version: null },
  parameters: 12,
  files: [{ path: 'a\nb', size: 0, sha256: HASH, blob: 'c'.repeat(40) }],
  labels: { 'team/x': '' },
  commit: 'd'.repeat(40),
};

test('the schema and the reader of ledgers admit the same lines', () => {
  const ajv = new Ajv({ strict: true, strictTypes: false, strictRequired: false });
  ajv.addSchema(schema('contract.json'));
  const admits = ajv.compile(schema('ledger.json'));
  const events: Record<string, unknown>[] = [
    PUBLISH,
    { ...PLACE, event: 'promote', alias: 'production' },
    { ...PLACE, event: 'label', labels: { team: 'a', old: null } },
    { ...PLACE, event: 'retire', reason: '' },
  ];
  for (const event of events) {
    assert.ok(admits(event), JSON.stringify(admits.errors));
    assert.ok('event' in asEvent(event));
    for (const key of Object.keys(event)) {
      if (key === 'commit') continue;
      const { [key]: _, ...without } = event;
      assert.equal(admits(without), false, `without ${key}`);
      assert.ok('problem' in asEvent(without), `without ${key}`);
      const wrong = { ...event, [key]: { nothing: [] } };
      assert.equal(admits(wrong), false, `wrong ${key}`);
      assert.ok('problem' in asEvent(wrong), `wrong ${key}`);
    }
    const more = { ...event, later: true };
    assert.ok(admits(more) && 'event' in asEvent(more));
  }
  const many = Object.fromEntries(Array.from({ length: 17 }, (_, index) => [`p${index}`, '']));
  const { p16: _, ...enough } = many;
  for (const properties of [{}, { python: '3.11', priors: '{"a":1}' }, enough, { priors: '🍷'.repeat(8192) }])
    assert.ok(admits({ ...PUBLISH, properties }) && 'event' in asEvent({ ...PUBLISH, properties }));
  for (const properties of [
    null,
    [],
    'x',
    { python: 3 },
    { 'not legal': '' },
    many,
    { a: 'x'.repeat(8193) },
  ]) {
    const wrong = { ...PUBLISH, properties };
    assert.equal(admits(wrong), false, JSON.stringify(properties).slice(0, 80));
    assert.ok('problem' in asEvent(wrong), JSON.stringify(properties).slice(0, 80));
  }
});
