import { posix } from 'node:path';
import { type Candidate, emptyReading, type Look, type Reading } from '../format.ts';
import { type Json, list, object, readDocument, readYaml, text } from './documents.ts';

/*
 * Descriptions of other packagers. None of them says what a model takes and returns; what they know of name, version and
 * framework is read, so that a team that comes from there sees it again.
 */

function metadata(
  candidate: Candidate,
  framework: Reading['framework'],
  properties: Readonly<Record<string, string | null>>,
): Reading {
  const stated = Object.entries(properties).filter(
    (entry): entry is [string, string] => entry[1] !== null && entry[1] !== '',
  );
  return { ...emptyReading(candidate), framework, properties: Object.fromEntries(stated) };
}

/** BentoML's `model.yaml`. Source: BentoML, src/bentoml/_internal/models/model.py. */
export async function readBentoml(candidate: Candidate, look: Look): Promise<Reading> {
  const [document] = await readYaml(look, candidate.path);
  const model = object(document);
  const context = object(model['context']);
  const name = text(context['framework_name']) || null;
  const versions = object(context['framework_versions']);
  const version = Object.values(versions).map(text)[0] ?? null;
  const reading = metadata(candidate, name === null ? null : { name, version }, {
    name: text(model['name']),
    version: text(model['version']),
    python: text(context['python_version']),
    signatures: Object.keys(object(model['signatures'])).join(', '),
  });
  const requirements = Object.fromEntries(Object.entries(versions).map(([key, value]) => [key, text(value)]));
  return { ...reading, requirements };
}

/** KitOps' `Kitfile`. Source: KitOps, "Kitfile format overview". */
export async function readKitfile(candidate: Candidate, look: Look): Promise<Reading> {
  const [document] = await readYaml(look, candidate.path);
  const kit = object(document);
  const about = object(kit['package']);
  const model: Json = object(kit['model']);
  const name = text(model['framework']) || null;
  const path = text(model['path']);
  const reading = metadata(candidate, name === null ? null : { name, version: null }, {
    name: text(about['name']) ?? text(model['name']),
    version: text(about['version']) ?? text(model['version']),
    licence: text(about['license']) ?? text(model['license']),
    description: text(about['description']),
    format: text(model['format']),
    path: text(model['path']),
    authors: list(about['authors'])
      .map(text)
      .filter((author) => author !== null)
      .join(', '),
  });
  return path === null
    ? reading
    : { ...reading, describes: [posix.join(posix.dirname(candidate.path), path)] };
}

/** ModelPack's `Modelfile`, as modctl reads it: one command and one argument a line. */
export async function readModelfile(candidate: Candidate, look: Look): Promise<Reading> {
  const known = new Map<string, string>();
  for (const line of readDocument(look, candidate.path).split('\n')) {
    const [, command, argument] = /^([A-Za-z]+)\s(.*)$/.exec(line.trim()) ?? [];
    if (command !== undefined && argument !== undefined)
      known.set(command.toUpperCase(), argument.trim().replace(/^"|"$/g, ''));
  }
  const one = (command: string) => known.get(command) ?? null;
  return metadata(candidate, null, {
    name: one('NAME'),
    architecture: one('ARCH'),
    family: one('FAMILY'),
    format: one('FORMAT'),
    'parameter size': one('PARAMSIZE'),
    precision: one('PRECISION'),
    quantization: one('QUANTIZATION'),
  });
}
