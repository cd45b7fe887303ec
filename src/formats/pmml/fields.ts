import type { Label, ScalarType } from '../../contract/types.ts';
import { entryOf } from '../../model/entry.ts';
import { assumed, stated, type Told, unknown } from '../told.ts';
import { all, at, type Element } from '../wire/xml.ts';

/** What PMML's data types are (PMML 4.4.1, DataDictionary); dates travel as text. */
const TYPES: Readonly<Record<string, ScalarType>> = {
  string: 'string',
  integer: 'int64',
  float: 'float32',
  double: 'float64',
  boolean: 'bool',
  date: 'string',
  time: 'string',
  dateTime: 'string',
};

/** The values that a field admits, those for missing and invalid ones left out. */
export function categoriesOf(field: Element | undefined): Label[] {
  return all(field, 'Value')
    .filter((value) => (value.attributes['property'] ?? 'valid') === 'valid')
    .map((value) => labelOf(value.attributes['value'] ?? '', field?.attributes['dataType']));
}

export function labelOf(value: string, dataType: string | undefined): Label {
  if (dataType === 'boolean' && /^(true|false|1|0)$/i.test(value)) return /^(true|1)$/i.test(value);
  const numeric = ['integer', 'float', 'double'].includes(dataType ?? '');
  return numeric && value !== '' && Number.isFinite(Number(value)) ? Number(value) : value;
}

/** The type of a field; before 3.0 only the kind of its values was stated. */
export function typeOf(field: Element | undefined, where: string): Told<ScalarType> {
  const dataType = field?.attributes['dataType'];
  const optype = field?.attributes['optype'];
  const type = entryOf(TYPES, dataType ?? '');
  if (type) return stated(type, `${where}@dataType`);
  // Days and seconds since a day are counted.
  if (/^(?:date|time|dateTime)(?:Days|Seconds)/.test(dataType ?? ''))
    return stated('int64', `${where}@dataType`);
  if (dataType === undefined && optype !== undefined)
    return optype === 'continuous'
      ? assumed('float64', `${where}@optype = continuous`)
      : assumed('string', `${where}@optype = ${optype}`);
  return dataType === undefined
    ? unknown(`${where} states no type`, 'the type, such as float64')
    : assumed('string', `${where}: the type "${dataType}" is not PMML's`);
}

/** Whether it is a model that can be asked. */
export const isModel = (element: { readonly attributes: Readonly<Record<string, string>> }): boolean =>
  element.attributes['functionName'] !== undefined && element.attributes['isScorable'] !== 'false';

/** How a field of a mining schema is used. */
const usageOf = (field: Element): string => field.attributes['usageType'] ?? 'active';

/** The fields of a model's mining schema that are used in one of these ways. */
export const mined = (model: Element, ...usages: readonly string[]): Element[] =>
  all(at(model, 'MiningSchema'), 'MiningField').filter((field) => usages.includes(usageOf(field)));
