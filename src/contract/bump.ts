import type { Change } from './change.ts';

/**
 * What the changes of a contract ask of SemVer: a break is a major version, any other change a minor one, none a
 * patch. An approved break is a break all the same.
 */
export function bumpOf(changes: readonly Pick<Change, 'verdict'>[]): 'major' | 'minor' | 'patch' {
  if (changes.some((change) => change.verdict === 'breaking')) return 'major';
  return changes.length > 0 ? 'minor' : 'patch';
}
