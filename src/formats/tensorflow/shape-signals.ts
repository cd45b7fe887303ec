import type { Shape } from '../../contract/types.ts';
import { number } from '../wire/tree.ts';
import type { Operands } from './shape-rules.ts';
import { known } from './shape-values.ts';

/* Sound and its spectra (tensorflow/core/ops/spectral_ops.cc, audio_ops.cc). */

export const SIGNALS: Readonly<Record<string, (of: Operands) => Shape | null>> = {
  RFFT: (of) => lengthened(of, (length) => Math.floor(length / 2) + 1),
  IRFFT: (of) => lengthened(of, (length) => length),
  DecodeWav: (of) => [asked(of, 'desired_samples'), asked(of, 'desired_channels')],
  AudioSpectrogram: (of) => {
    const [samples, channels] = of.shape(0) ?? [];
    const [window, stride] = [number(of.attribute('window_size'), 'i'), number(of.attribute('stride'), 'i')];
    const length = known(samples);
    const frames = length !== null && stride > 0 ? 1 + Math.floor((length - window) / stride) : null;
    return [channels ?? null, frames === null ? null : Math.max(frames, 0), 1 + powerFrom(window) / 2];
  },
  Mfcc: (of) => {
    const [channels = null, frames = null] = of.shape(0) ?? [];
    const count = of.attribute('dct_coefficient_count');
    return [channels, frames, count ? number(count, 'i') : 13];
  },
};

/** The last axis becomes as long as the length of the transform says. */
function lengthened(of: Operands, length: (stated: number) => number): Shape | null {
  const [shape, [stated = null] = []] = [of.shape(0), of.values(1) ?? []];
  return shape && [...shape.slice(0, -1), stated === null ? null : length(stated)];
}

/** A size that is asked for; -1 takes what comes. */
function asked(of: Operands, name: string): number | null {
  const attribute = of.attribute(name);
  const size = attribute ? number(attribute, 'i') : -1;
  return size >= 0 ? size : null;
}

/** The power of two that is not below. */
const powerFrom = (size: number): number => 2 ** Math.ceil(Math.log2(Math.max(size, 1)));
