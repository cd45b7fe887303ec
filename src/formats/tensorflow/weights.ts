import { posix } from 'node:path';
import type { Look, Remark } from '../format.ts';
import { child, type Tree } from '../wire/tree.ts';
import { objectsOf } from './signatures.ts';

/** Whether the object graph of TensorFlow 2 has variables. */
export function hasVariables(metaGraph: Tree): boolean {
  return objectsOf(metaGraph).some((object) => child(object, 'variable') !== undefined);
}

/** What of the checkpoint in `variables/` is not there, for a model that has variables. */
export function missingWeights(folder: string, file: string, look: Look): Remark[] {
  const at = (name: string) => posix.join(folder, 'variables', name);
  const prefix = at('variables.data-');
  const shards = look.directory.files.map((one) => one.path).filter((path) => path.startsWith(prefix));
  const expected = Number(/-of-(\d{5})$/.exec(shards[0] ?? '')?.[1] ?? 1);
  const missing = [
    ...(look.file(at('variables.index')) ? [] : ['variables/variables.index']),
    ...(shards.length >= expected
      ? []
      : [`${expected - shards.length} of ${expected} variables/variables.data-*`]),
  ];
  if (missing.length === 0) return [];
  return [
    {
      rule: 'weights-missing',
      level: 'error',
      file,
      message: `the model has variables, and their values are not there: ${missing.join(', ')}`,
      help: 'Commit the whole folder that TensorFlow saved; look whether .gitignore leaves a part out.',
    },
  ];
}
