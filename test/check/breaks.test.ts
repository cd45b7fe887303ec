import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyApprovals } from '../../src/check/approvals.ts';
import { type Baseline, breaks, POLICIES, type Policy } from '../../src/check/breaks.ts';
import { parseContract } from '../../src/contract/parse.ts';

const YAML = `contract: v1
signatures:
  predict:
    inputs:
      - {name: alcohol, type: float64, shape: [batch]}
      - {name: region, type: string, shape: [batch], categories: [north, south]}
    outputs:
      - {name: label, type: string, shape: [batch], labels: [barolo, barbera]}
      - {name: scores, type: float64, shape: [batch, 2], labels: [barolo, barbera]}
`;
const contractOf = (text: string) => parseContract(text, 'contract.yaml').contract;
const base: Baseline = { name: 'wine:1.0.0', contract: contractOf(YAML) };

function check(text: string, policy: Policy = 'backward', baselines: readonly Baseline[] = [base]) {
  const parsed = parseContract(text, 'models/wine/contract.yaml');
  assert.deepEqual(parsed.problems, []);
  return breaks(parsed.contract, baselines, policy, {
    model: 'wine',
    file: parsed.file,
    lineOf: parsed.lineOf,
  });
}

test('nothing changed is nothing to say', () => {
  assert.deepEqual(check(YAML), { changes: [], bump: 'patch', findings: [] });
  assert.deepEqual(check(YAML, 'backward', []).findings, [], 'a new model is not an error');
});

test('one more required column is an error on its line, with a payload and a next step', () => {
  const text = YAML.replace(
    '    outputs:',
    '      - {name: proline, type: float64, shape: [batch]}\n    outputs:',
  );
  const { findings, bump } = check(text);
  assert.equal(bump, 'major');
  assert.equal(findings.length, 1);
  const [one] = findings;
  assert.deepEqual(
    { ...one, fingerprint: one?.fingerprint.length },
    {
      rule: 'input-added-required',
      level: 'error',
      message:
        'the input "proline" is new and required: a caller that does not send it is refused (compared with wine:1.0.0)',
      help: 'Make it optional, fill it in within predict.py, or publish a new major version.',
      file: 'models/wine/contract.yaml',
      line: 7,
      subject: 'predict.inputs.proline',
      model: 'wine',
      example: '{"alcohol": [0.5], "region": ["north"]}',
      fingerprint: 12,
    },
  );
});

test('labels in another order are a break though every shape is the same', () => {
  const text = YAML.replace('[batch, 2], labels: [barolo, barbera]', '[batch, 2], labels: [barbera, barolo]');
  const { findings } = check(text);
  assert.deepEqual(
    findings.map(({ rule, level, line, example }) => ({ rule, level, line, example })),
    [
      {
        rule: 'output-labels-reordered',
        level: 'error',
        line: 9,
        example: 'entry 0 of "scores" meant "barolo" and means "barbera" now',
      },
    ],
  );
});

test('what is compatible says nothing and asks for a minor version', () => {
  const text = YAML.replace('[north, south]', '[north, south, west]');
  assert.deepEqual(
    { ...check(text), changes: check(text).changes.map((change) => change.rule) },
    { changes: ['input-categories-added'], bump: 'minor', findings: [] },
  );
});

test('the policy none reports nothing, and the version is a major one all the same', () => {
  const text = YAML.replace('type: float64, shape: [batch]}', 'type: int64, shape: [batch]}');
  const { findings, bump } = check(text, 'none');
  assert.deepEqual(findings, []);
  assert.equal(bump, 'major');
});

test('the policy full reports what going back would break', () => {
  const text = YAML.replace('[north, south]', '[north, south, west]');
  const { findings, bump } = check(text, 'full');
  assert.equal(bump, 'minor');
  assert.deepEqual(
    findings.map(({ rule, level, line }) => ({ rule, level, line })),
    [{ rule: 'input-categories-added', level: 'error', line: 6 }],
  );
  assert.match(findings[0]?.message ?? '', /^going back .*"region" does not take \["west"\]/);
});

