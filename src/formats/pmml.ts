import type { Candidate, Format } from './format.ts';

/** PMML documents: their interface is declared in full. Source: dmg.org, PMML 4.4.1. */
export const pmml: Format = {
  id: 'pmml',
  title: 'PMML',
  detect: (look) =>
    look.directory.files
      .filter((file) => /<(\w+:)?PMML[\s>]/.test(plainText(look.head(file))))
      .map((file): Candidate => ({ format: 'pmml', path: file.path, role: 'model', covers: [] })),
  read: async (...args) => (await import('./pmml/read.ts')).readPmml(...args),
};

/** UTF-16 has a zero beside each letter that markup is made of. */
export const plainText = (bytes: Uint8Array): string =>
  Buffer.from(bytes).toString('latin1').replaceAll('\0', '');
