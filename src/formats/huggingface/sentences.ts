import { type Candidate, emptyReading, type Look, Malformed, type Reading } from '../format.ts';
import { assumed, derived, tell } from '../told.ts';
import { type Json, object } from './facts.ts';
import { parsedFile, readJson } from './json.ts';
import { readTransformers } from './transformers.ts';
import { readWeights } from './weights.ts';

/** More modules than anybody puts one after the other. */
const MAX_MODULES = 100;

/**
 * A model of sentence-transformers: `modules.json` lists what is done to a text, one folder a module. It is called by
 * `encode`, text in and a vector out; `forward` is that of the transformer within.
 */
export async function readSentences(candidate: Candidate, look: Look): Promise<Reading> {
  const list = parsedFile(look, candidate.path);
  if (!Array.isArray(list)) throw new Malformed('modules.json is not a JSON list');
  const root = candidate.path.slice(0, -'modules.json'.length);
  const modules = list.slice(0, MAX_MODULES).flatMap((entry) => {
    const { type, path } = object(entry) ?? {};
    if (typeof type !== 'string' || typeof path !== 'string') return [];
    return [{ type: type.slice(type.lastIndexOf('.') + 1), folder: path === '' ? root : `${root}${path}/` }];
  });
  const transformer = modules.find((module) => module.type === 'Transformer');
  const config = transformer && readJson(look, `${transformer.folder}config.json`);
  const below = (folder: string): Candidate => ({
    ...candidate,
    path: `${folder}config.json`,
    // Of the root, not what is in the folders of the other modules.
    covers: candidate.covers.filter(
      (path) => path.startsWith(folder) && !path.slice(folder.length).includes('/'),
    ),
  });
  const inner =
    transformer && config
      ? await readTransformers(below(transformer.folder), look, config)
      : emptyReading(candidate);
  let width: number | null = null;
  let parameters = inner.parameters;
  for (const { type, folder } of modules) {
    const settings = readJson(look, `${folder}config.json`) ?? {};
    if (type === 'Pooling') width = pooledWidth(settings);
    if (type !== 'Dense') continue;
    width = Number.isSafeInteger(settings['out_features']) ? Number(settings['out_features']) : null;
    const more = await readWeights(below(folder), look, null);
    parameters = parameters === null || more.parameters === null ? null : parameters + more.parameters;
  }
  const settings = readJson(look, `${root}config_sentence_transformers.json`);
  const stated = object(settings?.['__version__'])?.['sentence_transformers'];
  const version = typeof stated === 'string' ? stated : null;
  const reading: Reading = {
    ...inner,
    format: candidate.format,
    path: candidate.path,
    framework: { name: 'sentence-transformers', version },
    parameters,
    properties: { ...inner.properties, modules: modules.map((module) => module.type).join(', ') },
    requirements: { 'sentence-transformers': version, ...inner.requirements },
  };
  // Cross-encoders and sparse encoders are saved in the same way, and give no vector for a text.
  if ((settings?.['model_type'] ?? 'SentenceTransformer') !== 'SentenceTransformer') return reading;
  const text = 'sentence-transformers encodes texts';
  const own = tell(
    {
      encode: {
        inputs: [
          {
            name: assumed('sentences', text),
            type: assumed('string', text),
            shape: assumed(['batch'], 'one text a row'),
          },
        ],
        outputs: [
          {
            name: assumed('sentence_embedding', text),
            type: assumed('float32', 'vectors are float32, whatever the weights are'),
            shape: derived(['batch', width], 'modules.json'),
          },
        ],
      },
    },
    'encode',
  );
  return {
    ...reading,
    contract: {
      ...own.contract,
      signatures: { ...own.contract.signatures, ...inner.contract?.signatures },
    },
    evidence: { ...own.evidence, ...inner.evidence },
    properties: { ...reading.properties, task: 'sentence-similarity' },
    remarks: inner.remarks.filter((remark) => remark.rule !== 'contract-unknown'),
  };
}

/** The ways to pool that are switched on give one vector each, side by side. */
function pooledWidth(settings: Json): number | null {
  const width = settings['word_embedding_dimension'] ?? settings['embedding_dimension'];
  const switches = Object.entries(settings).filter(([key]) => key.startsWith('pooling_mode_'));
  const mode: unknown = settings['pooling_mode'];
  const named = Array.isArray(mode) ? mode.length : typeof mode === 'string' ? mode.split('+').length : 1;
  const on = switches.length > 0 ? switches.filter(([, value]) => value === true).length : named;
  return Number.isSafeInteger(width) && on > 0 ? Number(width) * on : null;
}
