import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CheckedModel } from '../../src/commands/checking.ts';
import { type Finding, finding } from '../../src/model/finding.ts';
import {
  COMMENT_CAP,
  type CommentRun,
  checkComment,
  commentMarker,
  isFromLaterRun,
  othersComment,
} from '../../src/report/comment.ts';

const RUN: CommentRun = {
  workflow: 'ci --> <b>',
  id: 12,
  attempt: 2,
  url: 'https://github.invalid/acme/models/actions/runs/12',
  commit: 'a'.repeat(40),
};

/** As far as the comment looks at it. */
function checked(name: string, findings: readonly Finding[], changes = 0): CheckedModel {
  const change = { rule: 'x', verdict: 'breaking', subject: 's'.repeat(80), old: 'o'.repeat(200), new: null };
  return {
    settings: { name, path: `models/${name}` },
    baseline: { label: 'main' },
    reason: null,
    policy: 'backward',
    failed: findings.some((one) => one.level === 'error'),
    findings,
    changes: Array.from({ length: changes }, () => change),
  } as unknown as CheckedModel;
}

const many = (count: number, length: number): Finding[] =>
  Array.from({ length: count }, (_, index) =>
    finding({
      rule: 'input-added-required',
      level: index % 10 === 0 ? 'error' : 'warning',
      message: `number ${index} ${'<|@'.repeat(length)}`,
      file: 'models/wine/contract.yaml',
      line: index + 1,
    }),
  );

test('a comment gives up detail in steps, and always fits', () => {
  const bodies = [
    checked('wine', many(3, 10), 100),
    checked('wine', many(100, 30), 100),
    checked('wine', many(200, 300), 100),
    checked('wine', many(5000, 300), 100),
    checked('wine', many(1, 30_000), 0),
  ].map((model) => checkComment(model, RUN));
  for (const body of bodies) {
    assert.ok(body.length <= COMMENT_CAP, String(body.length));
    assert.ok(body.startsWith(commentMarker(RUN.workflow, 'wine')));
    assert.match(body, /### 🛑 `wine`: /);
    assert.match(body, /kept up to date\.<\/sub>$/);
  }
  assert.match(bodies[0] ?? '', /100 changes of the contract/);
  assert.doesNotMatch(bodies[2] ?? '', /changes of the contract/);
  assert.match(bodies[3] ?? '', /… and [\d,]+ findings more in the summary of the run/);
  assert.match(bodies[3] ?? '', /- \*\*error\*\*/);
});

test('thousands of models share one comment that fits', () => {
  const models = Array.from({ length: 3000 }, (_, index) => checked(`model-${index}`, many(2, 1)));
  const body = othersComment(models, RUN);
  assert.ok(body.length <= COMMENT_CAP);
  assert.match(body, /3,000 more models with findings/);
  assert.match(body, /… and [\d,]+ models more|… and [\d,]+ models$|… and [\d,]+ more models/m);
});

test('nothing in a name ends the marker', () => {
  const marker = commentMarker('ci --> <script>', 'a-->b');
  assert.equal(marker.indexOf('-->'), marker.length - 3);
  assert.doesNotMatch(marker.slice(4), /</);
});

test('which of two runs is later is told by the run, then by its attempt', () => {
  const body = checkComment(checked('wine', []), RUN);
  assert.equal(isFromLaterRun(body, RUN), false);
  assert.equal(isFromLaterRun(body, { ...RUN, attempt: 1 }), true);
  assert.equal(isFromLaterRun(body, { ...RUN, id: 11, attempt: 9 }), true);
  assert.equal(isFromLaterRun(body, { ...RUN, id: 13, attempt: 1 }), false);
  assert.equal(isFromLaterRun('somebody has edited it', RUN), false);
});
