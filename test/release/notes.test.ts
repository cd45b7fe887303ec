import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { type NotesFacts, releaseNotes } from '../../src/release/notes.ts';

const EVIL = '</details><script>alert(1)</script>\n::error::x\n`$(touch pwned)`|@octocat [x](http://e.vil)';

const FACTS: NotesFacts = {
  name: 'wine',
  version: '1.2.0',
  bump: 'minor',
  previous: '1.1.0',
  changes: [
    {
      rule: 'input-added-optional',
      bump: 'minor',
      subject: 'predict.inputs.hue',
      message: 'there is a new input',
    },
    { rule: 'output-removed', bump: 'major', subject: EVIL, message: EVIL },
  ],
  kind: 'image',
  repository: 'ghcr.io/acme/wine',
  digest: `sha256:${'a'.repeat(64)}`,
  contract: {
    contract: 'v1',
    signatures: { [EVIL]: { inputs: [{ name: EVIL, type: 'string', shape: [EVIL] }], outputs: null } },
  },
  framework: { name: EVIL, version: EVIL },
  parameters: 1234567,
  files: [{ path: EVIL, size: 1_500_000, sha256: 'b'.repeat(64) }],
  labels: { team: EVIL },
  commit: 'c'.repeat(40),
  sample: { inputs: { x: "it's $(touch pwned)" } },
};

test('nothing that a model says becomes markup, a command or a mention', () => {
  const notes = releaseNotes(FACTS);
  const outside = notes
    .split('\n')
    .map((line) => line.replace(/(`+)(?:(?!\1).)*\1/g, ''))
    .join('\n');
  assert.doesNotMatch(outside, /<script|<\/details|(?<!\\)\[x\]\(|@octocat/);
  assert.doesNotMatch(notes, /^::error/m);
  // No cell is split: each row of the files has its three.
  const [row = ''] = notes.split('\n').filter((line) => line.includes('1.5 MB |'));
  assert.equal(row.match(/(?<!\\)\|/g)?.length, 4);
});

test('notes say what broke first, how large the files are and how to call the model', () => {
  const notes = releaseNotes(FACTS);
  assert.ok(notes.indexOf('### Breaking') < notes.indexOf('### Compatible'));
  assert.match(notes, /## Changes since 1\.1\.0/);
  assert.match(notes, /1,234,567/);
  assert.match(notes, /1 file, 1\.5 MB/);
  assert.match(notes, /docker run --rm -p 8080:8080 ghcr\.io\/acme\/wine@sha256:a{64}/);
});

test('the call in the notes is one that a shell takes as it stands', () => {
  const [, command = ''] = /^(curl .*)$/m.exec(releaseNotes(FACTS)) ?? [];
  const printed = execFileSync('sh', ['-c', command.replace(/^curl/, "printf '%s\\n'")], {
    encoding: 'utf8',
  });
  assert.deepEqual(JSON.parse(printed.trimEnd().split('\n').at(-1) ?? ''), FACTS.sample);
});

test('a first version has no changes, and a layout on disk is named as one', () => {
  const notes = releaseNotes({
    ...FACTS,
    previous: null,
    changes: [],
    bump: 'first',
    repository: "oci:it's/wine",
  });
  assert.doesNotMatch(notes, /Changes since/);
  assert.match(notes, /skopeo copy 'oci:it'\\''s\/wine:1\.2\.0' docker-daemon:wine:1\.2\.0/);
});

test('an artifact is no image: it comes out of a layout as files', () => {
  const notes = releaseNotes({ ...FACTS, kind: 'artifact', repository: 'oci:build/oci/wine' });
  assert.match(notes, /oras pull --oci-layout 'build\/oci\/wine:1\.2\.0'/);
  assert.doesNotMatch(notes, /docker/);
});
