import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  code,
  codeBlock,
  escapeHtml,
  escapeMarkdown,
  markdownTable,
  visible,
} from '../../src/report/markdown.ts';

const HOSTILE = [
  '<script>alert(1)</script>',
  '::error::gotcha',
  'a\n::add-mask::b',
  '`code` ``more`` ```',
  '| cell | cell |',
  '[link](https://evil.example) ![img](x)',
  '@octocat fixes #1 and GH-2',
  '*bold* _it_ ~~gone~~ # head',
  '</details><img src=x onerror=alert(1)>',
  '\x1b[31mred\x1b[0m',
  'abc\u202etxt.exe',
  '<!-- comment -->',
  '&lt;b&gt;',
];

for (const text of HOSTILE) {
  const name = JSON.stringify(text);
  test(`hostile text stays one line of plain Markdown: ${name}`, () => {
    const escaped = escapeMarkdown(text);
    for (const char of ['\n', '\r', '\x1b', '\u202e']) assert.ok(!escaped.includes(char));
    assert.doesNotMatch(escaped, /[<>]/, 'no tag');
    assert.doesNotMatch(escaped, /(?<!\\)[`*_|[\]~]/, 'no markup');
    assert.doesNotMatch(escaped, /@\w|(?<!&)#\w/, 'no mention');
  });
  test(`hostile text stays within its code span and its cell: ${name}`, () => {
    const span = code(text);
    const fence = /^`+/.exec(span)?.[0] ?? '';
    assert.ok(span.endsWith(fence));
    const inside = span.slice(fence.length, -fence.length);
    for (const run of inside.match(/`+/g) ?? []) assert.notEqual(run.length, fence.length);
    assert.doesNotMatch(inside, /[\n\r]|(?<!\\)\|/);
    const rows = markdownTable(['a', 'b'], [[span, escapeMarkdown(text)]]).split('\n');
    assert.equal(rows.length, 3);
    assert.equal(rows[2]?.match(/(?<!\\)\|/g)?.length, 3, rows[2]);
  });
  test(`hostile text is text in HTML: ${name}`, () => assert.doesNotMatch(escapeHtml(text), /[<>"']/));
}

test('a code block is longer fenced than anything in it', () => {
  assert.equal(codeBlock('a\n```\nb', 'yaml'), '````yaml\na\n```\nb\n````');
});

test('what cannot be seen is made visible', () => {
  assert.equal(visible('a\tb\u200b\x07'), 'a\\tb\\u200b\\x07');
});
