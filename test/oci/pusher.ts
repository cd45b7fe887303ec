// Publishes a small artifact to a registry: the test kills it in the middle.
import { assembleArtifact } from '../../src/oci/artifact.ts';
import { anonymous } from '../../src/oci/credentials.ts';
import { pushAssembled } from '../../src/oci/push.ts';
import { registryRepository } from '../../src/oci/registry.ts';
import { silent } from '../../src/ports/log.ts';
import { noise, STAMP } from './scratch.ts';

const repository = registryRepository({ host: process.argv[2] ?? '', repository: 'acme/wine' }, anonymous);
const files = ['model.bin', 'README.md'].map((path, at) => ({ path, bytes: noise(50_000, at + 1) }));
const assembled = assembleArtifact([], files, { format: 'pt' });
const { digest } = await pushAssembled(repository, assembled, STAMP, silent);
await repository.tag(digest, STAMP.version);
