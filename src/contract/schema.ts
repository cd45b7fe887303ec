import { CONTAINER_TYPES, PROFILES, SCALAR_TYPES } from './types.ts';

/**
 * JSON Schema 2020-12 of `contract.yaml` and `signature.json`: what editors complete and other programs validate
 * with. It is published as `schemas/contract-file.json`. `decodeContract` accepts the same, and says with line and
 * remedy what is wrong; a few things are beyond the schema (names that repeat, references that lead nowhere).
 */
export function contractSchema(): unknown {
  const reference = (name: string) => ({ $ref: `#/$defs/${name}` });
  const value = {
    type: {
      description: 'What the elements are; null where it is not known.',
      anyOf: [{ enum: [...SCALAR_TYPES, ...CONTAINER_TYPES] }, { type: 'null' }],
    },
    shape: {
      description: 'One entry an axis; [] is a scalar. Left out: any number of axes, or not known.',
      anyOf: [{ type: 'array', items: reference('dimension') }, { type: 'null' }],
    },
    items: { ...reference('value'), description: 'Of a sequence: what it holds.' },
    keys: { enum: [...SCALAR_TYPES], description: 'Of a map: the type of its keys.' },
    values: { ...reference('value'), description: 'Of a map: what it holds.' },
    fields: { ...reference('fields'), description: 'Of a record: its members.' },
  };
  const container = (key: string, type: string) => ({
    if: { required: [key] },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: { required: ['type'], properties: { type: { const: type } } },
  });
  const containers = [
    container('items', 'sequence'),
    container('keys', 'map'),
    container('values', 'map'),
    container('fields', 'record'),
  ];
  const side = {
    description: 'The fields, or the name of a signature that has the same; null where they are not known.',
    anyOf: [reference('fields'), { type: 'string', minLength: 1 }, { type: 'null' }],
  };
  const fields = { anyOf: [reference('fields'), { type: 'null' }] };
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'Contract of a machine-learning model',
    description: 'What goes into a model and what comes out of it, for every way to call it.',
    type: 'object',
    anyOf: [
      {
        required: ['signatures'],
        properties: {
          contract: { const: 'v1' },
          default: { type: 'string', description: 'The signature that is called when none is named.' },
          signatures: {
            type: 'object',
            minProperties: 1,
            propertyNames: { minLength: 1 },
            additionalProperties: reference('signature'),
          },
        },
        additionalProperties: false,
      },
      {
        description: 'One signature, named predict.',
        anyOf: [{ required: ['inputs'] }, { required: ['outputs'] }],
        properties: { contract: { const: 'v1' }, inputs: fields, outputs: fields },
        additionalProperties: false,
      },
    ],
    $defs: {
      signature: {
        type: 'object',
        properties: { inputs: side, outputs: side },
        additionalProperties: false,
      },
      fields: { type: 'array', items: reference('field') },
      dimension: {
        description:
          'A fixed size, a named one (equal names are equal sizes within a call), or null for any size.',
        anyOf: [
          { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
          { type: 'string', minLength: 1 },
          { type: 'null' },
        ],
      },
      labels: {
        anyOf: [
          { type: 'array', minItems: 1, items: { type: ['string', 'number', 'boolean'] } },
          { type: 'null' },
        ],
      },
      value: { type: 'object', properties: value, additionalProperties: false, allOf: containers },
      field: {
        type: 'object',
        required: ['name'],
        properties: {
          name: { type: 'string', minLength: 1 },
          ...value,
          labels: {
            ...reference('labels'),
            description:
              'Of an output, in order: its values, or what the entries along the last axis stand for.',
          },
          categories: { ...reference('labels'), description: 'Of an input: the only values it admits.' },
          range: {
            description: 'Smallest and largest value, both admitted.',
            anyOf: [
              {
                type: 'object',
                properties: { min: { type: ['number', 'null'] }, max: { type: ['number', 'null'] } },
                additionalProperties: false,
              },
              { type: 'null' },
            ],
          },
          optional: {
            type: ['boolean', 'null'],
            description: 'An input that may be left out; an output that may be missing.',
          },
          profile: { anyOf: [{ enum: [...PROFILES] }, { type: 'null' }] },
          description: { type: ['string', 'null'] },
        },
        additionalProperties: false,
        allOf: containers,
      },
    },
  };
}
