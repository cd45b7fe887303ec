import type { Candidate, Reading } from './format.ts';

/** Which of several candidates the descriptions beside them name as their model; `null` where they name none, or several. */
export function choose(models: readonly Candidate[], declarations: readonly Reading[]): Candidate | null {
  const named = new Set(declarations.flatMap((one) => one.describes ?? []));
  const meant = models.filter((model) => [...named].some((path) => within(model.path, path)));
  return meant.length === 1 ? (meant[0] ?? null) : null;
}

const within = (path: string, folder: string) => path === folder || path.startsWith(`${folder}/`);

/** Fills in the versions that the model leaves open and a description beside it states. */
export function withStatedVersions(reading: Reading, declarations: readonly Reading[]): Reading {
  const stated: Readonly<Record<string, string | null>> = Object.assign(
    {},
    ...declarations.map((one) => one.requirements).reverse(),
  );
  const { framework } = reading;
  const requirements = Object.fromEntries(
    Object.entries(reading.requirements).map(([name, version]) => [name, version ?? stated[name] ?? null]),
  );
  return {
    ...reading,
    framework: framework && { ...framework, version: framework.version ?? stated[framework.name] ?? null },
    requirements,
  };
}
