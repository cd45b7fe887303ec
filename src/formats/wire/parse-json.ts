import { Malformed } from '../format.ts';

/** What a model's description may hold: an object costs fifty times the two signs that it takes in the text. */
const MAX_CONTAINERS = 600_000;
const MAX_DEPTH = 1000;
/** Values of lists count one, those behind a key four: eight bytes, and about a hundred with the key. */
const MAX_VALUES = 2_000_000;
const KEYED = 4;

/**
 * Parses JSON whose arrays, objects and values are counted first, so that a hostile file costs no more memory than an honest one.
 * @throws Malformed when there are too many of them, or too deep; SyntaxError when it is no JSON.
 */
export function parseJson(text: string): unknown {
  let containers = 0;
  let depth = 0;
  let quoted = false;
  let values = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x22) quoted = !quoted;
    else if (quoted) {
      if (code === 0x5c) at += 1;
    } else if (code === 0x5b || code === 0x7b) {
      containers += 1;
      depth += 1;
      if (depth > MAX_DEPTH) throw new Malformed(`the JSON is nested deeper than ${MAX_DEPTH}`);
      if (containers > MAX_CONTAINERS)
        throw new Malformed(`the JSON has more than ${MAX_CONTAINERS} arrays and objects`);
    } else if (code === 0x5d || code === 0x7d) depth -= 1;
    else if (code === 0x2c || code === 0x3a) {
      values += code === 0x3a ? KEYED : 1;
      if (values > MAX_VALUES) throw new Malformed(`the JSON has more than ${MAX_VALUES} values`);
    }
  }
  return JSON.parse(text);
}

/**
 * Parses JSON as XGBoost and Python write it, where numbers that are not finite stand as `NaN` and `-Infinity`: those are
 * read as empty texts.
 * @throws as `parseJson` does.
 */
export function parseJsonWithNaN(text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return parseJson(withoutNotFinite(text));
  }
}

/** Each becomes an empty text of the same length: an expression that replaces them takes fifty times their size. */
function withoutNotFinite(text: string): string {
  const bytes = Buffer.from(text, 'utf8');
  let quoted = false;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) quoted = !quoted;
    else if (quoted) {
      if (byte === BACKSLASH) at += 1;
    } else if (STARTS.has(byte)) {
      const name = NOT_FINITE.find((one) => bytes.toString('latin1', at, at + one.length) === one);
      if (name === undefined) continue;
      bytes.write('""'.padEnd(name.length), at, 'latin1');
      at += name.length - 1;
    }
  }
  return bytes.toString('utf8');
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NOT_FINITE = ['-Infinity', 'Infinity', '-NaN', 'NaN', '-nan', 'nan', '-inf', 'inf'];
const STARTS: ReadonlySet<number> = new Set(NOT_FINITE.map((one) => one.charCodeAt(0)));
