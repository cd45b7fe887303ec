import type { Remark, Risk } from '../format.ts';

/** What a look for danger found. */
export interface Scan {
  readonly remarks: readonly Remark[];
  readonly risk: Risk;
}

export const NOTHING: Scan = { remarks: [], risk: 'none' };

const RISKS: readonly Risk[] = ['none', 'review', 'dangerous'];

export const worst = (...risks: readonly Risk[]): Risk =>
  RISKS[Math.max(...risks.map((risk) => RISKS.indexOf(risk)))] ?? 'none';

/** A remark about an archive, or a part of one, that nobody can look into. */
export function unscannable(file: string, why: string): Scan {
  const help = 'Unpack it, or save the model as its framework does: what cannot be read cannot be checked.';
  return {
    remarks: [{ rule: 'archive-unscannable', level: 'warning', file, message: why, help }],
    risk: 'review',
  };
}

/** An archive that says two things about itself: readers that believe one of them do not see the other. */
export function tampered(file: string, message: string): Scan {
  const help = 'No tool writes archives like this; get the model from its makers again.';
  return { remarks: [{ rule: 'archive-tampered', level: 'error', file, message, help }], risk: 'dangerous' };
}

/** Archives that are known by their first bytes, and not looked into. */
export function archiveName(head: Uint8Array): string | null {
  const text = Buffer.from(head.subarray(0, 6)).toString('latin1');
  if (text === '7z\xbc\xaf\x27\x1c') return '7z';
  return text === 'Rar!\x1a\x07' ? 'RAR' : null;
}
