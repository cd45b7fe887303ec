const e={dockerfile:`Dockerfile`,requirements:`requirements.txt`,weights:`weights.tar`,code:`code.tar`,contract:`contract.tar`},t={home:`/opt/lading`,model:`/opt/lading/model`,server:`/opt/lading/lading_server`,port:8080,user:10001},n=/^[a-z0-9][a-z0-9._:/@-]*$/i;function r(n){if(!i(n.base))throw Error(`not an image reference: ${JSON.stringify(n.base)}`);let{home:r,model:a,port:o,user:s}=t;return`FROM ${n.base} AS dependencies
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PYTHONDONTWRITEBYTECODE=1 PYTHONHASHSEED=0
COPY ["${e.requirements}", "/tmp/requirements.txt"]
RUN python3 -m venv --without-pip ${r}/venv \\
 && python3 -m pip --python ${r}/venv/bin/python install --no-compile --requirement /tmp/requirements.txt \\
 && { ${r}/venv/bin/python -m compileall -q --invalidation-mode unchecked-hash -x '/tests?/' ${r}/venv/lib || true; } \\
 && mkdir -p /layer${r} && mv ${r}/venv /layer${r}/ \\
 && find /layer -exec touch --no-dereference --date=@0 {} +

FROM ${n.base}
ENV PATH=${r}/venv/bin:$PATH PYTHONPATH=${r} PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp PORT=${o}
COPY --link --from=dependencies ["/layer/", "/"]
ADD --link ["${e.weights}", "/"]
ADD --link ["${e.code}", "/"]
ADD --link ["${e.contract}", "/"]
WORKDIR ${a}
USER ${s}:${s}
EXPOSE ${o}
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["python", "-m", "lading_server.health"]
ENTRYPOINT ["python", "-m", "lading_server"]
`}function i(e){return e.length<=512&&n.test(e)}export{i,t as n,r,e as t};