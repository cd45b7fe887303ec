import { lfsPointer } from '../model/lfs.ts';
import type { ModelFile } from '../model/walk.ts';
import type { Remark } from './format.ts';

export { lfsPointer } from '../model/lfs.ts';

/** Endings that people give to saved models: such a file deserves an explanation when it is none. */
const MODEL_ENDING =
  /\.(pkl|pickle|joblib|sav|onnx|pb|pbtxt|h5|hdf5|keras|pt|pth|pt2|bin|safetensors|gguf|tflite|model|bst|ubj|cbm|json|txt|pmml|mlmodel|xml|params|zip|skops|npz|dat|ckpt|mlir|rds|pdmodel)$/i;

/** Says what a file with a model's name is instead of a model; `null` when there is nothing to say. */
export function explainFile(file: ModelFile, head: Uint8Array): Remark | null {
  if (
    /\.dvc$/.test(file.path) &&
    /^(?:outs|md5|deps|wdir|frozen):/m.test(Buffer.from(head).toString('latin1'))
  )
    return {
      rule: 'file-not-a-model',
      level: 'error',
      file: file.path,
      message: 'the file says where DVC keeps the model; the model itself was not fetched',
      help: 'Run `dvc pull` before, and give the credentials of the storage to the job.',
    };
  if (!MODEL_ENDING.test(file.path)) return null;
  if (file.size === 0)
    return {
      rule: 'file-empty',
      level: 'error',
      file: file.path,
      message: 'the file is empty',
      help: 'Save the model again, and commit the file that was written.',
    };
  const pointer = lfsPointer(head);
  if (pointer)
    return {
      rule: 'file-lfs-pointer',
      level: 'error',
      file: file.path,
      message: `the file is a Git LFS pointer; the model itself (${pointer.size} bytes) was not checked out`,
      help: 'Use actions/checkout with `lfs: true`, or run `git lfs pull`.',
    };
  if (
    /^(?:\/annex\/objects\/|\.\.?\/[^\n]*\.git\/annex\/)/.test(
      Buffer.from(head.subarray(0, 200)).toString('latin1'),
    )
  )
    return {
      rule: 'file-not-a-model',
      level: 'error',
      file: file.path,
      message: 'the file is a pointer of git-annex; the model itself was not fetched',
      help: 'Run `git annex get` before.',
    };
  const text = Buffer.from(head.subarray(0, 512)).toString('latin1').trimStart().toLowerCase();
  if (text.startsWith('<!doctype html') || text.startsWith('<html'))
    return {
      rule: 'file-not-a-model',
      level: 'error',
      file: file.path,
      message: 'the file is a web page, not a model: a download probably ended on an error page',
      help: 'Open the file in an editor to see the page, then download the model again.',
    };
  const listing = listingOf(Buffer.from(head).toString('latin1'));
  if (listing !== null)
    return {
      rule: 'file-not-a-model',
      level: 'error',
      file: file.path,
      message: `the file is ${listing}, which cannot be loaded again`,
      help: 'Save the model itself: `save_model` writes a file that can be loaded.',
    };
  if (head.every((byte) => byte === 0))
    return {
      rule: 'file-not-a-model',
      level: 'error',
      file: file.path,
      message: 'the file begins with nothing but zeros',
      help: 'The write was probably interrupted: save the model again.',
    };
  return null;
}

/** What boosting libraries print of a model for people to read; `null` when it is none of that. */
function listingOf(text: string): string | null {
  if (/^booster\[0\]:\r?\n/.test(text) || /^\s*\[\s*\{\s*"(?:nodeid|bias)":/.test(text))
    return 'a listing of trees by `dump_model` of XGBoost';
  if (/^\s*\{\s*"learner"\s*:\s*\{\s*"(?:generic_param|data_split_mode)"/.test(text))
    return 'the configuration of training by `save_config` of XGBoost';
  if (/^\s*\{\s*"name"\s*:\s*"tree",\s*"version"\s*:\s*"v\d/.test(text))
    return 'a listing of trees by `dump_model` of LightGBM';
  return null;
}
