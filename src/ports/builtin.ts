import type * as Util from 'node:util';
import type * as Zlib from 'node:zlib';

/*
 * Modules of Node's own that are loaded when they are first needed. An `import` would read all of their exports, and with
 * those load some thirty modules behind them: milliseconds of each start.
 */
export const stream = () => process.getBuiltinModule('node:stream');
export const util = (): typeof Util => process.getBuiltinModule('node:util');
export const zlib = (): typeof Zlib => process.getBuiltinModule('node:zlib');
