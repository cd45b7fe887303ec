import type { Reading, Remark } from '../formats/format.ts';
import { UserError } from '../ports/errors.ts';
import {
  NEWEST_SCIKIT_LEARN,
  NEWEST_TENSORFLOW,
  NUMPY,
  ONNXRUNTIME,
  PANDAS,
  type Pins,
  type Row,
  SCIKIT_LEARN,
  serverPins,
  TENSORFLOW,
} from './pins.ts';

/** The ways to load a model; each is a file of `server/loaders/`. */
export type Loader = 'sklearn' | 'onnx' | 'tensorflow' | 'predict';

export interface Requirements {
  /** `requirements.txt` of the image: pinned, sorted. */
  readonly text: string;
  /** Version of Python for the default base, such as `3.12`. */
  readonly python: string;
  readonly remarks: readonly Remark[];
}

export interface RequirementsOptions {
  readonly loader: Loader;
  readonly reading: Pick<Reading, 'requirements' | 'features'> | null;
  /** The user's own `requirements.txt`. Untrusted text; it goes first where it names a package. */
  readonly own: string | null;
  /** Version of Python where the base image decides it; else the model does. */
  readonly python: string | null;
}

/** Packages of which a user's own version may not fit the server's pins: then pip chooses them. */
const WEB = [
  'fastapi',
  'starlette',
  'pydantic',
  'pydantic-core',
  'anyio',
  'typing-extensions',
  'opentelemetry-api',
];

/**
 * Chooses what is installed beside a model: what the user's `requirements.txt` says, else what the model states,
 * else what goes with it (`pins.ts`), and the server's own packages.
 * @throws UserError when the user's file holds what cannot be installed in an image.
 */
export function requirementsFor(options: RequirementsOptions): Requirements {
  const own = options.own === null ? null : readRequirements(options.own);
  const stated = options.reading?.requirements ?? {};
  const framework = frameworkPins(options);
  const minor = options.python === null ? framework.python : minorOf(options.python);
  const pins = new Map<string, string | null>();
  const add = (more: Pins | Readonly<Record<string, string | null>>): void => {
    for (const [name, version] of Object.entries(more)) {
      const known = pins.get(normalised(name));
      if (known === undefined || known === null) pins.set(normalised(name), version);
    }
  };
  // A name that is stated without a version counts only where no table gives one.
  add(Object.fromEntries(Object.entries(stated).filter(([, version]) => version !== null)));
  add(framework.pins);
  add(stated);
  if (options.loader === 'sklearn') add(pandasPins(pins, options));
  add({ numpy: NUMPY.find(([python]) => minor >= python)?.[1] ?? '1.21.6' });
  if (options.loader === 'tensorflow' && !framework.pins['numpy'] && !stated['numpy']) pins.delete('numpy');
  const server = { ...serverPins(minor) };
  const names = new Set(own?.names ?? []);
  // TensorFlow up to 2.13 wants an old typing-extensions; a user's version of one package decides about the others.
  const oldTensorflow = !atLeast(framework.pins['tensorflow-cpu'] ?? NEWEST_TENSORFLOW, [2, 14]);
  if (oldTensorflow || WEB.some((name) => names.has(name))) {
    for (const name of Object.keys(server)) if (name !== 'uvicorn' && name !== 'orjson') delete server[name];
    if (!names.has('fastapi')) pins.set('fastapi', null);
  }
  add(server);
  if (pins.has('tensorflow') && pins.has('tensorflow-cpu')) pins.delete('tensorflow');
  const remarks = [...(own?.remarks ?? [])];
  const lines = [...pins]
    .filter(([name]) => !names.has(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, version]) => {
      if (version !== null) return `${name}==${version}`;
      remarks.push({
        rule: 'requirement-unpinned',
        level: 'notice',
        subject: name,
        message: `the model needs ${name} and does not say which version; the newest is installed`,
        help: `Add "${name}==<version>" to requirements.txt in the model directory.`,
      });
      return name;
    });
  return { text: `${[...(own?.lines ?? []), ...lines].join('\n')}\n`, python: `3.${minor}`, remarks };
}

