import type { ModelFile } from '../model/walk.ts';
import { zlib } from '../ports/builtin.ts';
import type { Candidate, Format, Look } from './format.ts';
import { compressionOf } from './wire/compression.ts';

/** `RDX3\n` and the like stand before a workspace; a single object begins with the kind of its encoding. */
export const HEADER = /^(?:RD([XAB])([23])\n)?([XAB])\n/;
const NAMED = /\.(?:rds|rda|rdata)$/i;

/**
 * Objects and workspaces that R saved: named with the class and the version that wrote them, and of models with a formula the
 * columns that it asks for. What `predict` gives is the code of R's packages.
 * Source: R Internals, "Serialization Formats".
 */
export const r: Format = {
  id: 'r',
  title: 'R (rds, RData)',
  detect: (look) =>
    look.directory.files
      .filter((file) => isR(file, look))
      // Data may lie beside a model of another kind: R's files are the model only where there is none.
      .map((file): Candidate => ({ format: 'r', path: file.path, role: 'weights', covers: [] })),
  read: async (...args) => (await import('./r/read.ts')).readR(...args),
};

/** Version of the format and of the writer: big-endian, lines of digits, or little-endian. */
export function numbersAt(head: Uint8Array, start: number, encoding: string): number[] {
  if (encoding === 'A')
    return Buffer.from(head.subarray(start)).toString('latin1').split('\n').slice(0, 2).map(Number);
  const view = new DataView(head.buffer, head.byteOffset, head.length);
  return [start, start + 4].flatMap((at) =>
    at + 4 <= head.length ? view.getInt32(at, encoding === 'B') : [],
  );
}

function isR(file: ModelFile, look: Look): boolean {
  const head = look.head(file);
  const compression = compressionOf(head);
  if (compression === null) return file.size > 14 && startsAsR(head);
  // Only gzip can be looked into at once; the name has to do for bzip2 and xz.
  if (compression !== 'gzip') return NAMED.test(file.path) && (compression === 'bz2' || compression === 'xz');
  try {
    return startsAsR(
      zlib().gunzipSync(head, {
        finishFlush: zlib().constants.Z_SYNC_FLUSH,
        maxOutputLength: 64 * 1024 * 1024,
      }),
    );
  } catch {
    return NAMED.test(file.path);
  }
}

/** The header, and a version of the format that there is: text may begin with an X too. */
function startsAsR(head: Uint8Array): boolean {
  const header = HEADER.exec(Buffer.from(head.subarray(0, 40)).toString('latin1'));
  if (!header) return false;
  const [version = 0] = numbersAt(head, header[0].length, header[3] ?? '');
  return version === 2 || version === 3;
}
