import type { Bytes } from '../../model/bytes.ts';
import { Malformed } from '../format.ts';
import { placeOf, valueBehind } from '../wire/json.ts';
import { parseJsonWithNaN } from '../wire/parse-json.ts';
import type { Ubjson } from '../wire/ubjson.ts';

/** Up to here the whole document is parsed. */
const WHOLE = 4 * 1024 * 1024;
/** Around the trees: names and categories stand before them, parameters, objective and version behind. */
const EDGE = 4 * 1024 * 1024;
const LONGEST_HEAD = 16 * 1024 * 1024;

/**
 * The JSON of an XGBoost model without its trees. XGBoost writes the keys of "learner" in alphabetical order, so a
 * large file is read at both ends only.
 */
export function readLearnerJson(bytes: Bytes): Ubjson {
  if (bytes.size <= WHOLE) return parse(textOf(bytes, 0, bytes.size));
  // Very many names may stand before the trees.
  const trees = placeOf(bytes, '"gradient_booster"', LONGEST_HEAD);
  const head = textOf(bytes, 0, Math.min(trees + EDGE, bytes.size));
  const tail = textOf(bytes, bytes.size - EDGE, EDGE);
  const booster = head.indexOf('"gradient_booster"');
  const parameters = tail.lastIndexOf('"learner_model_param"');
  if (booster === -1 || parameters === -1)
    throw new Malformed(
      `a JSON model of ${bytes.size} bytes has its keys in an order that XGBoost does not write`,
    );
  const before = parse(`${head.slice(0, booster).replace(/,\s*$/, '')}}}`);
  const name = /"name"\s*:\s*"(\w+)"[^{}]*\}\s*,\s*$/.exec(
    tail.slice(Math.max(0, parameters - 200), parameters),
  )?.[1];
  const after = parse(`{"learner":{${tail.slice(parameters)}`);
  const cats = valueAfter(head, '"cats":', booster);
  const parameter = valueAfter(head, '"gbtree_model_param":', booster);
  return {
    ...(after as object),
    learner: {
      ...(before as { learner: object }).learner,
      ...(after as { learner: object }).learner,
      gradient_booster: {
        ...(name !== undefined && { name }),
        model: { cats: cats ?? null, gbtree_model_param: parameter ?? null },
      },
    },
  };
}

function valueAfter(text: string, key: string, from: number): Ubjson | null {
  const found = valueBehind(text, key, from);
  return found === null ? null : parse(found);
}

function textOf(bytes: Bytes, offset: number, length: number): string {
  return Buffer.from(bytes.read(offset, length)).toString('utf8');
}

/** It has NaN and infinities in it, as in the splits over categories. */
function parse(text: string): Ubjson {
  try {
    return parseJsonWithNaN(text) as Ubjson;
  } catch (error) {
    if (error instanceof Malformed) throw error;
    throw new Malformed(
      'it begins like a JSON model of XGBoost and is no valid JSON: it was probably cut short',
    );
  }
}