test('the transitive policy holds against every version, each break once', () => {
  const older: Baseline = {
    name: 'wine:0.9.0',
    contract: contractOf(YAML.replace('[north, south]', '[north, south, west]')),
  };
  const oldest: Baseline = { ...older, name: 'wine:0.8.0' };
  assert.deepEqual(check(YAML, 'backward', [base, older, oldest]).findings, []);
  const { findings, bump } = check(YAML, 'backward-transitive', [base, older, oldest]);
  assert.equal(bump, 'patch', 'the bump is counted from the version before');
  assert.deepEqual(
    findings.map((one) => one.rule),
    ['input-categories-removed'],
  );
  assert.match(findings[0]?.message ?? '', /\(compared with wine:0\.9\.0, wine:0\.8\.0\)$/);
});

test('full and transitive: no version breaks the callers of this one when it is taken back', () => {
  const older: Baseline = {
    name: 'wine:0.9.0',
    contract: contractOf(YAML.replace('[north, south]', '[north]')),
  };
  assert.deepEqual(check(YAML, 'full', [base, older]).findings, []);
  assert.deepEqual(check(YAML, 'backward-transitive', [base, older]).findings, []);
  const { findings } = check(YAML, 'full-transitive', [base, older]);
  assert.deepEqual(
    findings.map((one) => one.rule),
    ['input-categories-added'],
  );
  assert.match(findings[0]?.message ?? '', /^going back .*\(compared with wine:0\.9\.0\)$/);
});

test('a fingerprint survives other lines and other baselines with the same difference', () => {
  const text = YAML.replace('name: alcohol', 'name: abv');
  const moved = `# a comment\n\n${text}`;
  const other: Baseline = { ...base, name: 'main' };
  const [one] = check(text).findings;
  assert.ok(one);
  assert.equal(check(moved).findings[0]?.fingerprint, one.fingerprint);
  assert.notEqual(check(moved).findings[0]?.line, one.line);
  assert.equal(check(text, 'backward', [other]).findings[0]?.fingerprint, one.fingerprint);
});

test('an approval makes a notice of a finding until the day it expires', () => {
  const { findings, bump } = check(YAML.replace('name: alcohol', 'name: abv'));
  const fingerprint = findings[0]?.fingerprint ?? '';
  const approve = (expires: string | undefined, now: string) =>
    applyApprovals(
      findings,
      [{ fingerprint, reason: 'told all callers', ...(expires !== undefined && { expires }) }],
      new Date(now),
    );
  assert.equal(approve(undefined, '2030-01-01T00:00:00Z').findings[0]?.level, 'notice');
  const valid = approve('2026-12-01', '2026-12-01T23:59:59Z');
  assert.equal(valid.findings[0]?.level, 'notice');
  assert.match(valid.findings[0]?.message ?? '', /approved until 2026-12-01: told all callers/);
  assert.equal(valid.approved.length, 1);
  const expired = approve('2026-12-01', '2026-12-02T00:00:00Z');
  assert.equal(expired.findings[0]?.level, 'error');
  assert.match(expired.findings[0]?.message ?? '', /expired on 2026-12-01/);
  assert.equal(expired.approved.length, 0);
  assert.equal(approve('next year', '2026-12-02T00:00:00Z').findings[0]?.level, 'error');
  assert.equal(bump, 'major', 'an approved break is a major version');
});

test('approvals of what is not there are listed', () => {
  const stale = { fingerprint: '0123456789ab', reason: 'old' };
  assert.deepEqual(applyApprovals([], [stale], new Date(0)), { findings: [], approved: [], unused: [stale] });
});

test('policies have names that lading.yaml knows', () => {
  assert.deepEqual(POLICIES, ['none', 'backward', 'backward-transitive', 'full', 'full-transitive']);
});

test('an edit of inputs that several signatures share is told once, and approved for those signatures only', () => {
  const shared = `${YAML}  predict_proba:\n    inputs: predict\n    outputs:\n      - {name: scores, type: float64, shape: [batch, 2]}\n`;
  const more = (text: string) =>
    text.replace('    outputs:', '      - {name: proline, type: float64, shape: [batch]}\n    outputs:');
  const [both, ...others] = check(more(shared), 'backward', [
    { name: 'wine:1.0.0', contract: contractOf(shared) },
  ]).findings;
  assert.deepEqual(others, []);
  assert.match(both?.message ?? '', /; the same in predict_proba \(compared with wine:1\.0\.0\)$/);
  const [alone] = check(more(YAML)).findings;
  assert.equal(alone?.subject, both?.subject);
  assert.notEqual(alone?.fingerprint, both?.fingerprint);
});
