import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Finding, finding, type Level } from '../../src/model/finding.ts';
import { annotations } from '../../src/report/annotations.ts';
import { findingsMarkdown, findingsText } from '../../src/report/findings.ts';
import { sarif } from '../../src/report/sarif.ts';

const many = (level: Level, count: number): Finding[] =>
  Array.from({ length: count }, (_, index) =>
    finding({
      rule: `rule-${level}`,
      level,
      message: `number ${index}`,
      file: 'models/a/contract.yaml',
      line: index + 1,
    }),
  );

test('annotations come most severe first, ten of a level at most, and say how many are left', () => {
  const shown = annotations([...many('notice', 3), ...many('error', 47), ...many('warning', 10)]);
  const levels = shown.map((one) => one.level);
  assert.deepEqual(levels, [
    ...Array(10).fill('error'),
    ...Array(10).fill('warning'),
    ...Array(3).fill('notice'),
  ]);
  assert.match(shown[9]?.message ?? '', /… and 38 errors more in the summary/);
  assert.deepEqual(shown[0]?.properties, {
    title: 'rule-error',
    file: 'models/a/contract.yaml',
    startLine: 1,
  });
});

test('SARIF has a place, a rule and a lasting fingerprint for every result', () => {
  const hostile = finding({
    rule: 'file-malformed',
    level: 'error',
    message: 'see [here](javascript:x) {0}',
    file: 'models/a b/c:d?e#f',
    model: 'a',
    subject: 'predict.inputs.x',
  });
  const log = sarif(
    [...many('notice', 1), hostile],
    [{ id: 'file-malformed', sentence: 'A file is damaged.' }],
    '1.2.3',
  );
  const [run] = log.runs;
  const [first, second] = run?.results ?? [];
  assert.equal(log.version, '2.1.0');
  assert.equal(run?.tool.driver.rules?.[first?.ruleIndex ?? -1]?.id, 'file-malformed');
  assert.equal(run?.tool.driver.rules?.[0]?.shortDescription?.text, 'A file is damaged.');
  assert.equal(first?.message.text, 'see \\[here\\](javascript:x) {{0}}');
  const place = first?.locations?.[0]?.physicalLocation;
  assert.equal(place?.artifactLocation?.uri, 'models/a%20b/c%3Ad%3Fe%23f');
  assert.equal(place?.region?.startLine, 1);
  assert.deepEqual(first?.partialFingerprints, { 'lading/v1': hostile.fingerprint });
  assert.equal(second?.level, 'note');
});

test('names that look like commands or markup stay text in every rendering', () => {
  const evil = '::error file=x::\n::set-output name=a::b\n<script>|`';
  const one = finding({ rule: 'x', level: 'error', message: evil, file: evil, help: evil, example: evil });
  for (const line of findingsText([one]).split('\n')) assert.doesNotMatch(line, /^\s*::/);
  const markdown = findingsMarkdown([one]);
  assert.equal(markdown.split('\n').length, 3);
  assert.equal(markdown.split('\n')[2]?.match(/(?<!\\)\|/g)?.length, 6);
});