function frameworkPins(options: RequirementsOptions): { python: number; pins: Pins } {
  const stated = options.reading?.requirements ?? {};
  switch (options.loader) {
    case 'sklearn': {
      const version = stated['scikit-learn'] ?? NEWEST_SCIKIT_LEARN;
      const row = rowFor(SCIKIT_LEARN, version);
      return { python: row.python, pins: { 'scikit-learn': version, ...row.pins } };
    }
    case 'onnx':
      return ONNXRUNTIME;
    case 'tensorflow': {
      const said = stated['tensorflow'] ?? stated['tensorflow-cpu'] ?? null;
      const version = said !== null && atLeast(said, [2, 5]) ? said : NEWEST_TENSORFLOW;
      const row = rowFor(TENSORFLOW, version);
      return { python: row.python, pins: { 'tensorflow-cpu': version, ...row.pins } };
    }
    case 'predict':
      return { python: 12, pins: {} };
  }
}

/** A model that was trained on columns with names is called with a DataFrame; TensorFlow is called with tensors. */
function pandasPins(pins: ReadonlyMap<string, string | null>, options: RequirementsOptions): Pins {
  const stated = options.reading?.requirements ?? {};
  const named = options.reading?.features !== null && options.loader !== 'tensorflow';
  if (!named && !('pandas' in stated)) return {};
  const numpy = pins.get('numpy') ?? '2.4';
  return PANDAS.find((row) => atLeast(numpy, row.numpy))?.pins ?? {};
}

function rowFor(rows: readonly Row[], version: string): Row {
  const row = rows.find((one) => atLeast(version, one.from)) ?? rows.at(-1);
  if (!row) throw new Error('the table is empty');
  return row;
}

function atLeast(version: string, [major, minor]: readonly [number, number]): boolean {
  const [a = 0, b = 0] = version.split('.').map((part) => Number.parseInt(part, 10) || 0);
  return a > major || (a === major && b >= minor);
}

function minorOf(python: string): number {
  const match = /^3\.([0-9]{1,2})(?:\.[0-9]+)?$/.exec(python);
  if (!match) throw new UserError(`"${python}" is not a version of Python 3, such as 3.12`);
  return Number(match[1]);
}

/** As PEP 503 compares names. */
function normalised(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, '-');
}

const FILE = 'requirements.txt';

/**
 * Reads a user's `requirements.txt` for what matters here. Lines are kept as they are, without hashes (they
 * would have to cover the server's packages too).
 */
function readRequirements(text: string): { lines: string[]; names: Set<string>; remarks: Remark[] } {
  const lines: string[] = [];
  const names = new Set<string>();
  const remarks: Remark[] = [];
  let pending = '';
  for (const [index, raw] of text.split(/\r\n|\r|\n/).entries()) {
    const joined = pending + raw;
    if (joined.endsWith('\\')) {
      pending = `${joined.slice(0, -1)} `;
      continue;
    }
    pending = '';
    const line = joined
      .replace(/(^|\s)#.*$/, '')
      .replace(/\s--hash[= ]\S+/g, '')
      .trim();
    if (line === '') continue;
    const at = { file: FILE, line: index + 1 };
    if (/^(-r|-c|-e|--requirement|--constraint|--editable)\b|^\.{0,2}\/|^file:|^[a-z]:\\/i.test(line))
      throw new UserError(`${FILE} names a file that is not in the image: ${line.slice(0, 80)}`, {
        ...at,
        help: 'Write the packages into requirements.txt itself, each with its version.',
      });
    lines.push(line);
    const name = /^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*(.*)$/.exec(line);
    if (!name || line.startsWith('-')) continue;
    const [, distribution = '', rest = ''] = name;
    names.add(normalised(distribution));
    const pinned = /^===?\s*[^*\s,;]+\s*(;|$)/.test(rest) || /^@\s*\S/.test(rest) || line.includes('://');
    if (!pinned)
      remarks.push({
        rule: 'requirement-unpinned',
        level: 'warning',
        ...at,
        subject: distribution,
        message: `${distribution} is not pinned: the image would change without a commit`,
        help: `Write "${distribution}==<version>".`,
      });
  }
  return { lines, names, remarks };
}
