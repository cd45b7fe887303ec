import type { Format } from './format.ts';

/** Every format that Lading reads, one line each. The order only decides the order of listings. */
export const FORMATS: readonly Format[] = [];
