import { looksLikeCatboostJson } from './catboost/json.ts';
import type { Candidate, Format } from './format.ts';

export const MAGIC = 'CBM1';
export const startOf = (head: Uint8Array): string => Buffer.from(head.subarray(0, 4)).toString('latin1');

/** Models in CatBoost's own binary form, or exported as JSON. Source: CatBoost, flatbuffers/{model,features,ctr_data}.fbs. */
export const catboost: Format = {
  id: 'catboost',
  title: 'CatBoost',
  detect: (look) =>
    look.directory.files
      .filter((file) => startOf(look.head(file)) === MAGIC || looksLikeCatboostJson(look.head(file)))
      .map((file): Candidate => ({ format: 'catboost', path: file.path, role: 'model', covers: [] })),
  read: async (...args) => (await import('./catboost/read.ts')).readCatboost(...args),
};
