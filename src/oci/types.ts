/** Source of the shapes in this file: OCI image-spec v1.1 (descriptor, manifest, config) and distribution-spec v1.1. */

/** `sha256:` and 64 hex digits. */
export type Digest = `sha256:${string}`;

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Manifest {
  readonly schemaVersion: 2;
  readonly mediaType: string;
  readonly artifactType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}

export const MEDIA = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  index: 'application/vnd.oci.image.index.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
  layerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
} as const;

/**
 * A blob that can be opened any number of times; it is never held in memory whole. A chunk may be overwritten when the
 * next one is asked for: who wants to keep it copies it. (What `Repository.openBlob` gives may be kept.)
 */
export interface Blob {
  readonly descriptor: Descriptor;
  open(): AsyncIterable<Uint8Array>;
}

/**
 * One repository, in a registry or in an OCI layout folder. Everything is addressed by digest; `tag` is the only
 * call that changes what a name means.
 */
export interface Repository {
  /** As users pull it, without tag: `ghcr.io/acme/wine`, or `oci:build/oci/wine` for a layout folder. */
  readonly name: string;
  hasBlob(digest: Digest): Promise<boolean>;
  /** Stores a blob unless it is there. The bytes are hashed on the way; others than promised are refused. */
  putBlob(blob: Blob): Promise<void>;
  openBlob(descriptor: Descriptor): AsyncIterable<Uint8Array>;
  /** Stores a manifest under its digest only. */
  putManifest(bytes: Uint8Array, mediaType: string): Promise<Descriptor>;
  /** By tag or digest; `null` when there is none. The bytes are verified when a digest was asked for. */
  getManifest(reference: string): Promise<{ descriptor: Descriptor; bytes: Uint8Array } | null>;
  /** Points `tag` at a manifest that is stored already. */
  tag(digest: Digest, tag: string): Promise<void>;
  tags(): Promise<string[]>;
}

/** Bytes that nobody has hashed yet; they can be opened any number of times. Chunks as in `Blob`. */
export interface Source {
  /** Bytes. */
  readonly size: number;
  open(): AsyncIterable<Uint8Array>;
}

/** A repository that can take bytes whose digest is not known: they are hashed while they travel, in one read. */
export interface OnePassRepository extends Repository {
  /** Stores the bytes and says what they are. */
  addBlob(source: Source, mediaType: string): Promise<Descriptor>;
}

/**
 * A model made ready to be pushed, before its version is known. Its layers depend on the content alone;
 * `stamp` writes the version into config and manifest, a few kilobytes (DESIGN.md §4.3).
 */
export interface Assembled {
  readonly kind: 'image' | 'artifact';
  readonly layers: readonly Blob[];
  stamp(stamp: Stamp): { config: Uint8Array; configType: string; manifest: Uint8Array; manifestType: string };
}

/** What is only known at publishing. All of it is written as OCI annotations and (for images) labels. */
export interface Stamp {
  readonly name: string;
  readonly version: string;
  /** Commit, URL of the repository; absent outside of git. */
  readonly revision?: string;
  readonly source?: string;
  /** The contract as canonical JSON, readable without pulling a layer. */
  readonly contract: string;
  readonly labels: Readonly<Record<string, string>>;
}
