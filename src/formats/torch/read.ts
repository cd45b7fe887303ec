import { open } from '../../model/walk.ts';
import { type Candidate, emptyReading, type Look, Malformed, type Reading, type Remark } from '../format.ts';
import { ASK_FOR_CONTRACT, precisions } from '../weights.ts';
import { worst } from '../wire/scan-result.ts';
import { openZip } from '../wire/zip.ts';
import { torchArchive } from './archive.ts';
import { factsOf } from './checkpoint.ts';
import { type Loaded, loadTorch } from './load.ts';

/** Reads a candidate of this format. Loaded where there is one. */
export async function readTorch(candidate: Candidate, look: Look): Promise<Reading> {
  const file = look.file(candidate.path);
  const archive = file && torchArchive(look, file);
  if (!file || !archive) throw new Malformed('the file is gone');
  using bytes = open(file);
  if (archive.kind === 'served') {
    const { readServed } = await import('./served.ts');
    return await readServed(candidate, openZip(bytes));
  }
  return readingOf(candidate, await loadTorch(bytes, archive, candidate.path));
}

function readingOf(candidate: Candidate, loaded: Loaded): Reading {
  const facts = factsOf(loaded.root, loaded.tensors);
  const remarks: Remark[] = [...loaded.remarks];
  if (facts.module !== null)
    remarks.push({
      rule: 'pickle-module',
      level: 'warning',
      file: candidate.path,
      subject: facts.module,
      message: `the file is a whole module (${facts.module}): to load it, torch.load has to run the code of its classes`,
      help: 'Save the weights alone with torch.save(model.state_dict(), …), or the model with torch.export.save.',
    });
  remarks.push({
    rule: 'contract-unknown',
    level: 'notice',
    file: candidate.path,
    message:
      facts.module === null
        ? 'the file holds parameters only; nothing in it says what the model takes and returns'
        : `what ${facts.module} takes and returns stands in its code only`,
    help: ASK_FOR_CONTRACT,
  });
  return {
    ...emptyReading(candidate),
    framework: { name: 'torch', version: facts.version },
    labels: facts.labels,
    parameters: facts.parameters,
    properties: {
      ...(facts.module !== null && { class: facts.module }),
      layout: loaded.layout,
      ...(facts.tensors.length > 0 && { precision: precisions(facts.tensors) }),
      ...facts.properties,
    },
    requirements: { torch: facts.version, ...facts.requirements },
    risk: worst(loaded.risk, facts.module === null ? 'none' : 'review'),
    remarks,
  };
}
