import assert from 'node:assert/strict';
import { test } from 'node:test';
import { replay } from '../../src/ledger/collection.ts';
import type { LedgerEvent } from '../../src/ledger/event.ts';
import { UserError } from '../../src/ports/errors.ts';
import { explicitVersion, nextVersion, previousOf } from '../../src/release/version.ts';

/** `!` before a version retires it. */
function collection(...versions: readonly string[]) {
  const base = { at: '2026-01-01T00:00:00Z', name: 'wine', prev: '0'.repeat(64) };
  const events = versions.map((text, index): LedgerEvent => {
    const place = { ...base, seq: index + 1 };
    if (text.startsWith('!')) return { ...place, event: 'retire', version: text.slice(1), reason: '' };
    return {
      ...place,
      event: 'publish',
      version: text,
      bump: 'first',
      kind: 'image',
      repository: 'r',
      digest: 'sha256:',
      content: '',
      contract: { contract: 'v1', signatures: {} },
      framework: null,
      parameters: null,
      files: [],
      labels: {},
    };
  });
  return replay('wine', events);
}

test('the next version is counted from the latest, and passes over what is taken', () => {
  const cases: readonly [string[], 'first' | 'major' | 'minor' | 'patch', string][] = [
    [[], 'first', '1.0.0'],
    [['1.0.0'], 'patch', '1.0.1'],
    [['1.9.0'], 'minor', '1.10.0'],
    [['1.9.3'], 'major', '2.0.0'],
    [['2.0.0', '1.0.1'], 'patch', '2.0.1'],
    [['1.0.0', '1.1.0', '!1.1.0'], 'minor', '1.2.0'],
    [['1.0.0', '1.1.0', '!1.1.0'], 'patch', '1.0.1'],
    [['1.0.0', '!1.0.0'], 'first', '1.0.1'],
    [['1.0.0', '2.0.0-rc.1'], 'major', '2.0.0'],
    [['2.0.0-rc.1'], 'first', '2.0.0'],
    [['0.3.0'], 'minor', '0.4.0'],
  ];
  for (const [versions, bump, next] of cases)
    assert.equal(nextVersion(collection(...versions), bump, 'semver'), next, `${versions} ${bump}`);
});

test('integers count from the highest, retired ones included', () => {
  assert.equal(nextVersion(collection(), 'first', 'integer'), '1');
  assert.equal(nextVersion(collection('9', '10'), 'major', 'integer'), '11');
  assert.equal(nextVersion(collection('1', '2', '!2'), 'patch', 'integer'), '3');
});

test('a collection is counted in one way', () => {
  assert.throws(() => nextVersion(collection('1.0.0'), 'patch', 'integer'), UserError);
  assert.throws(() => nextVersion(collection('1'), 'patch', 'semver'), UserError);
  assert.throws(() => explicitVersion(collection('1'), '2.0.0', 'semver'), UserError);
});

test('a version that is given has to be one', () => {
  assert.equal(explicitVersion(collection(), '1.2.0-rc.1', 'semver'), '1.2.0-rc.1');
  assert.equal(explicitVersion(collection(), '7', 'integer'), '7');
  for (const version of ['1.2', 'v1.2.0', '01.2.0', '1.2.0+build', 'latest', '', '1.2.0 '])
    assert.throws(() => explicitVersion(collection(), version, 'semver'), UserError, version);
  for (const version of ['01', '1.0.0', '-1'])
    assert.throws(() => explicitVersion(collection(), version, 'integer'), UserError, version);
});

test('a version is compared with the highest one below it', () => {
  const all = collection('1.0.0', '1.1.0', '2.0.0', '3.0.0', '!3.0.0', '4.0.0-rc.1');
  assert.equal(previousOf(all, null)?.version, '2.0.0');
  assert.equal(previousOf(all, '1.0.1')?.version, '1.0.0');
  assert.equal(previousOf(all, '5.0.0')?.version, '2.0.0');
  assert.equal(previousOf(all, '0.1.0'), null);
});
