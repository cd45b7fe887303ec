import { Truncated } from '../../model/bytes.ts';
import { type Candidate, emptyReading, type Look, Malformed, type Reading } from '../format.ts';
import { openCandidate } from '../open.ts';
import { HEADER, numbersAt } from '../r.ts';
import { tell, unknown } from '../told.ts';
import { ASK_FOR_CONTRACT } from '../weights.ts';
import { openStream } from '../wire/decompress.ts';
import type { PullStream } from '../wire/stream.ts';
import { describeR } from './model.ts';
import { type RValue, walkR } from './walk.ts';

/** What is walked of an object, uncompressed: what is larger is named only. */
const WALKED = 24 * 1024 * 1024;
const PIECE = 256 * 1024;

/** Reads a candidate of this format. Loaded where there is one. */
export async function readR(candidate: Candidate, look: Look): Promise<Reading> {
  using bytes = openCandidate(candidate, look);
  const { stream, compression } = openStream(bytes);
  let head: Uint8Array;
  let data: Buffer | null;
  try {
    head = (await stream.peek(40)).slice();
    data = await contentOf(stream);
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
  const named = rootsOf(data, all.length, workspace !== undefined, encoding ?? '', numbers[0] ?? 0);
  const [only] = named ?? [];
  const model = named?.length === 1 && only ? describeR(only.value) : null;
  const told = model?.inputs
    ? tell({
        predict: {
          inputs: model.inputs,
          outputs: unknown('what predict gives depends on its arguments', 'the outputs'),
        },
      })
    : null;
  return {
    ...emptyReading(candidate),
    framework: { name: 'r', version },
    contract: told?.contract ?? null,
    evidence: told?.evidence ?? {},
    features: model?.inputs?.map((field) => field.name.value ?? '') ?? null,
    labels: model?.labels ?? null,
    properties: {
      kind: workspace === undefined ? 'object' : 'workspace',
      'serialization version': String(numbers[0] ?? ''),
      ...(model && { class: model.classes.join(', ') }),
      ...(workspace !== undefined && named && { objects: objectNames(named) }),
      ...(compression !== null && { compression }),
    },
    remarks: [
      {
        rule: 'contract-unknown',
        level: 'warning',
        file: candidate.path,
        message:
          model === null
            ? 'R objects are named and not read, so the file does not tell the contract'
            : `an object of R (${model.classes.join(', ')}) does not tell what it returns`,
        help: ASK_FOR_CONTRACT,
      },
    ],
  };
}

const LISTED = 20;
const objectNames = (named: readonly { readonly name: string }[]): string =>
  named
    .slice(0, LISTED)
    .map((one) => one.name)
    .join(', ');

/** All bytes, uncompressed; `null` where there are more than are walked, or where they are damaged. */
async function contentOf(stream: PullStream): Promise<Buffer | null> {
  const pieces: Buffer[] = [];
  try {
    while (stream.position < WALKED) {
      const piece = await stream.peek(PIECE);
      if (piece.length === 0) return Buffer.concat(pieces);
      pieces.push(Buffer.from(piece));
      await stream.skip(piece.length);
    }
  } catch (error) {
    if (!(error instanceof Malformed || error instanceof Truncated)) throw error;
  }
  return null;
}

/** The object, or those of a workspace by name; `null` where they are not walked. */
function rootsOf(
  data: Buffer | null,
  start: number,
  workspace: boolean,
  encoding: string,
  version: number,
): { name: string; value: RValue }[] | null {
  if (data === null || encoding === 'A') return null;
  try {
    const little = encoding === 'B';
    // Three versions; the third form also states the native encoding.
    let at = start + 12;
    if (version === 3 && at + 4 <= data.length)
      at += 4 + (little ? data.readUInt32LE(at) : data.readUInt32BE(at));
    const root = walkR(data, at, little);
    return workspace ? [...root.items] : [{ name: '', value: root }];
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return null;
  }
}
