import type { ModelFile } from '../model/walk.ts';
import { type Candidate, emptyReading, type Format, type Look, Malformed } from './format.ts';
import { openCandidate } from './open.ts';
import { ASK_FOR_CONTRACT } from './weights.ts';
import { compressionOf, openStream } from './wire/decompress.ts';
import { zlib } from './wire/zlib.ts';

/** `RDX3\n` and the like stand before a workspace; a single object begins with the kind of its encoding. */
const HEADER = /^(?:RD([XAB])([23])\n)?([XAB])\n/;
const NAMED = /\.(?:rds|rda|rdata)$/i;

/**
 * Objects and workspaces that R saved. They are named with the version that wrote them; what is in them is R's own.
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
  async read(candidate, look) {
    using bytes = openCandidate(candidate, look);
    const { stream, compression } = openStream(bytes);
    let head: Uint8Array;
    try {
      head = (await stream.peek(40)).slice();
    } finally {
      stream.close();
    }
    const text = Buffer.from(head).toString('latin1');
    const header = HEADER.exec(text);
    if (!header) throw new Malformed('it does not begin as R begins what it saves');
    const [all, workspace, , encoding] = header;
    const numbers = numbersAt(head, all.length, encoding ?? '');
    const writer = numbers[1] ?? 0;
    const version = writer > 0 ? `${writer >> 16}.${(writer >> 8) & 255}.${writer & 255}` : null;
    return {
      ...emptyReading(candidate),
      framework: { name: 'r', version },
      properties: {
        kind: workspace === undefined ? 'object' : 'workspace',
        'serialization version': String(numbers[0] ?? ''),
        ...(compression !== null && { compression }),
      },
      remarks: [
        {
          rule: 'contract-unknown',
          level: 'warning',
          file: candidate.path,
          message: 'R objects are named and not read, so the file does not tell the contract',
          help: ASK_FOR_CONTRACT,
        },
      ],
    };
  },
};

/** Version of the format and of the writer: big-endian, lines of digits, or little-endian. */
function numbersAt(head: Uint8Array, start: number, encoding: string): number[] {
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
