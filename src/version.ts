import manifest from '../package.json' with { type: 'json' };

/** Version of Lading itself. */
export const VERSION: string = manifest.version;
/** Where bugs are reported. */
export const REPORT_URL = 'https://github.com/lading-ml/lading/issues/new';
