import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { findVersion, replay } from '../../src/ledger/collection.ts';
import {
  appendLine,
  type EventDraft,
  emptyLedger,
  GENESIS,
  type Ledger,
  parseLedger,
} from '../../src/ledger/ledger.ts';
import { parseSelector, resolveReference } from '../../src/ledger/select.ts';
import { UserError } from '../../src/ports/errors.ts';

const HASH = 'a'.repeat(64);

function publish(version: string, labels: Record<string, string> = {}): EventDraft {
  return {
    event: 'publish',
    version,
    bump: 'patch',
    kind: 'artifact',
    repository: 'ghcr.io/acme/wine',
    digest: `sha256:${HASH}`,
    content: HASH,
    contract: { contract: 'v1', signatures: {} },
    framework: null,
    parameters: null,
    files: [{ path: 'x', size: 1, sha256: HASH }],
    labels,
  };
}

function ledgerOf(...drafts: readonly EventDraft[]): Ledger {
  return drafts.reduce(
    (ledger, draft, index) => appendLine(ledger, draft, new Date(Date.UTC(2026, 0, index + 1))),
    emptyLedger('wine'),
  );
}

const collectionOf = (...drafts: readonly EventDraft[]) => replay('wine', ledgerOf(...drafts).events);
const resolved = (text: string, ...drafts: readonly EventDraft[]) =>
  resolveReference(collectionOf(...drafts), parseSelector(text).selector).version;
const parse = (text: string) => parseLedger('wine', Buffer.from(text), 'ledger/wine.jsonl');

test('each line carries the hash of the line before, as sha256sum gives it', () => {
  const ledger = ledgerOf(publish('1.0.0'), publish('1.1.0'));
  const [first = '', second = ''] = ledger.text.split('\n');
  assert.equal(JSON.parse(first).prev, GENESIS);
  const [sum] = execFileSync('sha256sum', { input: first, encoding: 'utf8' }).split(' ');
  assert.equal(JSON.parse(second).prev, sum);
  const again = parse(ledger.text);
  assert.deepEqual(again, ledger);
});

const BROKEN: readonly [string, (text: string) => string, number, RegExp][] = [
  [
    'a changed character',
    (text) => text.replace('"version":"1.1.0"', '"version":"9.1.0"'),
    3,
    /hash of line 2/,
  ],
  ['a line that was removed', (text) => text.replace(/^.*"1\.1\.0".*\n/m, ''), 2, /says that it is number 3/],
  [
    'a first line that was removed',
    (text) => text.slice(text.indexOf('\n') + 1),
    1,
    /says that it is number 2/,
  ],
  [
    'two lines that changed places',
    (text) =>
      text
        .split('\n')
        .toSpliced(0, 2, ...text.split('\n').slice(0, 2).reverse())
        .join('\n'),
    1,
    /number 2/,
  ],
  ['a cut off end', (text) => text.slice(0, -20), 3, /cut off/],
  ['a missing newline', (text) => text.slice(0, -1), 3, /cut off/],
  ['a merge conflict', (text) => `${text}<<<<<<< HEAD\n`, 4, /merge conflict/],
  ['Windows line endings', (text) => text.replaceAll('\n', '\r\n'), 1, /Windows/],
  ['an empty line', (text) => `${text}\n`, 4, /it is empty/],
  ['something else', (text) => `${text}{]\n`, 4, /not JSON/],
  ['a list', (text) => `${text}[]\n`, 4, /not a JSON object/],
  ['a later kind of event', (text) => `${text}{"event":"teleport"}\n`, 4, /"teleport", which this version/],
  [
    'a wrong digest',
    (text) => text.replace(`sha256:${HASH}`, 'sha256:zz'),
    1,
    /"digest" that is not a digest/,
  ],
  ['a wrong name', (text) => text.replace('"name":"wine"', '"name":"vine"'), 1, /about "vine"/],
  [
    'a file that is not a file',
    (text) => text.replace('"size":1', '"size":-1'),
    1,
    /"files" that has an entry 0/,
  ],
  [
    'labels that are no labels',
    (text) => text.replace('"labels":{}', '"labels":{"a b":"c"}'),
    1,
    /not legal for a label/,
  ],
  ['a byte order mark', (text) => `\uFEFF${text}`, 1, /byte order mark/],
];

