import { createHash } from 'node:crypto';
import {
  type Assembled,
  type Descriptor,
  type Digest,
  type Manifest,
  MEDIA,
  type Stamp,
} from '../oci/types.ts';
import { INSIDE } from './dockerfile.ts';
import type { SavedImage } from './saved.ts';

/** Annotations larger than this make manifests that some registries refuse; the label in the config has no limit. */
const MAX_ANNOTATION = 64 * 1024;

interface Config {
  readonly config?: {
    readonly Env?: readonly string[];
    readonly Labels?: Readonly<Record<string, string>> | null;
  };
}

/**
 * Writes name, version and contract into an image's config (labels, and the variables that the server reads) and
 * into its manifest (annotations). No layer is touched: two versions of one model share all of them.
 */
export function stampImage(saved: SavedImage, base: string, stamp: Stamp): ReturnType<Assembled['stamp']> {
  const given = JSON.parse(new TextDecoder().decode(saved.config)) as Config;
  const labels = imageLabels(stamp, base);
  const env = [
    ...(given.config?.Env ?? []).filter((one) => !one.startsWith('LADING_MODEL_')),
    `LADING_MODEL_NAME=${stamp.name}`,
    `LADING_MODEL_VERSION=${stamp.version}`,
  ];
  const config = bytes({
    ...given,
    config: {
      ...given.config,
      Env: env,
      Labels: { ...given.config?.Labels, ...labels, 'io.lading.contract': stamp.contract },
    },
  });
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: MEDIA.manifest,
    config: descriptor(MEDIA.config, config),
    layers: saved.layers.map((layer) => layer.descriptor),
    annotations: {
      ...labels,
      ...(stamp.contract.length <= MAX_ANNOTATION && { 'io.lading.contract': stamp.contract }),
    },
  };
  return { config, configType: MEDIA.config, manifest: bytes(manifest), manifestType: MEDIA.manifest };
}

/** Source of the keys: OCI image-spec v1.1, annotations.md. What the user labelled does not replace them. */
function imageLabels(stamp: Stamp, base: string): Record<string, string> {
  const [baseName = base, baseDigest] = base.split('@');
  return {
    ...stamp.labels,
    'org.opencontainers.image.title': stamp.name,
    'org.opencontainers.image.version': stamp.version,
    ...(stamp.revision !== undefined && { 'org.opencontainers.image.revision': stamp.revision }),
    ...(stamp.source !== undefined && { 'org.opencontainers.image.source': stamp.source }),
    'org.opencontainers.image.base.name': baseName,
    ...(baseDigest !== undefined && { 'org.opencontainers.image.base.digest': baseDigest }),
    'io.lading.name': stamp.name,
    'io.lading.version': stamp.version,
    'io.lading.port': String(INSIDE.port),
  };
}

function bytes(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

function descriptor(mediaType: string, content: Uint8Array): Descriptor {
  const digest: Digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
  return { mediaType, digest, size: content.length };
}
