import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { type OpenFile, openFile } from '../model/bytes.ts';
import { type Blob, type Digest, MEDIA } from '../oci/types.ts';

/** What `docker save` wrote: the image's config and its layers, each as a part of the archive. */
export interface SavedImage {
  readonly config: Uint8Array;
  readonly layers: readonly Blob[];
}

interface Member {
  readonly offset: number;
  readonly size: number;
}

const BLOCK = 512;
const MAX_MEMBERS = 100_000;
const MAX_JSON = 16 * 1024 * 1024;

/**
 * Reads the archive of `docker save` where it lies. Engines with containerd's image store save the compressed
 * layers that they pushed or built; engines with graph drivers save plain tars, which are compressed into
 * `scratch` here: the same tar gives the same bytes.
 * @param archive path of the tar file; it has to stay until the layers are no longer needed.
 */
export async function readSaved(archive: string, scratch: string): Promise<SavedImage> {
  using file = openFile(archive);
  const members = indexTar(file);
  const read = (name: string): Uint8Array => {
    const member = members.get(name);
    if (!member || member.size > MAX_JSON) throw new Error(`docker save wrote no usable "${name}"`);
    return file.read(member.offset, member.size).slice();
  };
  const manifest = JSON.parse(new TextDecoder().decode(read('manifest.json'))) as {
    Config: string;
    Layers: string[];
  }[];
  const image = manifest[0];
  if (!image || manifest.length !== 1) throw new Error('docker save wrote other than one image');
  const layers: Blob[] = [];
  for (const [index, name] of image.Layers.entries()) {
    const member = members.get(name);
    if (!member) throw new Error(`docker save wrote no layer "${name}"`);
    layers.push(await layerBlob(archive, file, name, member, join(scratch, `layer-${index}.tar.gz`)));
  }
  return { config: read(image.Config), layers };
}

async function layerBlob(archive: string, file: OpenFile, name: string, member: Member, scratch: string) {
  const mediaType = compression(file.read(member.offset, Math.min(4, member.size)));
  const open = (): AsyncIterable<Uint8Array> => part(archive, member);
  if (mediaType === MEDIA.layer) {
    await pipeline(open, createGzip({ level: 6 }), createWriteStream(scratch));
    const { digest, size } = await hash(createReadStream(scratch));
    return {
      descriptor: { mediaType: MEDIA.layerGzip, digest, size },
      open: () => createReadStream(scratch),
    };
  }
  const named = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(name)?.[1];
  const digest: Digest = named !== undefined ? `sha256:${named}` : (await hash(open())).digest;
  return { descriptor: { mediaType, digest, size: member.size }, open };
}

function compression(head: Uint8Array): string {
  if (head[0] === 0x1f && head[1] === 0x8b) return MEDIA.layerGzip;
  if (head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd)
    return `${MEDIA.layer}+zstd`;
  return MEDIA.layer;
}

async function* part(archive: string, { offset, size }: Member): AsyncIterable<Uint8Array> {
  if (size > 0) yield* createReadStream(archive, { start: offset, end: offset + size - 1 });
}

async function hash(bytes: AsyncIterable<Uint8Array>): Promise<{ digest: Digest; size: number }> {
  const sum = createHash('sha256');
  let size = 0;
  for await (const chunk of bytes) {
    sum.update(chunk);
    size += chunk.length;
  }
  return { digest: `sha256:${sum.digest('hex')}`, size };
}

/** Where the regular files of a tar archive lie (POSIX ustar and pax; sizes over 8 GiB included). */
export function indexTar(file: OpenFile): Map<string, Member> {
  const members = new Map<string, Member>();
  const links: [string, string][] = [];
  let pax: { path?: string; size?: number; linkpath?: string } = {};
  for (let at = 0; at + BLOCK <= file.size; ) {
    const header = file.read(at, BLOCK);
    if (header[0] === 0) break;
    if (members.size > MAX_MEMBERS) throw new Error('docker save wrote too many files');
    const type = String.fromCharCode(header[156] ?? 0);
    const size = pax.size ?? tarNumber(header.subarray(124, 136));
    const prefix = text(header.subarray(345, 500));
    const name = pax.path ?? (prefix === '' ? '' : `${prefix}/`) + text(header.subarray(0, 100));
    const offset = at + BLOCK;
    at = offset + Math.ceil(size / BLOCK) * BLOCK;
    if (type === 'x') {
      pax = readPax(file.read(offset, Math.min(size, MAX_JSON)));
      continue;
    }
    if (type === '0' || type === '\0') members.set(name, { offset, size });
    // Old engines save a layer that two images share as a link to the first.
    if (type === '2' || type === '1') links.push([name, pax.linkpath ?? text(header.subarray(157, 257))]);
    pax = {};
  }
  for (const [name, target] of links) {
    const member = members.get(target) ?? members.get(target.replace(/^(\.\.\/)+/, ''));
    if (member) members.set(name, member);
  }
  return members;
}

function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end === -1 ? bytes : bytes.subarray(0, end));
}

/** Octal, or base 256 where the first bit is set (GNU). */
function tarNumber(bytes: Uint8Array): number {
  if (((bytes[0] ?? 0) & 0x80) === 0) return Number.parseInt(text(bytes).trim() || '0', 8);
  return bytes.subarray(1).reduce((sum, byte) => sum * 256 + byte, 0);
}

/** Records of a pax header: `<length> <key>=<value>\n`. */
function readPax(bytes: Uint8Array): { path?: string; size?: number; linkpath?: string } {
  const out: { path?: string; size?: number; linkpath?: string } = {};
  for (const record of new TextDecoder().decode(bytes).split('\n')) {
    const [, key, value = ''] = /^[0-9]+ ([^=]+)=(.*)$/s.exec(record) ?? [];
    if (key === 'path') out.path = value;
    if (key === 'linkpath') out.linkpath = value;
    if (key === 'size') out.size = Number(value);
  }
  return out;
}
