import { posix } from 'node:path';
import type { Look, Remark } from '../format.ts';
import type { ExternalPart } from './graph.ts';

/** Where external data lies: the path within the model directory, or the reason why it is refused. */
export function resolveExternal(
  model: string,
  location: string,
): { kind: 'inside'; path: string } | { kind: 'escapes' } {
  const plain = location.replaceAll('\\', '/');
  const folder = posix.dirname(model);
  const path = posix.normalize(posix.join(folder, plain));
  const escapes =
    plain === '' ||
    plain.includes('\0') ||
    plain.startsWith('/') ||
    /^[A-Za-z]:/.test(plain) ||
    // The specification keeps external data below the folder of the model (CVE-2022-25882, CVE-2024-27318).
    (folder === '.' ? /^\.\.(\/|$)/.test(path) : !path.startsWith(`${folder}/`));
  return escapes ? { kind: 'escapes' } : { kind: 'inside', path };
}

/** What is wrong with the external data of a model: one remark a file. */
export function checkExternal(
  model: string,
  parts: ReadonlyMap<string, ExternalUse>,
  look: Look,
): { remarks: Remark[]; dangerous: boolean } {
  const remarks: Remark[] = [];
  let dangerous = false;
  for (const [location, use] of parts) {
    const resolved = resolveExternal(model, location);
    if (resolved.kind === 'escapes') {
      dangerous = true;
      remarks.push({
        rule: 'path-escapes',
        level: 'error',
        file: model,
        subject: location,
        message: `tensor "${use.tensor}" reads its data from "${location}", which is outside the model's folder`,
        help: 'Save the model again with its external data beside it; do not load this file.',
      });
      continue;
    }
    const file = look.file(resolved.path);
    if (!file) {
      remarks.push({
        rule: 'external-data-missing',
        level: 'error',
        file: model,
        subject: location,
        message: `the weights are in "${location}", which is not there`,
        help: `Put "${resolved.path}" beside the model, or save the model with its weights inside.`,
      });
    } else if (use.end > file.size) {
      remarks.push({
        rule: 'external-data-truncated',
        level: 'error',
        file: resolved.path,
        subject: location,
        message: `the model reads up to byte ${use.end} of this file, and it has ${file.size}`,
        help: 'The file was cut short, or belongs to another export: copy both files again.',
      });
    }
  }
  return { remarks, dangerous };
}

/** How far a location is read, and a tensor that reads it. */
export interface ExternalUse {
  readonly tensor: string;
  readonly end: number;
}

/** Adds a part to the uses by location. At most 1000 locations are kept. */
export function noteExternal(
  uses: Map<string, ExternalUse>,
  tensor: string,
  part: ExternalPart,
  bytes: number,
): void {
  const known = uses.get(part.location);
  if (!known && uses.size >= 1000) return;
  const end = part.offset + (part.length ?? bytes);
  if (!known || end > known.end)
    uses.set(part.location, { tensor: known?.tensor ?? tensor, end: Number.isFinite(end) ? end : 0 });
}
