import { open } from '../model/walk.ts';
import { type Candidate, emptyReading, type Format, Malformed, type Reading, type Remark } from './format.ts';
import { torchArchive } from './torch/archive.ts';
import { factsOf } from './torch/checkpoint.ts';
import { type Loaded, loadTorch } from './torch/load.ts';
import { ASK_FOR_CONTRACT, precisions } from './weights.ts';
import { worst } from './wire/scan-pickle.ts';
import { openZip } from './wire/zip.ts';

/** What `torch.save` wrote: weights by name, checkpoints, whole modules; zip files, the older stacked pickles, and tar. */
export const torch: Format = {
  id: 'torch',
  title: 'PyTorch (torch.save)',
  detect: (look) =>
    look.directory.files.flatMap((file): Candidate[] => {
      const archive = torchArchive(look, file);
      if (!archive || !KINDS.has(archive.kind)) return [];
      return [{ format: 'torch', path: file.path, role: archive.module ? 'model' : 'weights', covers: [] }];
    }),
  async read(candidate, look) {
    const file = look.file(candidate.path);
    const archive = file && torchArchive(look, file);
    if (!file || !archive) throw new Malformed('the file is gone');
    using bytes = open(file);
    if (archive.kind === 'served') {
      const { readServed } = await import('./torch/served.ts');
      return await readServed(candidate, openZip(bytes));
    }
    return readingOf(candidate, await loadTorch(bytes, archive, candidate.path));
  },
};

const KINDS: ReadonlySet<string> = new Set(['save', 'legacy', 'tar', 'package', 'served']);

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
