import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

/** What the registry double keeps of one repository. */
export interface Store {
  readonly blobs: Map<string, Buffer>;
  readonly manifests: Map<string, { bytes: Buffer; mediaType: string }>;
  readonly tags: Map<string, string>;
  readonly uploads: Map<string, { parts: Buffer[]; size: number }>;
}

/** The user whose name and password a Basic header holds, or `null`. */
export function knows(users: Readonly<Record<string, string>>, header: string): string | null {
  const given = Buffer.from(header.replace(/^Basic /, ''), 'base64').toString();
  const colon = given.indexOf(':');
  const [user, password] = [given.slice(0, colon), given.slice(colon + 1)];
  return header.startsWith('Basic ') && users[user] === password ? user : null;
}

export function sendBlob(
  request: IncomingMessage,
  response: ServerResponse,
  blob: Buffer,
  headers: object,
): void {
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
  const part = blob.subarray(from);
  response.writeHead(from > 0 ? 206 : 200, { 'content-length': String(part.length), ...headers });
  response.end(request.method === 'HEAD' ? undefined : part);
}

export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of request) parts.push(chunk);
  return Buffer.concat(parts);
}

export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Why a manifest cannot be stored, or `null`: image-spec v1.1, manifest.md. */
export function manifestProblem(
  bytes: Buffer,
  contentType: string,
  { blobs, manifests }: Store,
): string | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(bytes.toString('utf8'));
  } catch {
    return 'no JSON';
  }
  const manifest = parsed as {
    schemaVersion?: unknown;
    mediaType?: unknown;
    config?: { digest: string; size: number; mediaType: string };
    layers?: { digest: string; size: number; mediaType: string }[];
    manifests?: { digest: string }[];
  };
  if (manifest.schemaVersion !== 2) return 'schemaVersion is not 2';
  if (manifest.mediaType !== undefined && manifest.mediaType !== contentType)
    return 'mediaType is not Content-Type';
  for (const one of manifest.manifests ?? []) if (!manifests.has(one.digest)) return one.digest;
  if (manifest.manifests) return null;
  if (!manifest.config || !Array.isArray(manifest.layers)) return 'config or layers are missing';
  for (const one of [manifest.config, ...manifest.layers]) {
    const blob = blobs.get(one.digest);
    if (!blob) return one.digest;
    if (blob.length !== one.size)
      return `${one.digest} has ${blob.length} bytes, not ${one.size}`.replace('sha256:', 'sha256 ');
    if (typeof one.mediaType !== 'string') return 'a descriptor has no mediaType';
  }
  return null;
}
