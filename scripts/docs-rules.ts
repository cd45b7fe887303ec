/** Writes what is generated from the contract's tables: docs/rules.md and schemas/contract-file.json. */
import { writeFileSync } from 'node:fs';
import { rulesMarkdown } from '../src/check/rules-doc.ts';
import { contractSchema } from '../src/contract/schema.ts';

const root = new URL('../', import.meta.url);
writeFileSync(new URL('docs/rules.md', root), rulesMarkdown());
writeFileSync(new URL('schemas/contract-file.json', root), `${JSON.stringify(contractSchema(), null, 2)}\n`);
