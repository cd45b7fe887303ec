import type { Label } from '../contract/types.ts';
import { type Candidate, emptyReading, type Format, type Look, type Reading } from './format.ts';
import { flatten, fold } from './spark/fold.ts';
import { fieldOf } from './spark/frame.ts';
import { count, filesIn, METADATA, readStage, type Stage } from './spark/stage.ts';
import { assumed, derived, type ToldSignature, tell, unknown } from './told.ts';
import { ASK_FOR_CONTRACT } from './weights.ts';

/** Directories that Spark ML saves: pipelines and single models, by their metadata and the footers of their tables. */
export const spark: Format = {
  id: 'spark',
  title: 'Spark ML',
  detect(look) {
    const folders = look.directory.files
      .filter((file) => METADATA.test(file.path) && isMetadata(look.head(file)))
      .map((file) => file.path.replace(/(?:^|\/)metadata\/part-[^/]*$/, ''));
    const tops = new Set(folders.filter((one) => !folders.some((other) => isInside(one, other))));
    return [...tops].map((folder): Candidate => {
      const covers = filesIn(look, folder).map((file) => file.path);
      return { format: 'spark', path: folder, role: 'model', covers };
    });
  },
  async read(candidate, look) {
    const root = readStage(look, candidate.path);
    if (root.class.startsWith('org.apache.spark.mllib.')) return readOld(candidate, root);
    return readPipeline(candidate, root, look);
  },
};

const isInside = (folder: string, other: string): boolean =>
  folder !== other && (other === '' || folder.startsWith(`${other}/`));

function isMetadata(head: Uint8Array): boolean {
  const start = Buffer.from(head).toString('latin1').trimStart();
  return (
    start.startsWith('{') &&
    /"class"\s*:\s*"[\w.$]+"/.test(start) &&
    /"(?:uid|timestamp|version)"/.test(start)
  );
}

function describe(candidate: Candidate, root: Stage): Reading {
  return {
    ...emptyReading(candidate),
    framework: { name: 'spark', version: root.sparkVersion },
    properties: { class: root.class },
    requirements: { pyspark: root.sparkVersion },
  };
}

async function readPipeline(candidate: Candidate, root: Stage, look: Look): Promise<Reading> {
  const base = describe(candidate, root);
  const stages = flatten(root);
  const properties: Record<string, string> = { ...base.properties };
  if (stages.length > 1 || stages[0] !== root)
    properties['stages'] = stages.map((stage) => stage.name).join(', ');
  if (root.name === 'Pipeline')
    return {
      ...base,
      remarks: [
        {
          rule: 'contract-unknown',
          level: 'warning',
          file: candidate.path,
          message: 'it is a Pipeline that was never fitted: it cannot transform anything',
          help: 'Save what fit() returns, a PipelineModel.',
        },
      ],
    };
  const { frame, labels, remarks } = await fold(root, look);
  const outputs = frame.made.filter((column) => !column.taken && !column.hidden);
  const signature: ToldSignature = {
    inputs: frame.given.map(fieldOf),
    outputs: outputs.map(fieldOf),
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
    properties,
    risk: remarks.length > 0 ? 'review' : 'none',
    remarks,
  };
}

/** Models of the RDD-based library: metadata beside the class, and a call that takes one vector. */
function readOld(candidate: Candidate, root: Stage): Reading {
  const features = count(root, 'numFeatures');
  const base = { ...describe(candidate, root), framework: { name: 'spark', version: null } };
  if (features === null)
    return {
      ...base,
      requirements: { pyspark: null },
      remarks: [
        {
          rule: 'contract-unknown',
          level: 'warning',
          file: candidate.path,
          message: `${root.class} does not say how many features it takes`,
          help: ASK_FOR_CONTRACT,
        },
      ],
    };
  const told = tell({
    predict: {
      inputs: [
        {
          name: assumed('features', 'predict() takes one vector'),
          type: derived('float64', 'vectors are of doubles'),
          shape: derived(['batch', features], 'metadata numFeatures'),
        },
      ],
      outputs: [
        {
          name: assumed('prediction', 'predict() returns one number'),
          type: root.name.includes('KMeans')
            ? unknown('a cluster')
            : derived('float64', 'predictions are doubles'),
          shape: derived(['batch'], 'one number a row'),
        },
      ],
    },
  });
  return { ...base, contract: told.contract, evidence: told.evidence };
}
