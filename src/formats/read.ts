import { closeSync, openSync, readSync } from 'node:fs';
import { Truncated } from '../model/bytes.ts';
import type { ModelDirectory, ModelFile } from '../model/walk.ts';
import { messageOf } from '../ports/errors.ts';
import { choose, withStatedVersions } from './choose.ts';
import {
  type Candidate,
  emptyReading,
  type Format,
  type Look,
  Malformed,
  type Reading,
  type Remark,
} from './format.ts';
import { explainFile } from './not-a-model.ts';
import { FORMATS } from './registry.ts';
import { isLabel } from './told.ts';

const HEAD = 4096;
/** Candidates that a message names. */
const LISTED = 10;

/** Prepares a model directory for detection. Nothing is read until a format asks. */
export function lookAt(directory: ModelDirectory): Look {
  const byPath = new Map(directory.files.map((file) => [file.path, file]));
  const heads = new Map<string, Uint8Array>();
  return {
    directory,
    file: (path) => byPath.get(path),
    head(file: ModelFile) {
      const known = heads.get(file.path);
      if (known) return known;
      const buffer = new Uint8Array(Math.min(HEAD, file.size));
      const fd = openSync(file.absolute, 'r');
      const count = readSync(fd, buffer, 0, buffer.length, 0);
      closeSync(fd);
      const head = buffer.subarray(0, count);
      heads.set(file.path, head);
      return head;
    },
  };
}

/** What was found in a directory. */
export type Found =
  | { readonly kind: 'model'; readonly reading: Reading; readonly declarations: readonly Reading[] }
  /** Several models and nothing that chooses among them. */
  | {
      readonly kind: 'ambiguous';
      readonly candidates: readonly Candidate[];
      readonly remarks: readonly Remark[];
    }
  | { readonly kind: 'none'; readonly remarks: readonly Remark[] };

/** All candidates in the directory, without the files that belong to another candidate. */
export function detect(look: Look, formats: readonly Format[] = FORMATS): Candidate[] {
  const all = formats.flatMap((format) => format.detect(look));
  const covered = new Set(all.flatMap((candidate) => candidate.covers));
  return all.filter((candidate) => !covered.has(candidate.path));
}

/**
 * Finds and reads the model of a directory.
 * @param choice path within the directory of the file or folder to read, where the user names one.
 */
export async function readModel(look: Look, choice?: string): Promise<Found> {
  const candidates = detect(look);
  const usable = (role: Candidate['role']) =>
    candidates.filter((c) => c.role === role && (choice === undefined || c.path === choice));
  const models = usable('model').length > 0 ? usable('model') : usable('weights');
  const declarations: Reading[] = [];
  for (const candidate of candidates)
    if (candidate.role === 'declaration') declarations.push(await readCandidate(candidate, look));
  const [only, ...others] = models;
  if (only === undefined) return described(declarations, explainNone(look, choice), choice);
  const chosen = others.length === 0 ? only : choose(models, declarations);
  if (chosen === null) return { kind: 'ambiguous', candidates: models, remarks: [ambiguity(models)] };
  const reading = withStatedVersions(await readCandidate(chosen, look), declarations);
  return { kind: 'model', reading, declarations };
}

/** A description without a model beside it is what there is to say of the directory. */
function described(
  declarations: readonly Reading[],
  remarks: readonly Remark[],
  choice: string | undefined,
): Found {
  const [best, ...rest] = [...declarations].sort(
    (a, b) => Number(b.contract !== null) - Number(a.contract !== null),
  );
  if (!best || choice !== undefined) return { kind: 'none', remarks };
  const said = best.contract !== null || best.remarks.some((one) => one.rule === 'contract-unknown');
  const silence: Remark = {
    rule: 'contract-unknown',
    level: 'warning',
    file: best.path,
    message: 'this description does not say what the model takes and returns, and no file beside it does',
    help: 'Write a contract.yaml with the inputs and outputs of the model.',
  };
  const damage = remarks.filter((remark) => remark.rule !== 'model-missing');
  return {
    kind: 'model',
    reading: { ...best, remarks: [...best.remarks, ...damage, ...(said ? [] : [silence])] },
    declarations: rest,
  };
}

/** Sizes of a damaged file multiply to anything. */
const isCount = (parameters: number | null): boolean =>
  parameters === null || (Number.isSafeInteger(parameters) && parameters >= 0);

/** Reads one candidate. What a format throws about the bytes becomes a finding; anything else is a bug. */
export async function readCandidate(candidate: Candidate, look: Look): Promise<Reading> {
  const format = FORMATS.find((one) => one.id === candidate.format);
  if (!format) throw new Error(`no format "${candidate.format}" is registered`);
  try {
    const reading = await format.read(candidate, look);
    return {
      ...reading,
      parameters: isCount(reading.parameters) ? reading.parameters : null,
      labels: reading.labels?.every(isLabel) ? reading.labels : null,
    };
  } catch (error) {
    if (!(error instanceof Truncated || error instanceof Malformed)) throw error;
    const truncated = error instanceof Truncated;
    return {
      ...emptyReading(candidate),
      risk: 'review',
      remarks: [
        {
          rule: truncated ? 'file-truncated' : 'file-malformed',
          level: 'error',
          file: candidate.path,
          message: `${format.title}: ${messageOf(error)}`,
          help: truncated
            ? 'The file was cut short: save or download it again and compare its size.'
            : 'Save the model again with its framework; if it loads there, report this file to Lading.',
        },
      ],
    };
  }
}

function explainNone(look: Look, choice: string | undefined): Remark[] {
  const files = look.directory.files.filter((file) => choice === undefined || file.path === choice);
  const remarks = files.flatMap((file) => explainFile(file, look.head(file)) ?? []);
  if (remarks.length > 0) return remarks;
  return [
    {
      rule: 'model-missing',
      level: 'error',
      message:
        files.length === 0
          ? choice === undefined
            ? 'the directory is empty'
            : `there is no file "${choice}"`
          : `none of the ${files.length} files is a model that Lading knows`,
      help: 'Put the saved model into the directory; `lading formats` lists what is read.',
    },
  ];
}

function ambiguity(models: readonly Candidate[]): Remark {
  const shown = models.slice(0, LISTED).map((model) => `${model.path || '.'} (${model.format})`);
  const list = [...shown, ...(models.length > LISTED ? [`and ${models.length - LISTED} more`] : [])].join(
    ', ',
  );
  return {
    rule: 'model-ambiguous',
    level: 'error',
    message: `the directory holds ${models.length} models: ${list}`,
    help: 'Keep one model in a directory, or name the one to use: `file:` in lading.yaml, or `--file` in a terminal.',
  };
}
