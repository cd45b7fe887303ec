import { entryOf } from '../../model/entry.ts';
import type { Json } from './values.ts';

/** What Keras 1 called layers that have another name since. */
const CLASSES: Readonly<Record<string, string>> = {
  Convolution1D: 'Conv1D',
  Convolution2D: 'Conv2D',
  Convolution3D: 'Conv3D',
  AtrousConvolution1D: 'Conv1D',
  AtrousConvolution2D: 'Conv2D',
  AtrousConv1D: 'Conv1D',
  AtrousConv2D: 'Conv2D',
  SeparableConvolution2D: 'SeparableConv2D',
  TimeDistributedDense: 'Dense',
};

/** Arguments of Keras 1, and what they are called since. */
const KEYS: Readonly<Record<string, string>> = {
  nb_filter: 'filters',
  subsample: 'strides',
  subsample_length: 'strides',
  border_mode: 'padding',
  atrous_rate: 'dilation_rate',
  filter_length: 'kernel_size',
  pool_length: 'pool_size',
  stride: 'strides',
  length: 'size',
};

/** A layer of Keras 1 in the words of Keras 2; layers of later versions stay as they are. */
export function modernised(className: string, config: Json): { className: string; config: Json } {
  const known = entryOf(CLASSES, className) ?? className;
  const dense = 'output_dim' in config && className !== 'Embedding';
  if (
    !('dim_ordering' in config) &&
    !dense &&
    known === className &&
    !Object.keys(KEYS).some((key) => key in config)
  )
    return { className, config };
  const renamed: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(config)) {
    const name = entryOf(KEYS, key);
    // Zero padding has an argument that is called padding, and none of the old ones.
    if (name === undefined || !(name in config)) renamed[name ?? key] = value;
  }
  if (dense) renamed['units'] = config['output_dim'];
  const kernel = ['nb_row', 'nb_col'].every((key) => key in config)
    ? [config['nb_row'], config['nb_col']]
    : 'kernel_dim1' in config
      ? [config['kernel_dim1'], config['kernel_dim2'], config['kernel_dim3']]
      : null;
  if (kernel) renamed['kernel_size'] = kernel;
  if (config['dim_ordering'] === 'th') renamed['data_format'] = 'channels_first';
  return { className: known, config: renamed };
}
