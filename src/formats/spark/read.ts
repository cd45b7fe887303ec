import type { Label } from '../../contract/types.ts';
import { open } from '../../model/walk.ts';
import { type Candidate, emptyReading, type Look, Malformed, type Reading, type Remark } from '../format.ts';
import { topsOf } from '../spark.ts';
import { folderStore, type Store, zipStore } from '../store.ts';
import { type ToldSignature, tell, unknown } from '../told.ts';
import { ASK_FOR_CONTRACT } from '../weights.ts';
import { openZip } from '../wire/zip.ts';
import { flatten, fold, isUnfitted } from './fold.ts';
import { fieldOf } from './frame.ts';
import { callOf } from './old.ts';
import { METADATA, readStage, type Stage } from './stage.ts';
import { type Tables, tablesOf } from './tables.ts';

/** Reads a candidate of this format. Loaded where there is one. */
export async function readSpark(candidate: Candidate, look: Look): Promise<Reading> {
  const file = look.file(candidate.path);
  if (!file) return readStore(candidate, folderStore(look, candidate.path));
  using bytes = open(file);
  const zip = openZip(bytes);
  const tops = topsOf(zip.entries.map((entry) => entry.name).filter((name) => METADATA.test(name)));
  const [top, ...others] = tops;
  if (top === undefined || others.length > 0)
    throw new Malformed(`the archive holds ${tops.length} models: ${tops.slice(0, 5).join(', ')}`);
  return await readStore(candidate, zipStore(zip, top));
}

async function readStore(candidate: Candidate, store: Store): Promise<Reading> {
  const root = readStage(store);
  const tables = tablesOf(store, candidate.path);
  if (root.class.startsWith('org.apache.spark.mllib.')) return readOld(candidate, root, tables);
  return readPipeline(candidate, root, tables);
}

const noContract = (candidate: Candidate, message: string, help: string): Remark => ({
  rule: 'contract-unknown',
  level: 'warning',
  file: candidate.path,
  message,
  help,
});

function describe(candidate: Candidate, root: Stage): Reading {
  return {
    ...emptyReading(candidate),
    framework: { name: 'spark', version: root.sparkVersion },
    properties: { class: root.class },
    requirements: { pyspark: root.sparkVersion },
  };
}

async function readPipeline(candidate: Candidate, root: Stage, tables: Tables): Promise<Reading> {
  const base = describe(candidate, root);
  const stages = flatten(root);
  const properties: Record<string, string> = { ...base.properties };
  if (stages.length > 1 || stages[0] !== root)
    properties['stages'] = stages.map((stage) => stage.name).join(', ');
  if (isUnfitted(root)) {
    const message = `it is ${/^[AEIOU]/.test(root.name) ? 'an' : 'a'} ${root.name} that was never fitted: it cannot transform anything`;
    const help = `Save what fit() returns${root.name === 'Pipeline' ? ', a PipelineModel' : ''}.`;
    return { ...base, remarks: [noContract(candidate, message, help)] };
  }
  const { frame, labels, parameters } = await fold(root, tables);
  const remarks = tables.remarks();
  const outputs = frame.made.filter((column) => !column.taken && !column.hidden);
  const nameless = frame.nameless > 0 ? 'an SQL expression gives a column that has no name of its own' : null;
  const lost = (why: string) => unknown(why, 'the columns, in a contract.yaml');
  const signature: ToldSignature = {
    inputs: frame.lost === null ? frame.given.map(fieldOf) : lost(frame.lost),
    outputs:
      frame.lost === null && nameless === null ? outputs.map(fieldOf) : lost(frame.lost ?? nameless ?? ''),
  };
  if (labels)
    properties['classes'] = labels
      .slice(0, 100)
      .map((label: Label) => String(label))
      .join(', ');
  const told = tell({ transform: signature });
  return {
    ...base,
    contract: told.contract,
    evidence: told.evidence,
    labels,
    parameters,
    properties,
    risk: remarks.length > 0 ? 'review' : 'none',
    remarks,
  };
}

/** Models of the RDD-based library: metadata beside the class, and a method that takes a value. */
async function readOld(candidate: Candidate, root: Stage, tables: Tables): Promise<Reading> {
  const call = await callOf(root, tables);
  const remarks = tables.remarks();
  // The version in their metadata is that of the layout.
  const base: Reading = {
    ...describe(candidate, root),
    framework: { name: 'spark', version: null },
    requirements: { pyspark: null },
    risk: remarks.length > 0 ? 'review' : 'none',
    remarks,
  };
  if (!call)
    return {
      ...base,
      remarks: [
        ...remarks,
        noContract(candidate, `${root.class} does not say how it is called`, ASK_FOR_CONTRACT),
      ],
    };
  const told = tell({ [call.method]: call.signature });
  return { ...base, contract: told.contract, evidence: told.evidence };
}
