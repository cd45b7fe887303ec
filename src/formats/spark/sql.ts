import { unknown } from '../told.ts';
import { anyNumber, type Said } from './frame.ts';
import type { StageReader } from './work.ts';

const WORDS = new Set(
  'select from where as and or not null is in like between case when then else end cast double int integer bigint float string boolean true false distinct'.split(
    ' ',
  ),
);
const MAX_STATEMENT = 20_000;
const TOKEN =
  /\s+|(`[^`]+`)|('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|([A-Za-z_][A-Za-z0-9_.]*)|(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?[LDSF]?)|(.)/gsy;

/**
 * A SELECT over the table that comes in. Names in it are columns that have to be there; what AS names is made. Without
 * a `*` the columns that it does not name are gone.
 */
export const sqlTransformer: StageReader = (stage, { frame }) => {
  const statement = String(stage.params['statement'] ?? '').slice(0, MAX_STATEMENT);
  const parsed = parse(statement);
  const made: Said = {
    type: unknown('the type of an SQL expression is not worked out', 'the type'),
    form: null,
  };
  const taken: Said = { ...anyNumber, type: unknown('used in an SQL expression', 'the type'), form: null };
  for (const name of parsed.reads) {
    const before = frame.find(name);
    const was = before?.taken ?? true;
    const column = frame.take(name, taken, stage.name);
    if (before) column.taken = was || column.taken;
  }
  if (!parsed.all)
    for (const column of frame.made) if (!parsed.reads.includes(column.name)) column.hidden = true;
  for (const name of parsed.makes) frame.make(name, made, stage.name);
};

function parse(statement: string): { reads: string[]; makes: string[]; all: boolean } {
  const tokens: { text: string; name: boolean }[] = [];
  for (const match of statement.matchAll(TOKEN)) {
    const [all, quoted, literal, word, number, sign] = match;
    if (quoted !== undefined) tokens.push({ text: quoted.slice(1, -1), name: true });
    else if (word !== undefined) tokens.push({ text: word, name: !WORDS.has(word.toLowerCase()) });
    else if (literal !== undefined || number !== undefined) tokens.push({ text: all, name: false });
    else if (sign !== undefined) tokens.push({ text: sign, name: false });
  }
  const reads: string[] = [];
  const makes: string[] = [];
  const all = tokens.some(
    (token, index) => token.text === '*' && /^(?:select|distinct|,|\.)$/i.test(tokens[index - 1]?.text ?? ''),
  );
  tokens.forEach((token, index) => {
    const before = tokens[index - 1]?.text.toLowerCase();
    const after = tokens[index + 1]?.text;
    if (!token.name || token.text.toUpperCase() === '__THIS__' || after === '(') return;
    if (before === 'as') makes.push(token.text);
    else reads.push(token.text.replace(/^__THIS__\./i, ''));
  });
  return {
    reads: [...new Set(reads)].filter((name) => !makes.includes(name)),
    makes: [...new Set(makes)],
    all,
  };
}
