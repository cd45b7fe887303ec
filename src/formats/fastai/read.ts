import { open } from '../../model/walk.ts';
import { type Candidate, emptyReading, type Look, Malformed, type Reading, type Remark } from '../format.ts';
import { tell } from '../told.ts';
import { torchArchive } from '../torch/archive.ts';
import { type Loaded, loadTorch } from '../torch/load.ts';
import { countTied, moduleTensors, type NamedTensor } from '../torch/tensors.ts';
import { ASK_FOR_CONTRACT, precisions } from '../weights.ts';
import { worst } from '../wire/scan-result.ts';
import { learnerIn } from './learner.ts';

/** Reads a candidate of this format. Loaded where there is one. */
export async function readFastai(candidate: Candidate, look: Look): Promise<Reading> {
  const file = look.file(candidate.path);
  const archive = file && torchArchive(look, file);
  if (!file || !archive) throw new Malformed('the file is gone');
  using bytes = open(file);
  const container = archive.root === '' ? 'legacy' : 'save';
  return readingOf(candidate, await loadTorch(bytes, { ...archive, kind: container }, candidate.path));
}

function readingOf(candidate: Candidate, loaded: Loaded): Reading {
  const learner = learnerIn(loaded.root);
  const tensors: NamedTensor[] = learner.model === null ? [] : moduleTensors(learner.model);
  const told = learner.signature === null ? null : tell({ predict: learner.signature }, 'predict');
  const remarks: Remark[] = [
    ...loaded.remarks,
    {
      rule: 'pickle-module',
      level: 'warning',
      file: candidate.path,
      subject: learner.name ?? 'Learner',
      message: 'the file is a whole fastai learner: loading it runs the code of its classes',
      help: 'Load it only where you know who made it; fastai has no other way to export a learner.',
    },
  ];
  if (learner.rows !== null && learner.rows > 0)
    remarks.push({
      rule: 'training-data-included',
      level: 'warning',
      file: candidate.path,
      message: `the file carries ${learner.rows} rows of the data that the model was trained on`,
      help: 'Whoever gets the model gets the data. Export with Learner.export, which leaves them out, or empty the DataLoaders first.',
    });
  if (!told)
    remarks.push({
      rule: 'contract-unknown',
      level: 'notice',
      file: candidate.path,
      message: 'the learner does not say in a way that Lading knows what it takes and returns',
      help: ASK_FOR_CONTRACT,
    });
  return {
    ...emptyReading(candidate),
    framework: { name: 'fastai', version: null },
    contract: told?.contract ?? null,
    evidence: told?.evidence ?? {},
    features: learner.features,
    labels: learner.labels,
    parameters: tensors.length > 0 ? countTied(tensors) : null,
    properties: {
      layout: loaded.layout,
      ...learner.properties,
      ...(tensors.length > 0 && { precision: precisions(tensors) }),
    },
    requirements: { fastai: null, torch: null },
    risk: worst(loaded.risk, 'review'),
    remarks,
  };
}