test('a ledger that was tampered with names the line and what is wrong', () => {
  const { text } = ledgerOf(publish('1.0.0'), publish('1.1.0'), publish('1.2.0'));
  for (const [what, edit, line, message] of BROKEN) {
    const edited = edit(text);
    assert.notEqual(edited, text, what);
    assert.throws(
      () => parse(edited),
      (error) => error instanceof UserError && error.line === line && message.test(error.message),
      what,
    );
  }
  assert.throws(() => parseLedger('wine', Uint8Array.of(0xff, 0xfe, 10), 'l'), /not UTF-8/);
});

test('fields that a later version adds are let through', () => {
  const draft: EventDraft = Object.assign(publish('1.0.0'), { later: { a: 1 } });
  assert.equal(parse(ledgerOf(draft).text).events.length, 1);
});

test('latest is the highest release that is not retired, whatever the order of publishing', () => {
  const retire = (version: string): EventDraft => ({ event: 'retire', version, reason: 'bad data' });
  assert.equal(collectionOf().latest, null);
  assert.equal(collectionOf(publish('1.10.0'), publish('1.9.0')).latest?.version, '1.10.0');
  assert.equal(collectionOf(publish('1.0.0'), publish('2.0.0-rc.1')).latest?.version, '1.0.0');
  assert.equal(collectionOf(publish('2.0.0-rc.1')).latest, null);
  assert.equal(collectionOf(publish('9'), publish('10')).latest?.version, '10');
  assert.equal(collectionOf(publish('1.0.0'), publish('1.1.0'), retire('1.1.0')).latest?.version, '1.0.0');
  assert.equal(collectionOf(publish('1.0.0'), retire('1.0.0')).latest, null);
  assert.equal(collectionOf(publish('summer'), publish('autumn')).latest?.version, 'autumn');
});

test('a version, an alias, labels and latest are found; retired ones are not', () => {
  const drafts: EventDraft[] = [
    publish('1.0.0', { stage: 'test', team: 'a' }),
    publish('1.1.0', { stage: 'test', team: 'b' }),
    publish('1.2.0', { stage: 'live' }),
    { event: 'promote', version: '1.1.0', alias: 'production' },
    { event: 'promote', version: '1.0.0', alias: 'production' },
    { event: 'promote', version: '1.2.0', alias: 'canary' },
    { event: 'label', version: '1.1.0', labels: { team: 'a', stage: 'test' } },
    { event: 'label', version: '1.0.0', labels: { team: null } },
    { event: 'retire', version: '1.2.0', reason: 'leaks the label' },
  ];
  assert.equal(resolved('wine', ...drafts), '1.1.0');
  assert.equal(resolved('wine:latest', ...drafts), '1.1.0');
  assert.equal(resolved('wine:1.0.0', ...drafts), '1.0.0');
  assert.equal(resolved('wine:production', ...drafts), '1.0.0');
  assert.equal(resolved('wine:stage=test', ...drafts), '1.1.0');
  assert.equal(resolved('wine:stage=test, team=a', ...drafts), '1.1.0');
  for (const [asked, message] of [
    ['wine:1.2.0', /was retired: leaks the label/],
    ['wine:canary', /"canary" stands for 1\.2\.0: wine:1\.2\.0 was retired/],
    ['wine:stage=live', /no version of "wine" has the labels stage=live/],
    ['wine:team=', /no version/],
    ['wine:9.9.9', /no version and no alias "9\.9\.9"/],
  ] as const)
    assert.throws(
      () => resolved(asked, ...drafts),
      (error) =>
        error instanceof UserError && message.test(error.message) && /1\.1\.0/.test(error.help ?? ''),
      asked,
    );
  assert.throws(() => resolved('wine:toString=x', ...drafts), /no version/);
  assert.throws(() => resolved('wine'), /no version of "wine" is published/);
  for (const text of ['', 'Wine', 'wine:', 'wine:A b', 'wine:=x', 'wine:a=b,,'])
    assert.throws(() => parseSelector(text), UserError, text);
});

test('events that cannot follow are refused with their line', () => {
  const wrong: readonly EventDraft[][] = [
    [publish('1.0.0'), publish('1.0.0')],
    [publish('1.0.0'), { event: 'retire', version: '2.0.0', reason: '' }],
    [publish('1.0.0'), { event: 'promote', version: '2.0.0', alias: 'x' }],
  ];
  for (const drafts of wrong)
    assert.throws(
      () => collectionOf(...drafts),
      (error) => error instanceof UserError && error.line === 2,
    );
  const labels = Object.fromEntries([['__proto__x', 'v']]);
  assert.throws(() => ledgerOf(publish('1.0.0', labels)), /not legal for a label/);
  assert.equal(findVersion(collectionOf(publish('1.0.0')), 'constructor'), null);
});
