import type { Dimension, Shape } from '../../contract/types.ts';
import { child, number, numbers, string } from '../wire/tree.ts';
import type { Operands } from './shape-rules.ts';
import { known } from './shape-values.ts';

/*
 * Convolutions, pools and resizes: operators whose window moves over the axes of an image
 * (tensorflow/core/framework/common_shape_fns.cc).
 */

const list = (of: Operands, name: string): readonly number[] =>
  numbers(child(of.attribute(name), 'list'), 'i');

/** The axis of the channels, and the first of those that the window moves over. */
function axesOf(of: Operands, rank: number): { channel: number; spatial: number } {
  const first = string(of.attribute('data_format'), 's').startsWith('NC');
  return first ? { channel: 1, spatial: 2 } : { channel: rank + 1, spatial: 1 };
}

function moved(
  of: Operands,
  size: Dimension | undefined,
  window: number | null,
  axis: number,
): number | null {
  const [input, step, spread] = [
    known(size),
    list(of, 'strides')[axis] ?? 1,
    list(of, 'dilations')[axis] ?? 1,
  ];
  const padding = string(of.attribute('padding'), 's');
  if (input === null || step < 1) return null;
  if (padding === 'SAME') return Math.ceil(input / step);
  if (window === null || (padding !== 'VALID' && padding !== 'EXPLICIT')) return null;
  const explicit = padding === 'EXPLICIT' ? list(of, 'explicit_paddings') : [];
  const around = (explicit[2 * axis] ?? 0) + (explicit[2 * axis + 1] ?? 0);
  const out = Math.ceil((input + around - (window - 1) * spread) / step);
  return out >= 0 ? out : null;
}

/** What a window moves over: where its shape is not known, its rank is. */
function imageOf(of: Operands, rank: number): Shape | null {
  const input = of.shape(0) ?? new Array<Dimension>(rank + 2).fill(null);
  return input.length === rank + 2 ? input : null;
}

/** A convolution over `rank` axes; its filters are `[…window, channels, filters]`. */
export function convolved(of: Operands, rank: number): Shape | null {
  const [input, filter] = [imageOf(of, rank), of.shape(1)];
  if (!input) return null;
  const { channel, spatial } = axesOf(of, rank);
  const [groups, filters] = [known(filter?.[rank]), known(filter?.[rank + 1])];
  const deep = of.operator.startsWith('Depthwise');
  const channels = deep ? (groups === null || filters === null ? null : groups * filters) : filters;
  return input.map((size, axis) => {
    if (axis === 0) return size;
    if (axis === channel) return channels;
    return moved(of, size, known(filter?.[axis - spatial]), axis);
  });
}

/** A pool over `rank` axes. */
export function pooled(of: Operands, rank: number): Shape | null {
  const input = imageOf(of, rank);
  if (!input) return null;
  const windows = list(of, 'ksize');
  return input.map((size, axis) => {
    const still = (windows[axis] ?? 1) === 1 && (list(of, 'strides')[axis] ?? 1) === 1;
    return still ? size : moved(of, size, windows[axis] ?? null, axis);
  });
}

/** An image that is brought to the size that the second input says. */
export function resized(of: Operands): Shape | null {
  const [input, size] = [of.shape(0), of.values(1)];
  if (input && input.length !== 4) return null;
  return [input?.[0] ?? null, size?.[0] ?? null, size?.[1] ?? null, input?.[3] ?? null];
}

/** SpaceToBatchND and BatchToSpaceND move blocks of the axes behind the first into that and back, as dilation does it. */
export function batchMoved(of: Operands): Shape | null {
  const [input, blocks, around] = [of.shape(0), of.values(1), of.values(2)];
  const axes = known(of.shape(1)?.[0]);
  if (!input || axes === null) return null;
  const apart = of.operator === 'SpaceToBatchND';
  const count = blocks?.reduce<number | null>((all, one) => (all === null || !one ? null : all * one), 1);
  return input.map((size, axis) => {
    const one = known(size);
    if (axis > axes) return size;
    const factor = axis === 0 ? count : blocks?.[axis - 1];
    if (one === null || !factor) return null;
    if (axis === 0) return apart ? one * factor : one / factor;
    const [before, after] = [around?.[2 * axis - 2] ?? null, around?.[2 * axis - 1] ?? null];
    if (before === null || after === null) return null;
    const next = apart ? (one + before + after) / factor : one * factor - before - after;
    return Number.isInteger(next) && next >= 0 ? next : null;
  });
}

/** SpaceToDepth and DepthToSpace move blocks of an image into its channels and back. */
export function depthMoved(of: Operands): Shape | null {
  const input = of.shape(0);
  const block = number(of.attribute('block_size'), 'i');
  if (input?.length !== 4 || block < 1) return null;
  const { channel } = axesOf(of, 2);
  const down = of.operator === 'SpaceToDepth';
  return input.map((size, axis) => {
    const one = known(size);
    if (axis === 0 || one === null) return size;
    const factor = axis === channel ? block * block : block;
    const next = (axis === channel) === down ? one * factor : one / factor;
    return Number.isInteger(next) ? next : null;
  });
}
