import type * as Zlib from 'node:zlib';

/** Node's zlib, loaded when it is first needed: most models are not compressed, and loading it costs a start milliseconds. */
export const zlib = (): typeof Zlib => process.getBuiltinModule('node:zlib');
