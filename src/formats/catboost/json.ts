import type { Bytes } from '../../model/bytes.ts';
import { list, object } from '../declared/documents.ts';
import { Malformed } from '../format.ts';
import { placeOf, valueBehind } from '../wire/json.ts';
import { parseJson } from '../wire/parse-json.ts';
import type { Feature, Parts } from './model.ts';

/** The head and the tail of larger documents are read: statistics of categories may stand before what is told of features. */
const WHOLE = 8 * 1024 * 1024;
const PIECE = 4 * 1024 * 1024;
const MAX_SEARCH = 512 * 1024 * 1024;
/** Of one kind. Each takes a hundred bytes of the text. */
const MAX_FEATURES = 100_000;
const FEATURES = '"features_info":';

/** Whether a JSON file is a model of CatBoost: the first of its keys is one of two. */
export function looksLikeCatboostJson(head: Uint8Array): boolean {
  return /^\s*\{\s*"(?:ctr_data"\s*:\s*\{|features_info"\s*:\s*\{\s*"(?:categorical_features|ctrs|embedding_features|float_features|text_features)")/.test(
    Buffer.from(head.subarray(0, 1024)).toString('latin1'),
  );
}

/** Reads a model exported as JSON. Source: CatBoost, model_export/json_model_helpers.cpp. @throws Malformed. */
export function readCatboostJson(bytes: Bytes): Parts {
  const start = bytes.size > WHOLE ? placeOf(bytes, FEATURES, MAX_SEARCH) : 0;
  const head = textOf(bytes, start, Math.min(bytes.size - start, WHOLE));
  const tail = textOf(bytes, Math.max(0, bytes.size - PIECE), Math.min(bytes.size, PIECE));
  const features = object(part(head, FEATURES, 0));
  const info = object(part(head, '"model_info":', Math.max(0, head.indexOf(FEATURES))));
  const scale = list(part(tail, '"scale_and_bias":', 0));
  if (!/\}\s*$/.test(tail)) throw new Malformed('the JSON does not end: the file was probably cut short');
  const named = (key: string, kind: Feature['kind']): Feature[] => {
    const given = list(features[key]);
    if (given.length > MAX_FEATURES) throw new Malformed(`${key} are more than ${MAX_FEATURES}`);
    return given.map((one) => {
      const { flat_feature_index: position, feature_id: id, feature_name: name } = object(one);
      return { position: Number(position ?? -1), name: String(id ?? name ?? ''), kind };
    });
  };
  return {
    features: [
      ...named('float_features', 'float'),
      ...named('categorical_features', 'categorical'),
      ...named('text_features', 'text'),
      ...named('embedding_features', 'embedding'),
    ],
    info: (key) => info[key],
    dimension: Math.max(1, list(scale[1]).length),
  };
}

function part(text: string, key: string, from: number): unknown {
  const found = valueBehind(text, key, from);
  if (found === null)
    throw new Malformed(`there is no ${key.slice(0, -1)} in it: the file was probably cut short`);
  try {
    return parseJson(found);
  } catch (error) {
    if (error instanceof Malformed) throw error;
    throw new Malformed(`${key.slice(0, -1)} is no valid JSON`);
  }
}

const textOf = (bytes: Bytes, offset: number, length: number): string =>
  Buffer.from(bytes.read(offset, length)).toString('utf8');
