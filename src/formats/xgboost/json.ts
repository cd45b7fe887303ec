import type { Bytes } from '../../model/bytes.ts';
import { Malformed } from '../format.ts';
import type { Ubjson } from '../wire/ubjson.ts';

/** Up to here the whole document is parsed. */
const WHOLE = 8 * 1024 * 1024;
/** Around the trees: names and categories stand before them, parameters, objective and version behind. */
const EDGE = 4 * 1024 * 1024;

/**
 * The JSON of an XGBoost model without its trees. XGBoost writes the keys of "learner" in alphabetical order, so a
 * large file is read at both ends only.
 */
export function readLearnerJson(bytes: Bytes): Ubjson {
  if (bytes.size <= WHOLE) return parse(textOf(bytes, 0, bytes.size));
  const head = textOf(bytes, 0, EDGE);
  const tail = textOf(bytes, bytes.size - EDGE, EDGE);
  const booster = head.indexOf('"gradient_booster"');
  const parameters = tail.lastIndexOf('"learner_model_param"');
  if (booster === -1 || parameters === -1)
    throw new Malformed(
      `a JSON model of ${bytes.size} bytes has its keys in an order that XGBoost does not write`,
    );
  const before = parse(`${head.slice(0, booster).replace(/,\s*$/, '')}}}`);
  const after = parse(`{"learner":{${tail.slice(parameters)}`);
  const cats = valueAfter(head, '"cats":', booster);
  const trees = valueAfter(head, '"gbtree_model_param":', booster);
  return {
    ...(after as object),
    learner: {
      ...(before as { learner: object }).learner,
      ...(after as { learner: object }).learner,
      gradient_booster: { model: { cats: cats ?? null, gbtree_model_param: trees ?? null } },
    },
  };
}

/** The JSON object behind a key, if it ends within the text. */
function valueAfter(text: string, key: string, from: number): Ubjson | null {
  const start = text.indexOf(key, from);
  if (start === -1) return null;
  let depth = 0;
  let quoted = false;
  for (let at = start + key.length; at < text.length; at++) {
    const char = text[at];
    if (quoted) {
      if (char === '\\') at++;
      else if (char === '"') quoted = false;
    } else if (char === '"') quoted = true;
    else if (char === '{' || char === '[') depth++;
    else if (char === '}' || char === ']') {
      depth--;
      if (depth === 0) return parse(text.slice(start + key.length, at + 1));
    }
  }
  return null;
}

function textOf(bytes: Bytes, offset: number, length: number): string {
  return Buffer.from(bytes.read(offset, length)).toString('utf8');
}

function parse(text: string): Ubjson {
  try {
    return JSON.parse(text) as Ubjson;
  } catch {
    throw new Malformed(
      'it begins like a JSON model of XGBoost and is no valid JSON: it was probably cut short',
    );
  }
}
