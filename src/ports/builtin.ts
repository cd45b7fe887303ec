import type * as Crypto from 'node:crypto';
import type * as Util from 'node:util';

/*
 * Modules of Node's own for what runs at every start. An `import` of them would read all of their exports, and with
 * those load some thirty modules behind them: five milliseconds of each start.
 */
export const crypto = (): typeof Crypto => process.getBuiltinModule('node:crypto');
export const util = (): typeof Util => process.getBuiltinModule('node:util');
