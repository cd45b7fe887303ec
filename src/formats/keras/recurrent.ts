import type { Shape } from '../../contract/types.ts';
import { entryOf } from '../../model/entry.ts';
import {
  free,
  innerLayer,
  type LayerConfig,
  last,
  list,
  number,
  policyType,
  type Tensor,
  times,
} from './values.ts';
import { windowed } from './windows.ts';

type Run = (layer: LayerConfig, inputs: readonly Tensor[]) => readonly Tensor[];

const STATES: Readonly<Record<string, number>> = { LSTM: 2, GRU: 1, SimpleRNN: 1, CuDNNLSTM: 2, CuDNNGRU: 1 };
const CELLS: Readonly<Record<string, number>> = { LSTMCell: 2, GRUCell: 1, SimpleRNNCell: 1 };

/** What recurrent layers and those that wrap layers return; `null` for other layers. */
export function recurrent(layer: LayerConfig, inputs: readonly Tensor[], run: Run): Tensor[] | null {
  const input = inputs[0]?.shape ?? null;
  const { className } = layer;
  const inner = innerLayer(layer.config['layer']);
  const type = policyType(layer.config['dtype']) ?? inputs[0]?.type ?? null;
  const typed = (shapes: readonly Shape[]): Tensor[] => shapes.map((shape) => ({ shape, type }));
  const states = entryOf(STATES, className);
  if (states !== undefined)
    return typed(sequence(layer, input ?? free(3), number(layer.config['units']), states));
  if (className === 'RNN') {
    const { units, states: count } = cellOf(innerLayer(layer.config['cell']));
    return typed(sequence(layer, input ?? free(3), units, count));
  }
  const volume = /^ConvLSTM([123])D$/.exec(className)?.[1];
  if (volume !== undefined) return typed(convolved(layer, input, Number(volume)));
  if (className === 'TimeDistributed' && inner) return timeDistributed(inner, inputs[0], run);
  if (className === 'Bidirectional' && inner) return bidirectional(layer, inner, inputs, run);
  if (className === 'SpectralNormalization' && inner) return [...run(inner, inputs)];
  return null;
}

/** The width of a cell, or of the last of a stack of cells, and how many states it carries. */
function cellOf(cell: LayerConfig | null): { units: number | null; states: number } {
  if (cell?.className === 'StackedRNNCells')
    return { units: cellOf(innerLayer(list(cell.config['cells']).at(-1))).units, states: 0 };
  // The size of a cell that is not of Keras is known to its code alone.
  const states = cell && entryOf(CELLS, cell.className);
  return { units: states === undefined ? null : number(cell?.config['units']), states: states ?? 0 };
}

function sequence(layer: LayerConfig, input: Shape, units: number | null, states: number): Shape[] {
  const major = layer.config['time_major'] === true;
  const [batch = null, time = null] = major ? [input[1], input[0]] : input;
  const whole: Shape = major ? [time, batch, units] : [batch, time, units];
  const output: Shape = layer.config['return_sequences'] === true ? whole : [batch, units];
  const count = layer.config['return_state'] === true ? states : 0;
  return [output, ...Array<Shape>(count).fill([batch, units])];
}

function convolved(layer: LayerConfig, input: Shape | null, rank: number): Shape[] {
  const [batch = null, time = null, ...rest] = input ?? free(rank + 3);
  const one = windowed(`Conv${rank}D`)?.([batch, ...rest], layer.config) ?? free(rank + 2);
  const output = layer.config['return_sequences'] === true ? [batch, time, ...one.slice(1)] : one;
  return [output, ...Array<Shape>(layer.config['return_state'] === true ? 2 : 0).fill(one)];
}

function timeDistributed(inner: LayerConfig, input: Tensor | undefined, run: Run): Tensor[] {
  const [batch = 'batch', time = null, ...rest] = input?.shape ?? [];
  const shape = input?.shape ? [batch, ...rest] : null;
  return run(inner, [{ type: input?.type ?? null, shape }]).map((one) => ({
    ...one,
    shape: one.shape && [batch, time, ...one.shape.slice(1)],
  }));
}

/** The output of both directions, merged or one after the other, and then their states. */
function bidirectional(
  layer: LayerConfig,
  inner: LayerConfig,
  inputs: readonly Tensor[],
  run: Run,
): Tensor[] {
  const [output, ...states] = run(inner, inputs);
  if (!output) return [];
  const mode = layer.config['merge_mode'];
  const outputs: Tensor[] =
    mode === null
      ? [output, output]
      : mode === 'concat' || mode === undefined
        ? [{ ...output, shape: output.shape && [...last(output.shape), times(output.shape.at(-1), 2)] }]
        : [output];
  return [...outputs, ...states, ...states];
}
