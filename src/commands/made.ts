import { type BehaviourFacts, behaviourFacts, behaviourProperties } from '../check/behaviour.ts';
import type { Inspected } from '../check/inspect.ts';
import type { Contract } from '../contract/types.ts';
import type { PublishEvent } from '../ledger/event.ts';
import type { ModelDirectory } from '../model/walk.ts';
import { UserError } from '../ports/errors.ts';

/** How a model was made, as the ledger keeps it. @param imagePython Python of the image, where that is known. */
export function madeProperties(inspected: Inspected, imagePython: string | null): Record<string, string> {
  const { reading, declarations } = inspected;
  const python = declarations.find((one) => one.properties['python'] !== undefined)?.properties['python'];
  return behaviourProperties({
    ...(python !== undefined && { python }),
    ...reading?.properties,
    ...(imagePython !== null && { image_python: imagePython }),
  });
}

/**
 * Version of Python that a generated image gets. `null` where it is not Lading that decides it, or where no image can
 * be planned: that is for the build to say.
 */
export async function imagePythonOf(model: {
  readonly directory: ModelDirectory;
  readonly inspected: Inspected;
  readonly contract: Contract | null;
  readonly base: string | null;
}): Promise<string | null> {
  if (model.contract === null) return null;
  const { planImage } = await import('../image/docker.ts');
  const { directory, contract, base } = model;
  try {
    return planImage({ directory, reading: model.inspected.reading, contract, base, dockerfile: null })
      .python;
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}

/** The facts of a published version and those of the model as it is now. `mine` chooses the files that count. */
export async function madeFacts(
  old: PublishEvent,
  now: Parameters<typeof imagePythonOf>[0],
  mine: (path: string) => boolean,
): Promise<readonly [BehaviourFacts, BehaviourFacts]> {
  const imagePython = old.properties?.['image_python'] === undefined ? null : await imagePythonOf(now);
  const { reading } = now.inspected;
  return [
    behaviourFacts({ ...old, files: old.files.filter((file) => mine(file.path)) }),
    behaviourFacts({
      framework: reading?.framework ?? null,
      parameters: reading?.parameters ?? null,
      files: now.directory.files.filter((file) => mine(file.path)),
      properties: madeProperties(now.inspected, imagePython),
    }),
  ];
}
