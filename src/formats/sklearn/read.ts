import { openFile } from '../../model/bytes.ts';
import type { ModelFile } from '../../model/walk.ts';
import { type Candidate, emptyReading, type Look, type Reading } from '../format.ts';
import { openStream } from '../wire/decompress.ts';
import { assess } from '../wire/pickle/policy.ts';
import { type PickleResult, readPickle } from '../wire/pickle/read.ts';
import { is } from '../wire/pickle/values.ts';
import { describe } from './describe.ts';
import { attachSideFiles } from './side-files.ts';
import { requirementsOf } from './versions.ts';

/** Reads a candidate of this format. Loaded where there is one. */
export async function readPickledModel(given: Candidate, look: Look): Promise<Reading> {
  const file = look.file(given.path);
  if (!file) throw new Error(`${given.path} is not in the directory`);
  return readFile(given, file, look);
}

async function readFile(given: Candidate, file: ModelFile, look: Look): Promise<Reading> {
  using bytes = openFile(file.absolute);
  const { stream, compression } = openStream(bytes);
  let result: PickleResult;
  try {
    result = await readPickle(stream);
  } finally {
    stream.close();
  }
  const { risk, remarks } = await assess(result, { file: file.path });
  attachSideFiles(result, file, look);
  const root = result.values[0];
  const base: Reading = {
    ...emptyReading(given),
    properties: { ...(compression !== null && { compression }) },
    requirements: requirementsOf(result, compression),
    risk,
    remarks,
  };
  if (root === undefined) return base;
  const uses = (...names: string[]): boolean =>
    result.globals.some((use) => names.includes(use.global.module.split('.')[0] ?? ''));
  if (uses('theano')) return (await import('../theano/read.ts')).describeTheano(base, result);
  if (is(root, 'dict')) {
    const { describePaddleState } = await import('../paddle/state.ts');
    const state = describePaddleState(base, root);
    if (state) return state;
  }
  // Pipelines of imbalanced-learn are scikit-learn's, also around estimators that are all of other makers.
  return describe(base, root, uses('sklearn', 'imblearn'), result.python2);
}
