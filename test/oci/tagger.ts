// Sets many tags on one layout: the tests start two of these at once.
import { layoutRepository } from '../../src/oci/layout.ts';
import { isDigest } from '../../src/oci/verify.ts';

const [root = '', name = '', digest = '', prefix = '', count = '0'] = process.argv.slice(2);
const repository = layoutRepository(root, name);
if (!isDigest(digest)) throw new Error('no digest');
for (let at = 0; at < Number(count); at += 1) await repository.tag(digest, `${prefix}${at}`);
