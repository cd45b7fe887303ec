import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RULES, ruleOf } from '../../src/contract/rules.ts';

test('ids are kebab-case, unique, and say direction, subject and change', () => {
  assert.equal(new Set(RULES.map((rule) => rule.id)).size, RULES.length);
  for (const rule of RULES) {
    assert.match(rule.id, /^(input|output|signature)(-[a-z]+)+$/);
    assert.ok(rule.id.startsWith(`${rule.direction}-`) && rule.id.endsWith(`-${rule.change}`), rule.id);
  }
});

test('every rule has its mirror on the other side, or a reason why not', () => {
  for (const rule of RULES) {
    if (rule.mirror === null) {
      assert.ok(rule.waiver, `${rule.id} has neither mirror nor waiver`);
      continue;
    }
    const mirror = ruleOf(rule.mirror);
    assert.equal(mirror.mirror, rule.id);
    assert.notEqual(mirror.direction, rule.direction);
    assert.equal(mirror.change, rule.change);
  }
});

test('every edit can be undone, and undoing the undoing is the edit', () => {
  for (const rule of RULES) {
    const reverse = ruleOf(rule.reverse);
    assert.equal(reverse.reverse, rule.id);
    assert.equal(reverse.direction, rule.direction);
  }
});

test('an edit of an input means what undoing it means for an output, or there is a reason why not', () => {
  for (const rule of RULES) {
    if (rule.mirror === null || rule.waiver !== null) continue;
    const opposite = ruleOf(ruleOf(rule.reverse).mirror ?? '');
    assert.equal(rule.verdict, opposite.verdict, `${rule.id} and ${opposite.id}`);
  }
});

test('a waiver is one of few', () => {
  assert.ok(RULES.filter((rule) => rule.waiver !== null).length <= 20);
});

test('sentences are whole and fill in what they name', () => {
  for (const rule of RULES) {
    assert.match(rule.help, /\.$/, rule.id);
    assert.doesNotMatch(rule.says, /\.$/, rule.id);
    assert.notEqual(rule.example[0], rule.example[1]);
  }
});
