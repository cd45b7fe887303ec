import semver from 'semver';
import { printContract } from '../contract/print.ts';
import { checksumText } from '../model/digest.ts';
import { modelName, versionName } from '../model/names.ts';
import { UserError } from '../ports/errors.ts';
import type { GitHub, GitHubRelease } from '../ports/github.ts';
import type { Log } from '../ports/log.ts';
import { type Publication, type PublishPlan, type PublishPorts, publishModel } from './publish.ts';

/** What a release tag asks for. */
export interface ReleaseTag {
  readonly tag: string;
  readonly name: string;
  readonly version: string;
}

/**
 * Reads a release tag: `<name>@<version>` or `<name>/v<version>`, with or without `refs/tags/`.
 * @throws UserError when it is neither.
 */
export function parseReleaseTag(ref: string): ReleaseTag {
  const tag = ref.replace(/^refs\/tags\//, '');
  const [, name, version] = /^([^@/]+)@([^@/]+)$/.exec(tag) ?? /^([^@/]+)\/v([^@/]+)$/.exec(tag) ?? [];
  if (name === undefined || version === undefined)
    throw new UserError(`"${tag}" is no release tag`, {
      help: 'Release tags are <name>@<version> or <name>/v<version>, for example wine@1.2.0 or wine/v1.2.0.',
    });
  return { tag, name: modelName(name), version: versionName(version) };
}

/** Whether a ref is a release tag, for triggers that see all tags. */
export function isReleaseTag(ref: string): boolean {
  try {
    parseReleaseTag(ref);
    return true;
  } catch {
    return false;
  }
}

export interface Released {
  readonly publication: Publication;
  /** `null` where there is no GitHub. */
  readonly release: GitHubRelease | null;
}

/**
 * Publishes the version that a tag names, and makes a GitHub Release with its notes and files. Running it again
 * completes what is missing and changes nothing else: text that a person wrote stays, and assets are never replaced.
 * @throws UserError when the version is taken by other content, or is retired.
 */
export async function releaseModel(
  tag: ReleaseTag,
  plan: Omit<PublishPlan, 'name' | 'version' | 'onUnchanged'>,
  ports: PublishPorts & { readonly github: GitHub | null },
): Promise<Released> {
  const { name, version } = tag;
  const publication = await publishModel({ ...plan, name, version, onUnchanged: 'skip' }, ports);
  if (publication.kind === 'unchanged' && publication.retired)
    throw new UserError(`${name}:${version} was retired, and a retired version is not released`, {
      help: 'Release another version.',
    });
  if (ports.github === null) return { publication, release: null };
  const release = await ensureRelease(tag, publication, plan, ports.github, ports.store.log);
  return { publication, release };
}

/** GitHub refuses longer bodies (characters). */
const MAX_BODY = 125_000;

async function ensureRelease(
  { tag, name, version }: ReleaseTag,
  { notes }: Publication,
  plan: Pick<PublishPlan, 'contract' | 'files'>,
  { releases }: GitHub,
  log: Log,
): Promise<GitHubRelease> {
  const body =
    notes.length <= MAX_BODY
      ? notes
      : `${name} ${version}. The notes are in the asset \`release-notes.md\`.\n`;
  const prerelease = (semver.prerelease(version) ?? []).length > 0;
  // A draft first: where releases are immutable, nothing can be added once it is public.
  let release = await releases.draft({ tag, title: `${name} ${version}`, body, prerelease });
  const present = await releases.assets(release.id);
  const wanted = [
    { name: 'contract.yaml', type: 'application/yaml', text: printContract(plan.contract, 'yaml') },
    { name: 'checksum.txt', type: 'text/plain; charset=utf-8', text: checksumText(plan.files) },
    { name: 'release-notes.md', type: 'text/markdown; charset=utf-8', text: notes },
  ];
  for (const { name: asset, type, text } of wanted) {
    const there = present.find((one) => one.name === asset);
    if (there?.complete) continue;
    if (release.immutable) {
      log.warn(`The release ${tag} is immutable, and "${asset}" can not be added to it.`);
      continue;
    }
    if (there) await releases.removeAsset(there.id);
    await releases.upload(release, { name: asset, type, bytes: Buffer.from(text) });
  }
  if (release.draft) release = await releases.update(release.id, { publish: true });
  else if (release.body.trim() === '' && !release.immutable)
    release = await releases.update(release.id, { body });
  return release;
}
