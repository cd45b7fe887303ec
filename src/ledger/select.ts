import { modelName, nameProblem } from '../model/names.ts';
import { UserError } from '../ports/errors.ts';
import { type Collection, findVersion, highest, type Version } from './collection.ts';
import { LABEL_KEY } from './shape.ts';

/** What a user may ask for: by name (`latest`, an alias, a version), or by labels. */
export type Selector =
  | { readonly kind: 'latest' }
  | { readonly kind: 'named'; readonly name: string }
  | { readonly kind: 'labels'; readonly labels: Readonly<Record<string, string>> };

/**
 * Reads `name`, `name:latest`, `name:alias`, `name:version`, `name:key=value,other=value`, or `name@…` with labels too.
 * @throws UserError that says which part is not legal.
 */
export function parseSelector(text: string): { name: string; selector: Selector } {
  const [, name = '', rest] = /^([^:@]*)(?:[:@](.*))?$/s.exec(text) ?? [];
  modelName(name);
  if (rest === undefined || rest === 'latest') return { name, selector: { kind: 'latest' } };
  if (rest.includes('=')) return { name, selector: { kind: 'labels', labels: parseLabels(rest) } };
  const problem = nameProblem(rest);
  if (problem !== null)
    throw new UserError(`"${rest}" in "${text}" is no version and no alias: ${problem}`, {
      help: 'Write `name`, `name:latest`, `name:1.2.0`, `name:production` or `name:stage=test,team=fraud`.',
    });
  return { name, selector: { kind: 'named', name: rest } };
}

/** `key=value,other=value`. @throws UserError */
export function parseLabels(text: string): Record<string, string> {
  const labels = new Map<string, string>();
  for (const part of text.split(',')) {
    const at = part.indexOf('=');
    const key = part.slice(0, Math.max(at, 0)).trim();
    if (at === -1 || !LABEL_KEY.test(key))
      throw new UserError(`"${part}" is no label: it is written key=value`, {
        help: 'Keys are letters, digits, ".", "_", "-" and "/"; several labels are joined by commas.',
      });
    labels.set(key, part.slice(at + 1).trim());
  }
  return Object.fromEntries(labels);
}

/**
 * The version that a selector means. An exact version comes before an alias of the same name; among versions with the
 * labels the highest one is meant. What is retired is never meant.
 * @throws UserError that says what there is instead.
 */
export function resolveReference(collection: Collection, selector: Selector): Version {
  switch (selector.kind) {
    case 'latest': {
      if (collection.latest) return collection.latest;
      throw new UserError(
        collection.versions.length === 0
          ? `no version of "${collection.name}" is published`
          : `"${collection.name}" has no latest version: all of its versions are retired or pre-releases`,
        { help: offer(collection) },
      );
    }
    case 'named': {
      const exact = findVersion(collection, selector.name);
      if (exact) return live(collection, exact, '');
      const target = collection.aliases.get(selector.name);
      const aliased = target === undefined ? null : findVersion(collection, target);
      if (aliased) return live(collection, aliased, `"${selector.name}" stands for ${aliased.version}: `);
      throw new UserError(`"${collection.name}" has no version and no alias "${selector.name}"`, {
        help: offer(collection),
      });
    }
    case 'labels': {
      const wanted = Object.entries(selector.labels);
      const matching = collection.versions.filter(
        (one) =>
          one.retired === null &&
          wanted.every(([key, value]) => Object.hasOwn(one.labels, key) && one.labels[key] === value),
      );
      // A pre-release is meant when nothing else has the labels: they were asked for by name.
      const found = highest(matching) ?? matching.at(-1);
      if (found) return found;
      const asked = wanted.map(([key, value]) => `${key}=${value}`).join(',');
      throw new UserError(`no version of "${collection.name}" has the labels ${asked}`, {
        help: offer(collection),
      });
    }
  }
}

function live(collection: Collection, version: Version, prefix: string): Version {
  if (version.retired === null) return version;
  throw new UserError(
    `${prefix}${collection.name}:${version.version} was retired: ${version.retired.reason || 'no reason was given'}`,
    { help: offer(collection) },
  );
}

function offer(collection: Collection): string {
  const versions = collection.versions.filter((one) => one.retired === null).map((one) => one.version);
  if (versions.length === 0) return 'Publish a version first.';
  const shown = versions.slice(-10).reverse().join(', ');
  const aliases = [...collection.aliases.keys()].join(', ');
  return `There are: ${shown}${versions.length > 10 ? ' …' : ''}${aliases === '' ? '' : `; aliases: ${aliases}`}.`;
}
