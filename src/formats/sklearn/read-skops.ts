import type { Bytes } from '../../model/bytes.ts';
import {
  type Candidate,
  emptyReading,
  type Look,
  Malformed,
  type Reading,
  type Remark,
  type Risk,
} from '../format.ts';
import { openCandidate } from '../open.ts';
import { classify } from '../wire/pickle/classify.ts';
import { fullName } from '../wire/pickle/values.ts';
import { entryBytes, findEntry, openZip, readText, type Zip } from '../wire/zip.ts';
import { describe } from './describe.ts';
import { readSkops, type SkopsType } from './skops-values.ts';
import { versionOf } from './versions.ts';

const MAX_SCHEMA = 48 * 1024 * 1024;
const MAX_MEMBER = 16 * 1024 * 1024;

/** Reads a candidate of this format. Loaded where there is one. */
export async function readSkopsModel(candidate: Candidate, look: Look): Promise<Reading> {
  using bytes = openCandidate(candidate, look);
  return readModel(candidate, bytes);
}

function readModel(candidate: Candidate, bytes: Bytes): Reading {
  const zip = openZip(bytes);
  const schema = findEntry(zip, 'schema.json');
  if (!schema) throw new Malformed('it has no schema.json');
  const { root, types, skopsVersion } = readSkops(readText(zip, schema, MAX_SCHEMA), (name) =>
    member(zip, name),
  );
  const { risk, remarks } = assessTypes(types, zip, candidate.path);
  const usesSklearn = types.some((one) => one.global.module.split('.')[0] === 'sklearn');
  const base: Reading = {
    ...emptyReading(candidate),
    requirements: { ...(usesSklearn && { 'scikit-learn': versionOf(root) }), skops: skopsVersion },
    risk,
    remarks,
  };
  return describe(base, root, usesSklearn);
}

function member(zip: Zip, name: string): Bytes | null {
  const entry = findEntry(zip, name);
  return entry ? entryBytes(zip, entry, MAX_MEMBER) : null;
}

/** skops loads what its user trusts: types beyond the frameworks are for a person to look at. */
function assessTypes(types: readonly SkopsType[], zip: Zip, file: string): { risk: Risk; remarks: Remark[] } {
  const remarks: Remark[] = zip.anomalies.map((anomaly) => ({
    rule: 'archive-tampered',
    level: 'error',
    file,
    message: anomaly.message,
    help: 'No tool writes archives like this; get the model from its makers again.',
  }));
  let dangerous = false;
  for (const { global, loader } of types) {
    const name = fullName(global);
    const kind = classify(global);
    const danger = kind === 'dangerous' && loader !== 'PartialNode';
    const odd = loader === 'MethodNode' || loader === 'OperatorFuncNode' || loader === 'PartialNode';
    if (danger) dangerous = true;
    if (!danger && !odd && kind !== 'unknown') continue;
    if (remarks.length >= 100) continue;
    remarks.push({
      rule: danger ? 'skops-dangerous' : 'skops-untrusted',
      level: danger ? 'error' : 'warning',
      file,
      subject: name,
      message: danger
        ? `loading it with trust would use ${name}, which runs or loads code`
        : `it holds ${name}, which skops does not load unless it is told to trust it`,
      help: 'Make sure that you know where it comes from before you pass it to skops as trusted.',
    });
  }
  return { risk: dangerous ? 'dangerous' : remarks.length > 0 ? 'review' : 'none', remarks };
}
