import type { Candidate, Format, Look } from './format.ts';

/*
 * What other tools write down about a model that lies beside it. Each of them is found by the name of its file; what reads
 * it is loaded where there is one.
 */

/** Descriptions are written by people: what is larger is none. */
export const MAX_DOCUMENT = 4 * 1024 * 1024;

/** Candidates for files of that name, anywhere in the directory but no deeper than one folder. */
function named(look: Look, format: string, name: RegExp, content = /(?:)/): Candidate[] {
  return look.directory.files
    .filter((file) => name.test(file.path) && file.path.split('/').length <= 2 && file.size <= MAX_DOCUMENT)
    .filter((file) => content.test(Buffer.from(look.head(file)).toString('utf8')))
    .map((file) => ({ format, path: file.path, role: 'declaration', covers: [] }));
}

export const mlflow: Format = {
  id: 'mlflow',
  title: 'MLflow model',
  detect: (look) => named(look, 'mlflow', /(^|\/)MLmodel$/),
  read: async (...args) => (await import('./declared/mlflow.ts')).readMlflow(...args),
};

export const triton: Format = {
  id: 'triton',
  title: 'Triton model configuration',
  detect: (look) => named(look, 'triton', /(^|\/)config\.pbtxt$/),
  read: async (...args) => (await import('./declared/triton.ts')).readTriton(...args),
};

export const hydrosphere: Format = {
  id: 'hydrosphere',
  title: 'Hydrosphere Serving',
  detect: (look) =>
    named(look, 'hydrosphere', /(^|\/)(serving\.ya?ml|contract\.prototxt|contract\.protobin)$/),
  read: async (...args) => (await import('./declared/hydrosphere.ts')).readHydrosphere(...args),
};

export const bentoml: Format = {
  id: 'bentoml',
  title: 'BentoML model',
  detect: (look) =>
    named(look, 'bentoml', /(^|\/)model\.ya?ml$/, /^(bentoml_version|signatures|module):|\bbentoml/m),
  read: async (...args) => (await import('./declared/packages.ts')).readBentoml(...args),
};

export const kitops: Format = {
  id: 'kitops',
  title: 'KitOps Kitfile',
  detect: (look) => named(look, 'kitops', /(^|\/)Kitfile$/),
  read: async (...args) => (await import('./declared/packages.ts')).readKitfile(...args),
};

export const modelfile: Format = {
  id: 'modelpack',
  title: 'ModelPack Modelfile',
  detect: (look) => named(look, 'modelpack', /(^|\/)Modelfile$/, /^\s*(MODEL|CONFIG|NAME|ARCH|FORMAT)\s/im),
  read: async (...args) => (await import('./declared/packages.ts')).readModelfile(...args),
};
