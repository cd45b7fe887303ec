import { readFileSync } from 'node:fs';
import type { ModelFile } from '../../model/walk.ts';
import { messageOf } from '../../ports/errors.ts';
import { type Look, Malformed } from '../format.ts';
import { parseJson as parseBounded } from '../wire/parse-json.ts';
import type { Active } from './active.ts';
import { innerLayer, isModel, type Json, object, text } from './values.ts';

/** Architectures are tens of kilobytes, of the largest models a few megabytes. */
const MAX_ARCHITECTURE = 16 * 1024 * 1024;
const MAX_ALIASES = 100_000;

/** What `model.to_json()` and `model.to_yaml()` write: an architecture without its weights. */
export interface Architecture {
  readonly config: Json;
  readonly active: Active;
}

/** Whether a file begins like an architecture. JSON is looked into whole, for many files of JSON begin so. */
export function isArchitecture(look: Look, file: ModelFile): boolean {
  if (!/\.(json|ya?ml|txt)$/i.test(file.path) || file.size > MAX_ARCHITECTURE) return false;
  const head = Buffer.from(look.head(file)).toString('utf8').trimStart();
  if (/^\{/.test(head)) {
    if (!/"(class_name|inbound_nodes|batch_input_shape|batch_shape)"\s*:/.test(head)) return false;
    const config = parseJson(readFileSync(file.absolute, 'utf8'));
    const model = config && innerLayer(config);
    return model !== null && isModel(model);
  }
  return /^class_name: ['"]?(Sequential|Model|Functional)\b/m.test(head);
}

/** @throws Malformed when the text is neither JSON nor YAML. */
export async function readArchitecture(file: ModelFile): Promise<Architecture> {
  if (file.size > MAX_ARCHITECTURE) throw new Malformed('the file is too large for an architecture');
  const source = readFileSync(file.absolute, 'utf8');
  const nothing: Active = { risk: 'none', remarks: [] };
  if (source.trimStart().startsWith('{')) {
    const config = parseJson(source);
    if (!config) throw new Malformed('the file is not JSON');
    return { config, active: nothing };
  }
  if (source.length > MAX_ARCHITECTURE / 4) throw new Malformed('the file is too large for YAML');
  const [{ parseDocument }, { yamlTags }] = await Promise.all([import('yaml'), import('./active.ts')]);
  try {
    const document = parseDocument(source, { schema: 'core', logLevel: 'silent', uniqueKeys: false });
    const [problem] = document.errors;
    if (problem) throw new Malformed(problem.message.split('\n')[0] ?? 'it is no YAML');
    const config = object(document.toJS({ maxAliasCount: MAX_ALIASES }));
    if (!config) throw new Malformed('the file is not a mapping');
    return { config, active: yamlTags(source, file.path) };
  } catch (error) {
    // The library's protection against aliases that multiply, and nesting deeper than the stack.
    throw new Malformed(messageOf(error));
  }
}

/** Whether two files beside each other are what is in a `.keras` archive, unpacked. */
export function isUnpacked(look: Look, config: ModelFile): boolean {
  const folder = folderOf(config.path);
  const metadata = look.file(`${folder}metadata.json`);
  if (!/(^|\/)config\.json$/.test(config.path) || !metadata) return false;
  const read = (file: ModelFile) => Buffer.from(look.head(file)).toString('utf8');
  return /"keras_version"\s*:/.test(read(metadata)) && /"class_name"\s*:/.test(read(config));
}

export const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/') + 1);

/**
 * JSON that is an object, or a text that is one (some versions wrote JSON of JSON); `null` otherwise.
 * @throws Malformed when it is too large to be a config.
 */
export function parseJson(source: unknown): Record<string, unknown> | null {
  if (typeof source !== 'string') return null;
  if (source.length > MAX_ARCHITECTURE) throw new Malformed(`the config has ${source.length} characters`);
  try {
    const parsed: unknown = parseBounded(source);
    if (typeof parsed === 'string') return text(parsed)?.startsWith('{') ? parseJson(parsed) : null;
    return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)
      ? (parsed as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
