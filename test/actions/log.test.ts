import assert from 'node:assert/strict';
import { test } from 'node:test';
import { neutral } from '../../src/actions/log.ts';

/** What the runner takes for a command. Source: actions/runner, src/Runner.Common/ActionCommand.cs. */
const isCommand = (line: string) => line.trimStart().startsWith('::') || line.includes('##[');

for (const line of [
  '::error::owned',
  '  ::set-output name=x::y',
  '\t::add-mask::a',
  'text ##[error]owned',
  '##[set-env name=PATH]x',
  '::::',
  ':::::error::x',
  '\u00a0::error::x',
  '\ufeff::error::x',
])
  test(`a line of somebody else is no command to the runner: ${JSON.stringify(line)}`, () => {
    assert.ok(isCommand(line));
    assert.ok(!isCommand(neutral(line)), neutral(line));
  });

test('other lines stay as they are', () => {
  for (const line of ['a::b', 'std::vector', '## heading', '[x] ##', '']) assert.equal(neutral(line), line);
});
