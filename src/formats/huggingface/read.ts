import { basename } from 'node:path/posix';
import { type Candidate, type Look, Malformed, type Reading } from '../format.ts';
import { readAdapter } from './adapter.ts';
import { readPipeline } from './diffusers.ts';
import { readJson } from './json.ts';
import { readSentences } from './sentences.ts';
import { readTimm } from './timm.ts';
import { readTransformers } from './transformers.ts';

/** Reads what one of the hub's libraries saved, by the file that describes it. */
export async function readHub(candidate: Candidate, look: Look): Promise<Reading> {
  switch (basename(candidate.path)) {
    case 'model_index.json':
      return readPipeline(candidate, look);
    case 'adapter_config.json':
      return readAdapter(candidate, look);
    case 'modules.json':
      return readSentences(candidate, look);
    default:
      return readConfig(candidate, look);
  }
}

async function readConfig(candidate: Candidate, look: Look): Promise<Reading> {
  const config = readJson(look, candidate.path);
  if (!config) throw new Malformed('config.json is not a JSON object');
  const transformers = config['model_type'] !== undefined || config['architectures'] !== undefined;
  return typeof config['architecture'] === 'string' && !transformers
    ? readTimm(candidate, look, config)
    : readTransformers(candidate, look, config);
}
