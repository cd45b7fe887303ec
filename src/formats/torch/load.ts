import { type Bytes, slice } from '../../model/bytes.ts';
import { Malformed, type Remark, type Risk } from '../format.ts';
import { assess } from '../wire/pickle/policy.ts';
import { type PickleResult, readPickle, readPickleBytes } from '../wire/pickle/read.ts';
import { expectedReferences } from '../wire/pickle/references.ts';
import { is, textOf, type Value } from '../wire/pickle/values.ts';
import { scanZip } from '../wire/scan.ts';
import { worst } from '../wire/scan-result.ts';
import { plainSource, pullStream } from '../wire/stream.ts';
import { openZip } from '../wire/zip.ts';
import type { TorchArchive } from './archive.ts';
import { pickleMember } from './members.ts';
import { isTorchHolder } from './policy.ts';
import { tensorProblems } from './storages.ts';
import type { NamedTensor } from './tensors.ts';

/** What `torch.load` would give, as an inert value, and what was found dangerous on the way. */
export interface Loaded {
  readonly root: Value | undefined;
  readonly layout: string;
  readonly remarks: readonly Remark[];
  readonly risk: Risk;
  /** Where the tensors are described outside of the pickle (tar). */
  readonly tensors: readonly NamedTensor[] | null;
}

/** Reads any of torch's containers. Tensor values are not touched. */
export async function loadTorch(bytes: Bytes, archive: TorchArchive, file: string): Promise<Loaded> {
  if (archive.kind === 'tar') return loadTar(bytes, file);
  if (archive.kind === 'legacy') return loadLegacy(bytes, file);
  const zip = openZip(bytes);
  const packaged = archive.kind === 'package';
  const name = packaged
    ? (zip.entries.find((entry) => entry.name.endsWith('.pkl'))?.name ?? '')
    : `${archive.root}data.pkl`;
  const data = await pickleMember(zip, name);
  if (!data) throw new Malformed(packaged ? 'the package has no pickle' : 'data.pkl is missing');
  const scan = await scanZip(zip, file, {
    known: new Map([[name, data]]),
    trusted: isTorchHolder,
  });
  const problems = tensorProblems(data.values, zip, archive.root, file);
  return {
    root: data.values[0],
    layout: packaged ? 'torch.package' : 'zip',
    remarks: [...scan.remarks, ...problems],
    risk: problems.length > 0 ? 'dangerous' : scan.risk,
    tensors: null,
  };
}

/** Magic number, protocol, system, object, keys of the storages: five pickles. Then the storages' raw bytes. */
async function loadLegacy(bytes: Bytes, file: string): Promise<Loaded> {
  const result = await readPickleBytes(bytes, { pickles: 5 });
  const { remarks, risk } = await assess(result, {
    file,
    trusted: isTorchHolder,
    expected: expectedReferences(result.values),
  });
  const [, , system, root, keys] = result.values;
  const bigEndian =
    is(system, 'dict') &&
    system.values.some((value, index) => textOf(system.keys[index]) === 'little_endian' && value === false);
  const problems = tensorProblems(result.values, null, '', file);
  const found: Remark[] = [...remarks, ...problems];
  if (result.error === null && !is(keys, 'list'))
    found.push({
      rule: 'file-malformed',
      level: 'error',
      file,
      message: 'the list of storages is missing behind the pickled object',
      help: 'The file was cut short or changed: save or download it again.',
    });
  return {
    root,
    layout: bigEndian ? 'legacy, big-endian' : 'legacy',
    remarks: found,
    risk: problems.length > 0 ? 'dangerous' : found.length > remarks.length ? worst(risk, 'review') : risk,
    tensors: null,
  };
}

const BLOCK = 512;
const MAX_TAR_MEMBERS = 1000;
const MAX_TENSORS = 200_000;

/** Source: torch/serialization.py, `legacy_load`: `tensors` has a pickled triple and the raw sizes of each. */
async function loadTar(bytes: Bytes, file: string): Promise<Loaded> {
  const members = tarMembers(bytes);
  const remarks: Remark[] = [];
  let risk: Risk = 'none';
  const judge = async (result: PickleResult): Promise<void> => {
    const found = await assess(result, {
      file,
      trusted: isTorchHolder,
      expected: expectedReferences(result.values),
    });
    remarks.push(...found.remarks);
    if (found.risk === 'dangerous' || risk === 'none') risk = found.risk;
  };
  const part = members.get('pickle');
  const result = part ? await readPickleBytes(part) : null;
  if (result) await judge(result);
  const tensors: NamedTensor[] = [];
  const listed = members.get('tensors');
  if (listed) {
    const stream = pullStream(plainSource(listed));
    const first = await readPickle(stream, { pickles: 1 });
    const total = typeof first.values[0] === 'number' ? first.values[0] : 0;
    for (let index = 0; index < Math.min(total, MAX_TENSORS); index += 1) {
      const triple = await readPickle(stream, { pickles: 1 });
      if (triple.error || triple.globals.length > 1) await judge(triple);
      if (triple.error || !(await stream.ensure(8))) break;
      const head = stream.take(8);
      const rank = new DataView(head.buffer, head.byteOffset, 8).getInt32(0, true);
      if (rank < 0 || rank > 64 || !(await stream.ensure(16 * rank + 8))) break;
      const body = stream.take(16 * rank + 8);
      const view = new DataView(body.buffer, body.byteOffset, body.length);
      const shape = Array.from({ length: rank }, (_, axis) => Number(view.getBigInt64(8 * axis, true)));
      if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0)) break;
      const parts = is(triple.values[0], 'tuple') ? triple.values[0].items : [];
      const type = is(parts[2], 'global') ? parts[2].name : '';
      tensors.push({
        name: String(parts[0]),
        dtype:
          { FloatTensor: 'F32', DoubleTensor: 'F64', HalfTensor: 'F16', LongTensor: 'I64', IntTensor: 'I32' }[
            type
          ] ?? '',
        shape,
        identity: `${String(parts[1])}:${String(view.getBigInt64(16 * rank, true))}:${shape.join(',')}`,
        buffer: !/^(Float|Double|Half)/.test(type),
      });
    }
  }
  return { root: result?.values[0], layout: 'tar (torch 0.1)', remarks, risk, tensors };
}

function tarMembers(bytes: Bytes): Map<string, Bytes> {
  const members = new Map<string, Bytes>();
  let at = 0;
  while (at + BLOCK <= bytes.size && members.size < MAX_TAR_MEMBERS) {
    const header = Buffer.from(bytes.read(at, BLOCK));
    const name = header.toString('latin1', 0, 100).replace(/\0.*$/s, '').replace(/^\.\//, '');
    if (name === '') break;
    const size = Number.parseInt(header.toString('latin1', 124, 136).replace(/[^0-7]/g, '') || '0', 8);
    if (!Number.isSafeInteger(size)) throw new Malformed(`the tar member "${name}" has no size`);
    members.set(name, slice(bytes, at + BLOCK, size));
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  return members;
}
