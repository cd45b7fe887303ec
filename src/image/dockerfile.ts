/** What the generated Dockerfile depends on. Nothing in it comes from a model: names of files stay in the context. */
export interface DockerfilePlan {
  /** Base image with Python and pip, by digest where one is known: `python:3.12-slim@sha256:…`. */
  readonly base: string;
}

/**
 * Files of the build context; a Dockerfile of the user's own finds the same. Layers are tar archives with paths
 * from `/` on, which ADD unpacks as they are: folders that are copied get the time of the build from BuildKit.
 */
export const CONTEXT = {
  dockerfile: 'Dockerfile',
  requirements: 'requirements.txt',
  /** Model files that are not code: the large layer. */
  weights: 'weights.tar',
  /** The server and the model directory's own code. */
  code: 'code.tar',
  /** `contract.json`, and `serving.json` that says how to load the model. */
  contract: 'contract.tar',
} as const;

/** Where things are in the image. */
export const INSIDE = {
  home: '/opt/lading',
  model: '/opt/lading/model',
  server: '/opt/lading/lading_server',
  port: 8080,
  user: 10_001,
} as const;

const IMAGE_REFERENCE = /^[a-z0-9][a-z0-9._:/@-]*$/i;

/**
 * The Dockerfile of an image that serves a model. It is the same text for every model of one base: what varies
 * is in the build context under fixed names, so that no file name is ever read as an instruction.
 *
 * Layers are in order of change: base, dependencies, weights, server and code, contract. The dependencies are
 * made in a stage of their own, where every time is set to zero and bytecode is checked by hash: the same
 * requirements give the same layer. No `# syntax` line: it would need a pull from Docker Hub.
 * @throws Error when `base` is not an image reference; callers check what users write.
 */
export function dockerfile(plan: DockerfilePlan): string {
  if (!isImageReference(plan.base)) throw new Error(`not an image reference: ${JSON.stringify(plan.base)}`);
  const { home, model, port, user } = INSIDE;
  return `FROM ${plan.base} AS dependencies
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PYTHONDONTWRITEBYTECODE=1 PYTHONHASHSEED=0
COPY ["${CONTEXT.requirements}", "/tmp/requirements.txt"]
RUN python3 -m venv --without-pip ${home}/venv \\
 && python3 -m pip --python ${home}/venv/bin/python install --no-compile --requirement /tmp/requirements.txt \\
 && { ${home}/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash -x '/tests?/' ${home}/venv/lib || true; } \\
 && mkdir -p /layer${home} && mv ${home}/venv /layer${home}/ \\
 && find /layer -exec touch --no-dereference --date=@0 {} +

FROM ${plan.base}
ENV PATH=${home}/venv/bin:$PATH PYTHONPATH=${home} PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp PORT=${port}
COPY --link --from=dependencies ["/layer/", "/"]
ADD --link ["${CONTEXT.weights}", "/"]
ADD --link ["${CONTEXT.code}", "/"]
ADD --link ["${CONTEXT.contract}", "/"]
WORKDIR ${model}
USER ${user}:${user}
EXPOSE ${port}
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["python", "-m", "lading_server.health"]
ENTRYPOINT ["python", "-m", "lading_server"]
`;
}

/** Whether `text` can stand after FROM: no white space, no instruction, no option. */
export function isImageReference(text: string): boolean {
  return text.length <= 512 && IMAGE_REFERENCE.test(text);
}
