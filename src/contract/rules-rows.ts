import type { Level } from '../model/finding.ts';
import type { Verdict } from './rules.ts';

type Edit = readonly [subject: string, change: string, reverse: string];
type SideText = readonly [verdict: Verdict, says: string, help: string];

/** Inputs that are refused, and outputs that cannot be read: who is hurt. */
const WIDER = 'Nothing has to be done.';
const KEEP_INPUT = 'Keep accepting what was accepted, or publish it as a new major version.';
const KEEP_OUTPUT = 'Keep returning what callers can read, or publish it as a new major version.';
const CANNOT_TELL = 'Declare it in contract.yaml, so that the next change can be judged.';

/** The table: one row an edit, with what it means for inputs (callers write them) and outputs (callers read them). */
export const ROWS: readonly {
  readonly edit: Edit;
  readonly input: SideText | null;
  readonly output: SideText | null;
  readonly unclear?: Level;
  readonly waiver?: string;
  readonly example: readonly [string, string];
}[] = [
  {
    edit: ['', 'added-required', 'removed'],
    input: [
      'breaking',
      'the input {name} is new and required: a caller that does not send it is refused',
      'Make it optional, fill it in within predict.py, or publish a new major version.',
    ],
    output: ['compatible', 'the output {name} is new: callers that do not know it do not look at it', WIDER],
    waiver: 'A model refuses names that it does not know; a caller reads the names that it knows.',
    example: ['[]', '[{name: proline, type: float64}]'],
  },
  {
    edit: ['', 'added-optional', 'removed-optional'],
    input: ['compatible', 'the input {name} is new and may be left out', WIDER],
    output: ['compatible', 'the output {name} is new and may be missing', WIDER],
    waiver: 'A model refuses names that it does not know; a caller reads the names that it knows.',
    example: ['[]', '[{name: proline, type: float64, optional: true}]'],
  },
  {
    edit: ['', 'removed', 'added-required'],
    input: [
      'breaking',
      'the input {name} is gone: a caller that sends it is refused',
      'Keep it as an optional input that the model does not use, or publish a new major version.',
    ],
    output: ['breaking', 'the output {name} is gone: a caller that reads it finds nothing', KEEP_OUTPUT],
    waiver: 'A model refuses names that it does not know; a caller reads the names that it knows.',
    example: ['[{name: hue, type: float64}]', '[]'],
  },
  {
    edit: ['', 'removed-optional', 'added-optional'],
    input: ['breaking', 'the optional input {name} is gone: a caller that sends it is refused', KEEP_INPUT],
    output: ['compatible', 'the output {name} is gone; callers had to expect that it is missing', WIDER],
    waiver: 'A model refuses names that it does not know; a caller reads the names that it knows.',
    example: ['[{name: hue, type: float64, optional: true}]', '[]'],
  },
  {
    edit: ['', 'renamed', 'renamed'],
    input: [
      'breaking',
      'the input {old} is now called {new}: a caller that sends the old name is refused',
      'Keep the old name, or publish a new major version.',
    ],
    output: [
      'breaking',
      'the output {old} is now called {new}: a caller that reads the old name finds nothing',
      'Keep the old name, or publish a new major version.',
    ],
    example: ['{name: alcohol, type: float64}', '{name: abv, type: float64}'],
  },
  {
    edit: ['', 'replaced', 'replaced'],
    input: ['breaking', 'all inputs were replaced: {old} by {new}', KEEP_INPUT],
    output: ['breaking', 'all outputs were replaced: {old} by {new}', KEEP_OUTPUT],
    example: ['[{name: a, type: float64}, {name: b, type: float64}]', '[{name: X, type: float64}]'],
  },
  {
    edit: ['preprocessing', 'moved-out', 'preprocessing-moved-in'],
    input: [
      'breaking',
      'preprocessing seems to have moved out of the model: it took {old} and takes {new}',
      'Put the preprocessing back into the model or into predict.py: callers send raw values.',
    ],
    output: [
      'breaking',
      'postprocessing seems to have moved out of the model: it returned {old} and returns {new}',
      'Put the postprocessing back into the model or into predict.py: callers read final values.',
    ],
    example: ['[{name: text, type: string}]', '[{name: input_ids, type: int64}]'],
  },
  {
    edit: ['preprocessing', 'moved-in', 'preprocessing-moved-out'],
    input: [
      'breaking',
      'preprocessing seems to have moved into the model: it took {old} and takes {new}',
      'Keep the old signature beside the new one, or publish a new major version.',
    ],
    output: [
      'breaking',
      'postprocessing seems to have moved into the model: it returned {old} and returns {new}',
      'Keep the old signature beside the new one, or publish a new major version.',
    ],
    example: ['[{name: input_ids, type: int64}]', '[{name: text, type: string}]'],
  },
  {
    edit: ['', 'known', 'unknown'],
    input: [
      'unclear',
      'the inputs were not known and now are: whether they changed cannot be told',
      CANNOT_TELL,
    ],
    output: [
      'unclear',
      'the outputs were not known and now are: whether they changed cannot be told',
      CANNOT_TELL,
    ],
    unclear: 'notice',
    example: ['inputs: null', 'inputs: [{name: a, type: float64}]'],
  },
  {
    edit: ['', 'unknown', 'known'],
    input: [
      'unclear',
      'the inputs were known and are not any more: whether they changed cannot be told',
      CANNOT_TELL,
    ],
    output: [
      'unclear',
      'the outputs were known and are not any more: whether they changed cannot be told',
      CANNOT_TELL,
    ],
    unclear: 'notice',
    example: ['inputs: [{name: a, type: float64}]', 'inputs: null'],
  },
  {
    edit: ['', 'became-optional', 'became-required'],
    input: ['compatible', 'the input {name} may now be left out', WIDER],
    output: [
      'breaking',
      'the output {name} may now be missing: a caller that reads it finds nothing',
      KEEP_OUTPUT,
    ],
    example: ['{name: hue, type: float64}', '{name: hue, type: float64, optional: true}'],
  },
  {
    edit: ['', 'became-required', 'became-optional'],
    input: [
      'breaking',
      'the input {name} is now required: a caller that leaves it out is refused',
      KEEP_INPUT,
    ],
    output: ['compatible', 'the output {name} is now always there', WIDER],
    example: ['{name: hue, type: float64, optional: true}', '{name: hue, type: float64}'],
  },
  {
    edit: ['type', 'widened', 'type-narrowed'],
    input: ['compatible', '{name} takes {new} now, which holds every {old} exactly', WIDER],
    output: [
      'breaking',
      '{name} returns {new} now, which a caller that reads {old} cannot hold',
      'Cast the output back, or publish a new major version.',
    ],
    example: ['type: float32', 'type: float64'],
  },
  {
    edit: ['type', 'narrowed', 'type-widened'],
    input: [
      'breaking',
      '{name} takes {new} now: a caller that sends {old} beyond it is refused',
      'Cast within the model or predict.py, or publish a new major version.',
    ],
    output: ['compatible', '{name} returns {new} now, which {old} holds exactly', WIDER],
    example: ['type: float64', 'type: float32'],
  },
  {
    edit: ['type', 'widened-lossy', 'type-narrowed-lossy'],
    input: [
      'unclear',
      '{name} takes {new} now instead of {old}: everything is accepted, but not everything is kept exactly',
      'Check that no caller sends values of more digits than {new} has.',
    ],
    output: [
      'breaking',
      '{name} returns {new} now, which a caller that reads {old} cannot hold',
      KEEP_OUTPUT,
    ],
    unclear: 'warning',
    example: ['type: int64', 'type: float64'],
  },
  {
    edit: ['type', 'narrowed-lossy', 'type-widened-lossy'],
    input: ['breaking', '{name} takes {new} now: a caller that sends {old} beyond it is refused', KEEP_INPUT],
    output: [
      'unclear',
      '{name} returns {new} now: a caller that reads {old} does not keep every value exactly',
      'Check that no value has more digits than {old} has.',
    ],
    unclear: 'warning',
    example: ['type: float64', 'type: int64'],
  },
  {
    edit: ['type', 'changed', 'type-changed'],
    input: ['breaking', '{name} takes {new} now instead of {old}', KEEP_INPUT],
    output: ['breaking', '{name} returns {new} now instead of {old}', KEEP_OUTPUT],
    example: ['type: string', 'type: int64'],
  },
  {
    edit: ['type', 'known', 'type-unknown'],
    input: [
      'unclear',
      'the type of {name} was not known and is {new}: whether it changed cannot be told',
      CANNOT_TELL,
    ],
    output: [
      'unclear',
      'the type of {name} was not known and is {new}: whether it changed cannot be told',
      CANNOT_TELL,
    ],
    unclear: 'notice',
    example: ['type: null', 'type: float64'],
  },
  {
    edit: ['type', 'unknown', 'type-known'],
    input: ['unclear', 'the type of {name} was {old} and is not known any more', CANNOT_TELL],
    output: ['unclear', 'the type of {name} was {old} and is not known any more', CANNOT_TELL],
    unclear: 'notice',
    example: ['type: float64', 'type: null'],
  },
  {
    edit: ['rank', 'changed', 'rank-changed'],
    input: [
      'breaking',
      '{name} has the shape {new} now instead of {old}: arrays of another depth are refused',
      KEEP_INPUT,
    ],
    output: [
      'breaking',
      '{name} has the shape {new} now instead of {old}: callers expect another depth',
      KEEP_OUTPUT,
    ],
    example: ['shape: [batch]', 'shape: [batch, 1]'],
  },
  {
    edit: ['rank', 'known', 'rank-unknown'],
    input: [
      'unclear',
      'the shape of {name} was not known and is {new}: whether it changed cannot be told',
      CANNOT_TELL,
    ],
    output: [
      'unclear',
      'the shape of {name} was not known and is {new}: whether it changed cannot be told',
      CANNOT_TELL,
    ],
    unclear: 'notice',
    example: ['shape: null', 'shape: [batch, 4]'],
  },
  {
    edit: ['rank', 'unknown', 'rank-known'],
    input: ['unclear', 'the shape of {name} was {old} and is not known any more', CANNOT_TELL],
    output: ['unclear', 'the shape of {name} was {old} and is not known any more', CANNOT_TELL],
    unclear: 'notice',
    example: ['shape: [batch, 4]', 'shape: null'],
  },
  {
    edit: ['dimension', 'fixed', 'dimension-freed'],
    input: [
      'breaking',
      '{name} has the shape {new} now instead of {old}: other sizes are refused',
      KEEP_INPUT,
    ],
    output: ['compatible', '{name} has the shape {new} now, which {old} allowed', WIDER],
    example: ['shape: [batch, length]', 'shape: [batch, 128]'],
  },
  {
    edit: ['dimension', 'freed', 'dimension-fixed'],
    input: ['compatible', '{name} has the shape {new} now, which takes every {old}', WIDER],
    output: ['breaking', '{name} has the shape {new} now: callers expect {old}', KEEP_OUTPUT],
    example: ['shape: [batch, 128]', 'shape: [batch, length]'],
  },
  {
    edit: ['dimension', 'changed', 'dimension-changed'],
    input: ['breaking', '{name} has the shape {new} now: a caller that sends {old} is refused', KEEP_INPUT],
    output: ['breaking', '{name} has the shape {new} now: callers expect {old}', KEEP_OUTPUT],
    example: ['shape: [batch, 13]', 'shape: [batch, 14]'],
  },
  {
    edit: ['dimension', 'tied', 'dimension-untied'],
    input: [
      'breaking',
      'the sizes of {new} have to be equal now: a caller that sends different ones is refused',
      KEEP_INPUT,
    ],
    output: ['compatible', 'the sizes of {new} are always equal now', WIDER],
    example: ['a: [n], b: [m]', 'a: [n], b: [n]'],
  },
  {
    edit: ['dimension', 'untied', 'dimension-tied'],
    input: ['compatible', 'the sizes of {old} may differ now', WIDER],
    output: ['breaking', 'the sizes of {old} may differ now: callers expect equal ones', KEEP_OUTPUT],
    example: ['a: [n], b: [n]', 'a: [n], b: [m]'],
  },
  {
    edit: ['dimension', 'tied-to-input', 'dimension-untied-from-input'],
    input: null,
    output: ['compatible', '{name} has the size {new} now, as the inputs have', WIDER],
    waiver: 'Inputs come first: there is nothing before them that they could be tied to.',
    example: ['outputs: {shape: [n]}', 'outputs: {shape: [batch]}'],
  },
  {
    edit: ['dimension', 'untied-from-input', 'dimension-tied-to-input'],
    input: null,
    output: [
      'unclear',
      '{name} had the size {old} as the inputs have; the contract does not say so any more',
      'Use the name of the axis in inputs and outputs, if their sizes are still equal.',
    ],
    unclear: 'warning',
    waiver: 'Inputs come first: there is nothing before them that they could be tied to.',
    example: ['outputs: {shape: [batch]}', 'outputs: {shape: [n]}'],
  },
  {
    edit: ['values', 'added', 'values-removed'],
    input: ['compatible', '{name} takes the categories {new}, too', WIDER],
    output: [
      'breaking',
      '{name} may return {new} now: a caller that knows only the old labels cannot place it',
      'Publish it as a new major version, and tell callers the new labels.',
    ],
    example: ['[north, south]', '[north, south, west]'],
  },
  {
    edit: ['values', 'removed', 'values-added'],
    input: ['breaking', '{name} does not take {old} any more: a caller that sends it is refused', KEEP_INPUT],
    output: ['compatible', '{name} does not return {old} any more', WIDER],
    example: ['[north, south, west]', '[north, south]'],
  },
  {
    edit: ['values', 'listed', 'values-unlisted'],
    input: [
      'breaking',
      '{name} takes only {new} now: a caller that sends anything else is refused',
      KEEP_INPUT,
    ],
    output: ['compatible', '{name} returns only {new} now', WIDER],
    example: ['type: string', 'type: string, categories: [north, south]'],
  },
  {
    edit: ['values', 'unlisted', 'values-listed'],
    input: ['compatible', '{name} is not limited to {old} any more', WIDER],
    output: [
      'breaking',
      '{name} is not limited to {old} any more: a caller cannot place other values',
      KEEP_OUTPUT,
    ],
    example: ['labels: [yes, no]', 'type: string'],
  },
  {
    edit: ['values', 'changed', 'values-changed'],
    input: ['breaking', '{name} takes {new} now instead of {old}', KEEP_INPUT],
    output: ['breaking', '{name} returns {new} now instead of {old}', KEEP_OUTPUT],
    example: ['type: string, categories: [a]', 'type: int64, categories: [1]'],
  },
  {
    edit: ['labels', 'reordered', 'labels-reordered'],
    input: null,
    output: [
      'breaking',
      'the labels of {name} are in another order: predictions keep their shape and are silently read wrong',
      'Restore the order of the classes, or publish a new major version and tell every caller.',
    ],
    waiver: 'Categories of an input are sent by value; their order means nothing.',
    example: ['labels: [barolo, barbera]', 'labels: [barbera, barolo]'],
  },
  {
    edit: ['labels', 'renamed', 'labels-renamed'],
    input: null,
    output: [
      'breaking',
      'entries of {name} stand for other labels: predictions keep their shape and are read wrong',
      'Keep the labels, or publish a new major version and tell every caller.',
    ],
    waiver: 'Categories of an input are sent by value; there is no position that could change its meaning.',
    example: ['labels: [barolo, barbera]', 'labels: [barolo, nebbiolo]'],
  },
  {
    edit: ['labels', 'order-changed', 'labels-order-changed'],
    input: null,
    output: [
      'unclear',
      'the labels of {name} are listed in another order; outputs without labels may follow it by position',
      'Give the labels of the score output, too, so that their order is known.',
    ],
    unclear: 'warning',
    waiver: 'Categories of an input are sent by value; their order means nothing.',
    example: ['labels: [no, yes]', 'labels: [yes, no]'],
  },
  {
    edit: ['labels', 'known', 'labels-unknown'],
    input: null,
    output: ['compatible', 'the contract now says what the entries of {name} stand for', WIDER],
    waiver: 'Inputs have no labels.',
    example: ['shape: [batch, 3]', 'shape: [batch, 3], labels: [a, b, c]'],
  },
  {
    edit: ['labels', 'unknown', 'labels-known'],
    input: null,
    output: [
      'unclear',
      'the contract does not say any more what the entries of {name} stand for',
      'Declare the labels in contract.yaml: callers read the entries by position.',
    ],
    unclear: 'warning',
    waiver: 'Inputs have no labels.',
    example: ['shape: [batch, 3], labels: [a, b, c]', 'shape: [batch, 3]'],
  },
  {
    edit: ['range', 'widened', 'range-narrowed'],
    input: ['compatible', '{name} takes {new} now, more than {old}', WIDER],
    output: ['breaking', '{name} may return {new} now: a caller expects {old}', KEEP_OUTPUT],
    example: ['range: {min: 0, max: 1}', 'range: {min: 0, max: 2}'],
  },
  {
    edit: ['range', 'narrowed', 'range-widened'],
    input: ['breaking', '{name} takes {new} now: a caller that sends {old} beyond it is refused', KEEP_INPUT],
    output: ['compatible', '{name} returns {new} now, within {old}', WIDER],
    example: ['range: {min: 0, max: 2}', 'range: {min: 0, max: 1}'],
  },
  {
    edit: ['profile', 'changed', 'profile-changed'],
    input: [
      'unclear',
      'the profile of {name} is {new} now instead of {old}',
      'Check that callers still mean the same by it.',
    ],
    output: [
      'unclear',
      'the profile of {name} is {new} now instead of {old}',
      'Check that callers still mean the same by it.',
    ],
    unclear: 'notice',
    example: ['profile: numerical', 'profile: categorical'],
  },
];

export const WHOLE = 'A signature is inputs and outputs at once: there is no other side.';
export const SIGNATURES: readonly (readonly [
  string,
  string,
  Verdict,
  string,
  string,
  readonly [string, string],
])[] = [
  [
    'added',
    'removed',
    'compatible',
    'the signature {name} is new',
    WIDER,
    ['{predict: …}', '{predict: …, predict_proba: …}'],
  ],
  [
    'removed',
    'added',
    'breaking',
    'the signature {name} is gone: a caller that uses it is refused',
    'Keep the signature, or publish a new major version.',
    ['{predict: …, predict_proba: …}', '{predict: …}'],
  ],
  [
    'default-changed',
    'default-changed',
    'breaking',
    'a call that names no signature went to {old} and goes to {new} now',
    'Write `default: {old}` into the contract, or publish a new major version.',
    ['default: predict', 'default: embed'],
  ],
];
